"""A push to all devices of a client: each is written to once, and he is told once."""

import json
import time
from datetime import timedelta
from threading import Thread

import pytest
from django.db import connection, transaction
from werkzeug.wrappers import Response

from apps.events.models import Event
from apps.messaging import webpush
from apps.messaging.actions import outcomes
from apps.messaging.actions.cascades import follow_up
from apps.messaging.actions.claims import claim, loaded
from apps.messaging.actions.delivery import deliver_due
from apps.messaging.actions.devices import Subscription, add_device
from apps.messaging.actions.outcomes import Outcome
from apps.messaging.actions.spreading import spread
from apps.messaging.models.devices import Device
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.providers import Provider
from apps.messaging.models.sendings import CascadeStep, Sending
from apps.messaging.queries.funnels import funnel_of_template
from apps.profiles.models import ContactPoint
from tests import factories
from tests.messaging.test_webpush import read_by_browser
from tests.messaging.world import DAY, planned

pytestmark = pytest.mark.django_db
BROWSER, SECRET = webpush.private_key(b"a browser"), "c" * 22
KEYS = {"p256dh": webpush.public_key(BROWSER), "auth": SECRET}
MINUTE = timedelta(minutes=1)


class Services:
    """The push services of several devices: what each was asked, and what it answers."""

    def __init__(self, server):
        self.asked, self.answers, self.tags = [], {}, set()
        self.url = server.url_for("")
        server.expect_request("/push", method="POST").respond_with_handler(self.take)

    def take(self, request):
        device = request.args["device"]
        self.asked.append(device)
        self.tags.add(json.loads(read_by_browser(request.data, BROWSER, SECRET))["tag"])
        return Response(status=self.answers.get(device, 201))


@pytest.fixture
def services(httpserver):
    Provider.objects.create(name="browsers", channel="push", kind="web_push", scheme="web")
    Provider.objects.create(name="apps", channel="push", kind="web_push", scheme="fcm")
    return Services(httpserver)


def someone(services, *names):
    """Make a client with devices, the last of them the one he let us use last."""
    client = factories.client()
    for minutes, name in enumerate(names):
        endpoint = f"https://fcm.googleapis.com/{name}"
        kind = "fcm" if name == "phone" else "web"
        device = Subscription(kind, name * 9 if kind == "fcm" else endpoint, **KEYS)
        add_device(client.pk, device, source="page", at=DAY - timedelta(hours=1) + minutes * MINUTE)
        Device.objects.filter(endpoint=device.endpoint).update(
            endpoint=f"{services.url}push?device={name}"
        )
    return client


def delivered(at=DAY):
    while deliver_due(at=at, limit=10):
        pass


def told(message):
    return Notice.objects.get(pk=message.notice_id).state


def test_every_device_is_told_once_and_the_client_counts_once(services):
    (message,) = planned(someone(services, "laptop", "phone", "tablet"))
    assert message.contact_point.address.startswith("web:")
    for _ in range(2):
        delivered()
    assert sorted(services.asked) == ["laptop", "phone", "tablet"]
    assert len(services.tags) == 1, "a browser with two of our subscriptions shows it once"
    assert set(Message.objects.values_list("state", "step", "number")) == {
        ("sent", None, 1), ("sent", 1, 2), ("sent", 1, 3),
    }  # fmt: skip
    assert told(message) == "done"
    assert Event.objects.filter(kind="message.sent").count() == 1
    assert funnel_of_template(message.notice.template, at=DAY).sent == 1


def test_a_device_that_is_gone_fails_nobody_and_calls_for_no_other_channel(services, gateway):
    services.answers = {"tablet": 410}
    (message,) = planned(someone(services, "laptop", "tablet"))
    deliver_due(at=DAY, limit=1)
    assert (services.asked, told(message)) == (["tablet"], "planned")
    assert follow_up(at=DAY, limit=10) == 1
    delivered()
    follow_up(at=DAY, limit=10)
    delivered()
    assert (services.asked, told(message)) == (["tablet", "laptop"], "done")
    assert gateway.requests == []
    assert ContactPoint.objects.filter(channel="push", state="valid").count() == 1


