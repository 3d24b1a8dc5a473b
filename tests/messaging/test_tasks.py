"""The ticks: each empties its queue and rings for the next."""

import pytest
from django.utils import timezone

from apps.messaging import tasks
from apps.messaging.models.outbox import Message, Notice
from tests import factories
from tests.messaging.world import evaluated, happened, noticed

pytestmark = pytest.mark.django_db


@pytest.fixture
def wide_awake():
    """A client without quiet hours at this real moment."""
    hour = timezone.now().hour  # noqa: TID251
    return factories.client(
        time_zone="UTC",
        time_zone_source="stated",
        quiet_from=f"{(hour + 12) % 24:02}:00",
        quiet_until=f"{(hour + 13) % 24:02}:00",
    )


def test_each_tick_rings_for_the_next_once_its_work_is_committed(
    gateway, wide_awake, django_capture_on_commit_callbacks
):
    strategy = factories.strategy()
    now = timezone.now()  # noqa: TID251
    strategy.observations.filter(number=1).update(valuation_on=now.date())
    policy = factories.policy(wide_awake, strategy)
    happened(evaluated(strategy), [policy], at=now)
    with django_capture_on_commit_callbacks() as rung:
        assert tasks.route_inbox() == 1
        assert tasks.plan_messages() == 1
        assert tasks.deliver_due() == 1
    assert rung == [tasks.plan_messages.delay, tasks.deliver_due.delay]
    assert Message.objects.get().state == "sent"


def test_a_queue_longer_than_a_batch_is_emptied(gateway, wide_awake, monkeypatch):
    monkeypatch.setattr(tasks, "PLANNED", 2)
    monkeypatch.setattr(tasks, "CLAIMED", 2)
    now = timezone.now()  # noqa: TID251
    for number in range(5):
        noticed(wide_awake, key=f"n{number}", at=now)
    assert tasks.plan_messages() == 5
    assert tasks.deliver_due() == 5
    assert tasks.deliver_due() == 0
    assert set(Notice.objects.values_list("state", flat=True)) == {"done"}


def test_an_idle_tick_does_nothing(gateway, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as rung:
        assert tasks.route_inbox() == tasks.plan_messages() == tasks.deliver_due() == 0
    assert rung == gateway.requests == []
