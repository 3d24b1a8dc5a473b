"""The next batch is prepared while one leaves; what has changed meanwhile still counts."""

import threading
import time
from datetime import UTC, timedelta

import pytest

from apps.messaging.actions import delivery
from apps.messaging.actions.delivery import deliver_on, hand_over, prepared
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider
from apps.profiles.models import ContactPoint
from tests.messaging.world import DAY, by_email, by_sms, fresh, planned

pytestmark = pytest.mark.django_db


def a_batch():
    return next(batch for batch in prepared(at=DAY, limit=10, provider="") if batch.ready)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_batches_are_prepared_aside_and_each_message_is_sent_once(gateway, monkeypatch):
    messages = planned(*(by_sms() for _ in range(7)))
    threads = set()
    write = delivery.write_letters

    def seen(messages, *, at):
        threads.add(threading.current_thread())
        return write(messages, at=at)

    monkeypatch.setattr(delivery, "write_letters", seen)
    assert deliver_on(clock=lambda: DAY, limit=2, until=time.monotonic() + 60) == 7
    assert sorted(gateway.keys) == sorted(str(message.key) for message in messages)
    assert set(Message.objects.values_list("state", "attempts")) == {("sent", 1)}
    assert len(threads) > 1


@pytest.mark.parametrize(
    "since", [{"is_open": False, "reason": "A test."}, {"rests_until": DAY + timedelta(hours=1)}]
)
def test_what_was_prepared_goes_back_where_its_provider_takes_nothing_now(gateway, since):
    (message,) = planned(by_sms())
    batch = a_batch()
    Provider.objects.filter(channel="sms").update(**since)
    hand_over(batch, at=DAY)
    assert gateway.requests == []
    kept = fresh(message)
    assert (kept.state, kept.send_after, kept.leased_until) == ("queued", message.send_after, None)


@pytest.mark.parametrize("since", [{"described_at": DAY}, {"settles": "none"}])
def test_what_may_be_out_goes_to_no_provider_that_would_not_know_it_again(gateway, since):
    (message,) = planned(by_sms())
    provider = Provider.objects.filter(channel="sms")
    provider.update(settles="key")
    Message.objects.update(handed_at=DAY - timedelta(minutes=5), carried_by=provider.get())
    batch = a_batch()
    provider.update(**since)
    hand_over(batch, at=DAY)
    assert (gateway.requests, fresh(message).state) == ([], "unknown")


def test_what_waited_for_its_turn_is_not_begun_with_before_quiet_hours(inbox):
    begins = (DAY + timedelta(seconds=35)).astimezone(UTC).time()
    client = by_email(time_zone="UTC", time_zone_source="stated", quiet_from=begins)
    (message,) = planned(client)
    hand_over(a_batch(), at=DAY + timedelta(seconds=11))
    assert inbox.letters == []
    assert fresh(message).state == "queued"
    assert fresh(message).send_after > DAY + timedelta(seconds=35)


@pytest.mark.parametrize("lost", ["removed", "with another client"])
def test_nothing_leaves_to_an_address_that_was_lost_while_the_batch_waited(gateway, lost):
    (message,) = planned(by_sms(time_zone="UTC", time_zone_source="stated"))
    batch = a_batch()
    point = ContactPoint.objects.filter(pk=message.contact_point_id)
    if lost == "removed":
        point.update(state="removed")
    else:  # two who were merged by mistake are two again
        point.update(client=by_email())
    hand_over(batch, at=DAY)
    assert (gateway.requests, fresh(message).state) == ([], "queued")
    assert fresh(message).handed_at is None
    delivery.deliver_due(at=DAY + delivery.SOON, limit=10)
    assert (gateway.requests, fresh(message).state) == ([], "skipped")
