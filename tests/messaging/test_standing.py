"""The process that holds a provider's session: it delivers, keeps what comes, and comes back."""

import time
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.messaging.actions import receipts, standing
from apps.messaging.actions.delivery import deliver_due
from apps.messaging.channels.smpp.incoming import Receipt
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider
from apps.messaging.models.trials import SeedLetter
from apps.profiles.models import Suppression
from tests.messaging.world import DAY, by_sms, fresh, planned
from tests.peers.smsc import centre


@pytest.fixture
def smsc(settings):
    settings.PROVIDER_SECRETS = {"smsc": "secret"}
    with centre(receipts="DELIVRD") as running:
        Provider.objects.filter(channel="sms").update(is_open=False, reason="Another carries SMS.")
        Provider.objects.create(
            name="smsc",
            channel="sms",
            kind="smpp",
            window=10,
            options={"host": "127.0.0.1", "port": running.port, "name": "tidings"},
        )
        yield running


@contextmanager
def serving(name="smsc"):
    stopped = Event()

    def serve():
        try:
            standing.serve(name, clock=lambda: DAY, stopped=stopped)
        finally:
            connection.close()

    thread = Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(30)
    assert not thread.is_alive()


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        receipts.settle_receipts(at=DAY)  # as a tick does: some came before we noted the answer
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_messages_go_out_and_receipts_and_replies_come_in_over_one_session(smsc, monkeypatch):
    monkeypatch.setattr(standing, "BACK_OFF", 0.01)
    first, second = by_sms(), by_sms(language="ru")
    messages = planned(first, second)
    trial = SeedLetter.objects.create(
        version=messages[0].wording, provider=Provider.objects.get(name="smsc"),
        address="+447700900123", text="[TEST]", asked_at=DAY,
    )  # fmt: skip
    with serving():
        wait_for(lambda: SeedLetter.objects.filter(pk=trial.pk, state="sent").exists())
        wait_for(lambda: Message.objects.filter(state="delivered").count() == 2)
        assert [fresh(each).provider_id for each in messages] == ["m2", "m4"]
        assert {fresh(each).parts for each in messages} == {1, 2}  # Latin and Cyrillic
        smsc.write("СТОП", sender=messages[0].contact_point.address)
        wait_for(Suppression.objects.exists)
        smsc.hang_up()
        smsc.until(lambda: len(smsc.binds) == 2)
        assert planned(first, key="stopped") == []
        (last,) = planned(second, key="again")
        wait_for(lambda: fresh(last).state == "delivered")
    assert len(smsc.sessions) == 0
    assert len(smsc.messages) == 6


@pytest.mark.django_db
def test_no_other_process_delivers_for_such_a_provider(smsc):
    (message,) = planned(by_sms())
    deliver_due(at=DAY, limit=10)
    assert (fresh(message).state, smsc.messages) == ("queued", [])


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields", [{"kind": "sms_http"}, {"environment": "production"}, {"name": "another"}]
)
def test_a_process_for_no_provider_of_here_ends_at_once(smsc, fields):
    Provider.objects.filter(name="smsc").update(**fields)
    with pytest.raises(CommandError, match="No provider “smsc”"):
        call_command("smpp", "smsc")
    assert smsc.binds == []


@pytest.mark.parametrize(
    ("stat", "code", "state", "reason"),
    [
        ("DELIVRD", "000", "delivered", ""),
        ("UNDELIV", "001", "failed", "The network did not deliver it: UNDELIV, code 001."),
        ("REJECTD", "", "failed", "The network did not deliver it: REJECTD, code –."),
        ("ENROUTE", "", "accepted", ""),
        ("WHATEVER", "", "accepted", ""),
    ],
)
def test_a_receipt_says_what_became_of_a_message(stat, code, state, reason):
    word = standing.word_of(Receipt("m1", stat, code))
    assert (word.state, word.reason, word.provider_id) == (state, reason, "m1")


def test_the_wait_before_the_next_attempt_grows_up_to_a_minute():
    waits = [standing.wait_after(failures) for failures in range(1, 40)]
    assert 1 <= waits[0] <= 2
    assert all(30 <= wait <= 60 for wait in waits[10:])
    assert len(set(waits)) == len(waits)