@pytest.mark.parametrize(("gone", "failed"), [("bc", 0), ("abcd", 1)])
def test_a_client_counts_as_failed_once_and_only_where_no_device_took_it(services, gone, failed):
    services.answers = dict.fromkeys(gone, 410)
    (message,) = planned(someone(services, *"abcd"))
    sending = Sending.objects.create(title="Offer", source="campaign:1", failure_share=None)
    Notice.objects.filter(pk=message.notice_id).update(sending=sending)
    delivered()
    sending.refresh_from_db()
    assert (len(services.asked), sending.failed) == (4, failed)


def test_when_all_devices_are_gone_the_next_channel_follows_once(services, gateway):
    services.answers = {"laptop": 410, "tablet": 404}
    (message,) = planned(someone(services, "laptop", "tablet"))
    delivered()
    assert told(message) == "failed"
    for _ in range(2):
        follow_up(at=DAY, limit=10)
        delivered()
    assert (len(gateway.requests), told(message)) == (1, "done")
    last = Message.objects.get(channel="sms")
    assert (last.number, last.step) == (3, 2)


def test_what_one_device_puts_off_is_repeated_there_alone(services):
    services.answers = {"laptop": 503}
    (message,) = planned(someone(services, "laptop", "tablet"))
    delivered()
    assert (services.asked, told(message)) == (["tablet", "laptop"], "done")
    services.answers = {}
    delivered(DAY + 2 * MINUTE)
    assert services.asked == ["tablet", "laptop", "laptop"]
    assert told(message) == "done"


def test_a_push_that_follows_until_he_has_seen_it_is_no_alarm_that_an_sms_ends(services):
    services.answers = {"laptop": 503, "tablet": 503}
    client = someone(services, "laptop", "tablet")
    (message,) = planned(client)
    CascadeStep.objects.create(
        template=message.notice.template, number=2, channel="push", within=MINUTE, unless="seen"
    )
    Message.objects.filter(pk=message.pk).update(number=2, step=2)
    sms = client.contact_points.get(channel="sms")
    Message.objects.create(
        notice=message.notice, channel="sms", contact_point=sms, wording=message.wording,
        state="delivered", send_after=DAY, sent_at=DAY, delivered_at=DAY,
    )  # fmt: skip
    delivered()
    follow_up(at=DAY, limit=10)
    pushes = Message.objects.filter(channel="push")
    assert list(pushes.values_list("state", "is_beside")) == [("queued", True)] * 2


def test_what_is_meant_for_one_address_goes_to_that_device_alone(services):
    client = someone(services, "laptop", "tablet")
    one = client.contact_points.filter(channel="push").first()
    planned(client, contact_point=one)
    delivered()
    assert services.asked == ["laptop"]


def test_spreading_twice_or_under_a_lost_claim_makes_no_more(services):
    planned(someone(services, "laptop", "tablet"))
    (first,) = loaded(claim(Provider.objects.get(name="browsers"), at=DAY, limit=10)[0])
    Message.objects.update(attempts=2)
    spread([first], at=DAY)
    assert Message.objects.count() == 1
    Message.objects.update(attempts=first.attempts)
    for _ in range(2):
        spread([first], at=DAY)
    assert (Message.objects.count(), first.is_beside) == (2, True)


def test_a_device_that_was_stopped_or_has_no_provider_is_left_out(services):
    client = someone(services, "laptop", "phone", "tablet")
    Provider.objects.filter(name="apps").delete()
    client.contact_points.filter(address__startswith="web:").first().delete()
    planned(client)
    delivered()
    assert services.asked == ["tablet"]


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_two_devices_that_fail_at_the_same_moment_leave_the_notice_failed(services):
    planned(someone(services, "laptop", "tablet"))
    provider = Provider.objects.get(name="browsers")
    (first,) = loaded(claim(provider, at=DAY, limit=10)[0])
    spread([first], at=DAY)
    (other,) = loaded(claim(provider, at=DAY, limit=10)[0])

    def fail():
        outcomes.record([Outcome.failed(other, "gone", at=DAY)], at=DAY)
        connection.close()

    thread = Thread(target=fail)
    with transaction.atomic():
        outcomes.record([Outcome.failed(first, "gone", at=DAY)], at=DAY)
        thread.start()
        wait_for_somebody_who_waits()
    thread.join()
    assert told(first) == "failed"


def wait_for_somebody_who_waits():
    end = time.monotonic() + 30
    with connection.cursor() as cursor:
        while time.monotonic() < end:
            cursor.execute("SELECT FROM pg_locks WHERE NOT granted")
            if cursor.rowcount:
                return
            time.sleep(0.01)
    raise AssertionError("Nobody waits for the notice.")
