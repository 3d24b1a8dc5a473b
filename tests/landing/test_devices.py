"""Push on the client's page: a browser is taken up with its client's word, and given up again."""

import json

import pytest
from django.core.exceptions import ValidationError

from apps.events.models import Event
from apps.messaging import webpush
from apps.messaging.actions.devices import MOST_DEVICES, Subscription, add_device, remove_device
from apps.messaging.models.devices import Device
from apps.messaging.queries.devices import application_key, devices_of
from apps.profiles.models import Channel, ConsentRecord, ContactPoint, Purpose
from tests import factories

KEYS = {"p256dh": webpush.public_key(webpush.private_key(b"a browser")), "auth": "s" * 22}
ENDPOINT = "https://updates.push.services.mozilla.com/wpush/v2/abc"
TOKEN = "fcm-token:" + "A" * 40

pytestmark = pytest.mark.django_db


def browser(endpoint=ENDPOINT):
    return Subscription(Device.Kind.WEB, endpoint, **KEYS, name="Firefox, Linux")


def said(endpoint=ENDPOINT, keys=KEYS):
    return json.dumps({"endpoint": endpoint, "expirationTime": None, "keys": keys})


def post(client, world, body):
    return client.post(f"{world.page}devices/", body, content_type="application/json")


def test_a_device_is_taken_up_once_with_its_consent(today):
    someone = factories.client(consents=())
    assert add_device(someone.pk, browser(), source="personal page", at=today) == "new"
    assert add_device(someone.pk, browser(), source="personal page", at=today) == "unchanged"
    point = ContactPoint.objects.get(client=someone, channel=Channel.PUSH)
    assert (point.state, point.verified_at) == (ContactPoint.State.VALID, today)
    assert point.address.startswith("web:")
    assert ENDPOINT not in point.address
    consent = ConsentRecord.objects.get(client=someone)
    assert (consent.purpose, consent.channel, consent.granted) == (
        Purpose.SERVICE, Channel.PUSH, True,
    )  # fmt: skip
    assert Event.objects.filter(client=someone, kind="device.added").count() == 1


def test_a_device_given_up_is_told_once_and_may_come_back(today):
    someone = factories.client(consents=())
    add_device(someone.pk, browser(), source="personal page", at=today)
    address = browser().address
    assert remove_device(someone.pk, address, at=today)
    assert not remove_device(someone.pk, address, at=today)
    assert not devices_of(someone.pk)
    assert add_device(someone.pk, browser(), source="personal page", at=today) == "new"
    assert [device.endpoint for device in devices_of(someone.pk)] == [ENDPOINT]


def test_nobody_gives_up_the_device_of_another(today):
    someone, other = factories.client(), factories.client()
    add_device(someone.pk, browser(), source="personal page", at=today)
    assert not remove_device(other.pk, browser().address, at=today)
    assert devices_of(someone.pk).count() == 1


def test_the_oldest_device_gives_way_to_one_too_many(today):
    someone = factories.client()
    for number in range(MOST_DEVICES + 1):
        add_device(someone.pk, browser(f"{ENDPOINT}{number}"), source="personal page", at=today)
    kept = {device.endpoint for device in devices_of(someone.pk)}
    assert kept == {f"{ENDPOINT}{number}" for number in range(1, MOST_DEVICES + 1)}


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "http://updates.push.services.mozilla.com/x",
        "https://updates.push.services.mozilla.com.evil.example/x",
        "https://evil.example/updates.push.services.mozilla.com",
        "https://127.0.0.1/x",
        "https://[::1]:8000/x",
        "https://updates.push.services.mozilla.com:8443/x",
        "https://notify.windows.com@evil.example/x",
        "https://[broken",
        "https://updates.push.services.mozilla.com/" + "x" * 2000,
    ],
)
def test_an_address_that_is_no_push_service_is_refused(today, settings, endpoint):
    settings.INSECURE_HTTP = False
    someone = factories.client()
    with pytest.raises(ValidationError, match="no push service"):
        add_device(someone.pk, browser(endpoint), source="personal page", at=today)
    assert not Device.objects.exists()


def test_services_below_a_named_domain_are_known(today, settings):
    settings.INSECURE_HTTP = False
    someone = factories.client()
    endpoint = "https://db5p.notify.windows.com/w/?token=x"
    assert add_device(someone.pk, browser(endpoint), source="personal page", at=today) == "new"


@pytest.mark.parametrize("token", ["", "short", "with space " + "x" * 30, "ы" * 40, "x" * 1001])
def test_what_is_no_token_of_an_app_is_refused(today, token):
    someone = factories.client()
    with pytest.raises(ValidationError, match="no token"):
        add_device(someone.pk, Subscription(Device.Kind.FCM, token), source="app", at=today)


def test_the_page_offers_it_only_with_the_figures(client, world):
    assert "push.js" not in client.get(world.page).content.decode()
    client.post(f"{world.page}show/")
    assert f'data-key="{application_key()}"' in client.get(world.page).content.decode()


def test_the_browser_is_taken_up_and_listed_and_removed(client, world):
    client.post(f"{world.page}show/")
    agent = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
    answer = client.post(
        f"{world.page}devices/", said(), content_type="application/json", headers=agent
    )
    assert answer.status_code == 204
    assert "Firefox, Linux" in client.get(world.page).content.decode()
    answer = client.post(f"{world.page}devices/remove/", {"address": browser().address})
    assert answer["Location"].endswith("#push")
    assert not devices_of(world.client.pk)


def test_without_the_figures_shown_no_device_is_taken_up(client, world):
    assert post(client, world, said()).status_code == 403
    assert not Device.objects.exists()


@pytest.mark.parametrize(
    "body",
    ["", "[]", "null", "{", "[" * 100_000, '{"endpoint": 1, "keys": {}}', said(keys={}),
     said(keys={"p256dh": 1, "auth": 2}), said(keys={"p256dh": "AA", "auth": "AA"}),
     said("javascript:alert(1)"), "\udcff"],
)  # fmt: skip
def test_rubbish_is_refused_with_a_sentence(client, world, body):
    client.post(f"{world.page}show/")
    answer = post(client, world, body.encode("utf-8", "surrogateescape"))
    assert answer.status_code == 422
    assert answer.json()["reason"]
    assert not Device.objects.exists()


def test_the_worker_is_served_where_the_pages_lie(client, db):
    answer = client.get("/p/worker.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert b"showNotification" in answer.content
