"""The issuer's backend registers apps on clients' phones, each for one client."""

from threading import Barrier, Thread

import pytest
from django.db import connection

from apps.core import clock
from apps.messaging.actions.devices import Subscription, add_device, remove_device
from apps.messaging.models.devices import Device
from apps.profiles.models import ConsentRecord, ContactPoint, Purpose
from apps.profiles.queries.consents import consents
from tests import factories
from tests.calling import System, faults
from tests.messaging.board import someone

pytestmark = pytest.mark.django_db

TOKEN = "dXJkN2k5:APA91b" + "x" * 130
BODY = {"token": TOKEN, "consent_text": "app-push-2", "name": "Pixel"}


@pytest.fixture
def backend(client):
    return System(client, "devices:write", name="app-backend")


def reached():
    points = ContactPoint.objects.filter(channel="push", state="valid")
    return list(points.values_list("client__identifiers__value", flat=True))


def test_an_app_is_registered_once_with_its_consent(backend):
    someone()
    answers = [backend.post("/clients/C-1/apps", BODY) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.json()["state"] for answer in answers] == ["new", "unchanged"]
    device = Device.objects.get()
    assert (device.kind, device.endpoint, device.name) == ("fcm", TOKEN, "Pixel")
    consent = ConsentRecord.objects.get()
    assert (consent.channel, consent.text_version, consent.source) == (
        "push", "app-push-2", "app:app-backend",
    )  # fmt: skip
    assert answers[0].json()["address"] == device.contact_point.address


def test_the_same_request_is_answered_the_same(backend):
    someone()
    answers = [
        backend.post("/clients/C-1/apps", BODY, **{"Idempotency-Key": "a-1"}) for _ in range(2)
    ]
    assert [answer.json()["state"] for answer in answers] == ["new", "new"]


def test_an_app_that_starts_again_takes_back_no_withdrawal(backend):
    client = someone()
    backend.post("/clients/C-1/apps", BODY)
    factories.consent(client, Purpose.SERVICE, "push", granted=False, at=clock.now())
    backend.post("/clients/C-1/apps", BODY)
    assert consents([client.pk], Purpose.SERVICE) == set()
    backend.post("/clients/C-1/apps", {**BODY, "consent_text": "app-push-3"})
    assert consents([client.pk], Purpose.SERVICE) == {(client.pk, "push")}


@pytest.mark.parametrize("token", [TOKEN, "y" * 150])
def test_neither_signing_in_again_nor_a_new_token_takes_a_withdrawal_back(backend, token):
    client = someone()
    backend.post("/clients/C-1/apps", BODY)
    factories.consent(client, Purpose.SERVICE, "push", granted=False, at=clock.now())
    backend.post("/clients/C-1/apps/remove", {"token": TOKEN})
    answer = backend.post("/clients/C-1/apps", {**BODY, "token": token})
    assert (answer.json()["state"], reached()) == ("new", ["C-1"])
    assert consents([client.pk], Purpose.SERVICE) == set()


def test_an_app_that_was_removed_stays_off_until_its_client_turns_it_on(backend):
    client = someone()
    backend.post("/clients/C-1/apps", BODY)
    address = Device.objects.get().contact_point.address
    assert remove_device(client.pk, address, at=clock.now())
    answers = [backend.post("/clients/C-1/apps", BODY) for _ in range(2)]
    assert [answer.json()["state"] for answer in answers] == ["off", "off"]
    backend.post("/clients/C-1/apps", {**BODY, "consent_text": "app-push-3"})
    assert (reached(), ConsentRecord.objects.count()) == ([], 1)
    answer = backend.post("/clients/C-1/apps", {**BODY, "turned_on": True})
    assert (answer.json()["state"], reached()) == ("new", ["C-1"])


def test_an_app_that_signed_out_comes_back_by_itself(backend):
    someone()
    backend.post("/clients/C-1/apps", BODY)
    backend.post("/clients/C-1/apps/remove", {"token": TOKEN})
    assert backend.post("/clients/C-1/apps", BODY).json()["state"] == "new"
    assert reached() == ["C-1"]


def test_a_client_who_turns_push_on_in_his_app_takes_his_withdrawal_back(backend):
    client = someone()
    backend.post("/clients/C-1/apps", BODY)
    factories.consent(client, Purpose.SERVICE, "push", granted=False, at=clock.now())
    backend.post("/clients/C-1/apps", {**BODY, "turned_on": True})
    assert consents([client.pk], Purpose.SERVICE) == {(client.pk, "push")}


def test_a_phone_that_changes_hands_shows_nobodys_news_to_another(backend):
    someone()
    someone("C-2")
    backend.post("/clients/C-1/apps", BODY)
    backend.post("/clients/C-2/apps", BODY)
    assert reached() == ["C-2"]
    backend.post("/clients/C-1/apps", BODY)
    assert reached() == ["C-1"]


def test_who_signs_out_is_pushed_to_no_more(backend):
    someone()
    backend.post("/clients/C-1/apps", BODY)
    gone = [backend.post("/clients/C-1/apps/remove", {"token": TOKEN}) for _ in range(2)]
    assert [answer.json()["state"] for answer in gone] == ["removed", "unchanged"]
    assert reached() == []


def test_what_is_no_token_lands_nothing(backend):
    someone()
    answer = backend.post("/clients/C-1/apps", {**BODY, "token": "short"})
    assert (answer.status_code, faults(answer)) == (422, [("#/token", "not_a_token")])
    assert backend.post("/clients/C-9/apps", BODY).status_code == 404
    assert not Device.objects.exists()


def test_another_scope_registers_nothing(client):
    someone()
    other = System(client, "clients:write", name="core")
    assert other.post("/clients/C-1/apps", BODY).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_two_who_sign_in_on_one_phone_at_once_do_not_both_keep_it():
    people = [someone(), someone("C-2")]
    barrier = Barrier(2)

    def sign_in(person):
        barrier.wait()
        phone = Subscription(Device.Kind.FCM, TOKEN)
        add_device(person.pk, phone, source="app", at=clock.now())
        connection.close()

    threads = [Thread(target=sign_in, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reached()) == 1
