"""Sendings that pause, grow and stop; providers that rest, keep to a rate and are looked up."""

from datetime import timedelta

import pytest
from django.db import connection

from apps.messaging.actions import claims, providers, sendings
from apps.messaging.actions.delivery import deliver_due
from apps.messaging.actions.handing import mark
from apps.messaging.actions.preparing import look_again, write_letters
from apps.messaging.channels import Answer, Verdict
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.providers import Provider
from apps.messaging.models.sendings import Sending
from apps.messaging.models.stops import Stop
from apps.profiles.actions.suppressions import suppress
from apps.profiles.models import Channel, Purpose
from tests import factories
from tests.messaging.world import DAY, by_sms, fresh, planned

pytestmark = pytest.mark.django_db
BUSY = Answer(Verdict.AGAIN, reason="Busy.")
FINE = Answer(Verdict.SENT)


@pytest.fixture(autouse=True)
def new_hundred(db):
    """Number notices from a round hundred: a ramp goes by their last two digits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence('messaging_notice', 'id')")
        (numbers,) = cursor.fetchone()
        cursor.execute(
            "SELECT setval(%s, (nextval(%s) / 100 + 1) * 100, false)", [numbers, numbers]
        )


@pytest.fixture
def provider():
    return Provider.objects.get(channel="sms")


def sending_of(*messages, **fields):
    made = Sending.objects.create(title="Offer", source="campaign:1", **fields)
    Notice.objects.filter(messages__in=messages).update(sending=made)
    return made


def states():
    return sorted(Message.objects.values_list("state", flat=True))


def test_a_sending_pauses_at_its_limit_and_the_rest_goes_on(gateway):
    ours = planned(*(by_sms() for _ in range(5)))
    sending = sending_of(*ours, failure_limit=2, failure_share=None)
    (other,) = planned(by_sms())
    gateway.answers = [400, 400]
    for message in ours[:2]:
        Message.objects.filter(pk=message.pk).update(send_after=DAY - timedelta(hours=1))
    deliver_due(at=DAY - timedelta(hours=1), limit=10)
    sending.refresh_from_db()
    assert (sending.state, sending.failed) == ("paused", 2)
    while deliver_due(at=DAY, limit=10):
        pass
    assert fresh(other).state == "sent"
    assert states() == ["failed", "failed", "held", "held", "held", "sent"]
    assert [sendings.resume_sending(sending.pk) for _ in range(2)] == [True, False]
    sendings.let_go_on(at=DAY)
    deliver_due(at=DAY, limit=10)
    assert states() == ["failed", "failed", "sent", "sent", "sent", "sent"]


def test_a_sending_pauses_at_its_share(gateway):
    sending = sending_of(*planned(*(by_sms() for _ in range(3))), failure_share=40)
    gateway.answers = [400]
    deliver_due(at=DAY, limit=1)
    sending.refresh_from_db()
    assert sending.state == "running"
    gateway.answers = [400]
    deliver_due(at=DAY, limit=1)
    sending.refresh_from_db()
    assert sending.state == "paused"


def test_a_ramp_lets_out_a_share_and_then_the_rest(gateway):
    messages = planned(*(by_sms() for _ in range(4)))
    share = sorted(message.notice_id % 100 for message in messages)[1]
    sending = sending_of(*messages, released=share, released_at=DAY, ramp=[share, 100])
    while deliver_due(at=DAY, limit=10):
        pass
    assert states() == ["held", "held", "held", "sent"]
    assert sendings.let_go_on(at=DAY) == 0
    assert sendings.let_go_on(at=DAY + sendings.STEP) == 3
    deliver_due(at=DAY + sendings.STEP, limit=10)
    sending.refresh_from_db()
    assert (sending.released, states()) == (100, ["sent"] * 4)


def ramp_of(*messages):
    """Let all of a first step out, of which there is a second."""
    return sending_of(*messages, released=99, released_at=DAY, ramp=[99, 100])


def grown(sending, *, at):
    sendings.advance_ramps(at=at)
    return Sending.objects.get(pk=sending.pk).released == 100


def test_a_ramp_waits_for_nobody_who_sleeps_once_others_have_been_told(gateway):
    asleep = by_sms(quiet_from="00:00", quiet_until="23:59")
    sending = ramp_of(*planned(by_sms(), asleep, by_sms()))
    deliver_due(at=DAY, limit=1)
    assert not grown(sending, at=DAY + sendings.STEP)  # one could leave and has not
    deliver_due(at=DAY, limit=10)
    assert states() == ["queued", "sent", "sent"]
    assert not grown(sending, at=DAY + sendings.STEP - timedelta(seconds=1))
    assert grown(sending, at=DAY + sendings.STEP)
    assert sendings.advance_ramps(at=DAY + sendings.STEP) == 0


def test_a_step_let_out_at_night_begins_in_the_morning(gateway):
    asleep = by_sms(quiet_from="00:00", quiet_until="23:59")
    (message,) = planned(asleep)
    sending, morning = ramp_of(message), message.send_after
    assert morning > DAY + sendings.STEP
    assert not grown(sending, at=morning - timedelta(seconds=1))
    deliver_due(at=morning, limit=10)
    assert not grown(sending, at=morning + timedelta(seconds=1))
    assert grown(sending, at=morning + sendings.STEP)


@pytest.mark.parametrize(
    "waits",
    [{"state": "claimed", "leased_until": DAY}, {"state": "held"}, {"deferrals": 1}],
)
def test_a_ramp_waits_for_what_a_provider_or_a_sender_has_in_hand(gateway, waits):
    told, other = planned(by_sms(), by_sms())
    sending = ramp_of(told, other)
    later = DAY + sendings.STEP * 2
    Message.objects.filter(pk=other.pk).update(send_after=later, **waits)
    deliver_due(at=DAY, limit=10)
    assert fresh(told).state == "sent"
    assert not grown(sending, at=DAY + sendings.STEP)
    Message.objects.filter(pk=other.pk).update(state="queued", deferrals=0)
    assert grown(sending, at=DAY + sendings.STEP)


def test_a_notice_that_waits_for_a_price_holds_up_no_ramp(gateway):
    told, other = planned(by_sms(), by_sms())
    sending = ramp_of(told, other)
    Message.objects.filter(pk=other.pk).delete()
    Notice.objects.filter(pk=other.notice_id).update(state="queued", ask_after=None)
    deliver_due(at=DAY, limit=10)
    assert not grown(sending, at=DAY + sendings.STEP)
    Notice.objects.filter(pk=other.notice_id).update(ask_after=DAY + sendings.STEP * 2)
    assert grown(sending, at=DAY + sendings.STEP)


def test_a_stopped_sending_sends_nothing_more_and_says_why(gateway):
    (message,) = planned(by_sms())
    sending = sending_of(message)
    assert [sendings.stop_sending(sending.pk, "Wrong terms.") for _ in range(2)] == [True, False]
    deliver_due(at=DAY, limit=10)
    sendings.let_go_on(at=DAY)
    message = fresh(message)
    assert (message.state, message.reason, gateway.requests) == ("skipped", "Wrong terms.", [])
    assert message.notice.state == "skipped"


def halt(message):
    sendings.pause_sending(message.notice.sending_id, "Wait.")


def close(_message):
    Provider.objects.update(is_open=False, reason="Wait.")


def stop(_message):
    Stop.objects.create(scope="channel", value="sms", reason="Wait.")


def say_stop(message):
    suppress("sms", message.contact_point.address, reason="stop", source="test", at=DAY)


def withdraw(message):
    client = message.notice.client
    factories.consent(client, Purpose.SERVICE, Channel.SMS, granted=False, at=DAY)


@pytest.mark.parametrize("change", [halt, close, stop, say_stop, withdraw])
def test_what_changes_after_the_gate_was_asked_still_stops_the_letter(provider, change):
    (message,) = planned(by_sms())
    sending_of(message)
    claimed = claims.loaded(claims.claim(provider, at=DAY, limit=10)[0])
    ready = write_letters(look_again(claimed, at=DAY), at=DAY)
    change(claimed[0])
    assert mark(ready, provider, at=DAY) == set()
    assert fresh(message).handed_at is None


def test_a_failing_provider_rests_ever_longer_and_is_tried_out_with_one_letter(provider):
    assert not providers.note(provider, [BUSY] * 4, at=DAY)
    assert providers.note(provider, [BUSY], at=DAY)
    provider.refresh_from_db()
    first = provider.rests_until - DAY
    assert providers.REST <= first <= providers.REST * 1.2
    assert provider not in providers.working(at=DAY)
    assert provider in providers.working(at=provider.rests_until)
    assert providers.note(provider, [BUSY], at=DAY)
    provider.refresh_from_db()
    assert provider.rests_until - DAY >= providers.REST * 2
    assert not providers.note(provider, [FINE], at=DAY)
    provider.refresh_from_db()
    assert (provider.failures, provider.trips, provider.rests_until) == (0, 0, None)


def test_a_provider_that_asks_for_patience_gets_it(provider):
    wait = timedelta(minutes=7)
    assert providers.note(provider, [Answer(Verdict.AGAIN, reason="Busy.", wait=wait)], at=DAY)
    provider.refresh_from_db()
    assert provider.rests_until == DAY + wait


def test_senders_share_a_providers_rate(provider):
    provider.rate = 4
    provider.save()
    mine, theirs = providers.Pace(provider), providers.Pace(provider)
    assert mine.ask(3_600) is None
    assert 3_500 < theirs.ask(3_600) <= 3_600
    assert theirs.take(10, until=0) == 0
