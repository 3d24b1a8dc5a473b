"""What a contract's dates bring: each event once, with its own day, whatever moves meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection

from apps.events.models import Event
from apps.products.actions.lifecycle import record_milestones
from apps.products.actions.payments import mark_paid, write_plans
from apps.products.models.holdings import Payment, Policy
from apps.products.models.lifecycle import Milestone, PaymentPlan
from apps.products.models.strategies import Observation
from tests import factories

pytestmark = pytest.mark.django_db

DAY = date(2020, 1, 10)


def noon(day):
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def held(**fields):
    """A policy from 2019-11-29 to 2020-11-30, with observations on 2020-02-28 and later."""
    return factories.policy(factories.client(), factories.strategy(), **fields)


def told(kind=None):
    """Return (kind, the day it fell on) of the timeline, oldest first."""
    events = Event.objects.order_by("occurred_at", "kind", "pk")
    events = events.filter(kind=kind) if kind else events
    return [(event.kind, event.properties["on"]) for event in events]


def tick(*days):
    return [record_milestones(at=noon(day)) for day in days]


def days(first, last):
    return [first + timedelta(n) for n in range((last - first).days + 1)]


def test_a_contract_that_is_new_to_us_has_its_past_told_once():
    held(issued_on=date(2019, 11, 20), waiting_until=date(2019, 12, 3))
    assert tick(DAY, DAY, DAY + timedelta(1)) == [2, 0, 0]
    assert told() == [("policy.issued", "2019-11-20"), ("policy.waiting_over", "2019-12-04")]
    first = Event.objects.earliest("occurred_at")
    assert first.occurred_at == datetime(2019, 11, 20, 6, tzinfo=UTC)  # nine in Moscow


def test_nothing_is_written_of_a_morning_that_is_still_ahead():
    held()
    day = datetime(2020, 2, 21, 5, 59, tzinfo=UTC)  # a minute to nine in Moscow
    assert [record_milestones(at=day), record_milestones(at=day + timedelta(minutes=1))] == [1, 1]
    assert told("observation.near") == [("observation.near", "2020-02-21")]


def test_what_is_only_applied_for_is_told_when_it_is_issued():
    policy = held(state="applied")
    assert tick(DAY) == [0]
    Policy.objects.filter(pk=policy.pk).update(state="active", is_untold=True)
    assert tick(DAY) == [1]


@pytest.mark.slow
def test_every_day_of_a_year_brings_each_event_once():
    held(waiting_until=date(2019, 12, 13))
    expected = [
        ("policy.issued", "2019-11-29"),
        ("policy.waiting_over", "2019-12-14"),
        ("observation.near", "2020-02-21"),
        ("observation.near", "2020-05-22"),
        ("observation.near", "2020-08-24"),
        ("policy.maturing", "2020-10-31"),
        ("observation.near", "2020-11-23"),
    ]
    # Weekly where nothing happens, daily from two days before each event to two days after it.
    around = {date.fromisoformat(on) + timedelta(n) for _kind, on in expected for n in range(-2, 3)}
    year = days(date(2019, 11, 25), date(2020, 12, 31))
    tick(*(day for day in year if day in around or day.weekday() == 0))
    assert told() == expected


def test_a_standstill_of_two_months_is_caught_up_on_with_the_days_that_were_missed():
    held(waiting_until=date(2020, 2, 1))
    tick(DAY, date(2020, 3, 20))
    assert told() == [
        ("policy.issued", "2019-11-29"),
        ("policy.waiting_over", "2020-02-02"),
        ("observation.near", "2020-02-21"),
    ]


def test_an_observation_that_moves_comes_near_once():
    policy = held()
    tick(date(2020, 2, 22))
    policy.strategy.observations.filter(number=1).update(valuation_on=date(2020, 3, 10))
    tick(*days(date(2020, 2, 23), date(2020, 3, 12)))
    assert told("observation.near") == [("observation.near", "2020-02-21")]


def test_an_observation_that_moves_closer_is_still_told():
    policy = held()
    tick(date(2020, 2, 1))
    policy.strategy.observations.filter(number=1).update(valuation_on=date(2020, 2, 5))
    tick(date(2020, 2, 2))
    assert told("observation.near") == [("observation.near", "2020-01-29")]


def test_dates_that_no_longer_come_are_not_told():
    policy = held()
    tick(date(2020, 2, 1))
    Observation.objects.filter(strategy=policy.strategy).update(state="dropped")
    Policy.objects.filter(pk=policy.pk).update(state="called", closed_on=date(2020, 2, 2))
    tick(*days(date(2020, 2, 2), date(2020, 3, 12)), date(2020, 11, 5))
    assert told() == [("policy.issued", "2019-11-29")]


def test_another_end_is_told_anew_and_the_issue_is_not():
    policy = held()
    tick(date(2020, 11, 5))
    Policy.objects.filter(pk=policy.pk).update(ends_on=date(2020, 12, 10), is_untold=True)
    tick(*days(date(2020, 11, 6), date(2020, 11, 20)))
    assert told("policy.maturing") == [
        ("policy.maturing", "2020-10-31"),
        ("policy.maturing", "2020-11-10"),
    ]
    assert len(told("policy.issued")) == 1


@pytest.mark.parametrize("ahead", [3, 20])
def test_the_days_ahead_may_change_without_a_gap_or_a_double(ahead):
    held()
    tick(date(2020, 2, 15))
    Milestone.objects.filter(kind="observation.near").update(days=ahead, told_until=None)
    tick(*days(date(2020, 2, 16), date(2020, 3, 5)))
    assert len(told("observation.near")) == 1


def test_what_is_switched_off_is_not_written():
    held()
    Milestone.objects.update(is_on=False)
    assert tick(date(2020, 2, 25)) == [0]


def test_a_contract_shorter_than_its_strategy_matures_by_its_date():
    policy = held(ends_on=date(2020, 2, 20))
    tick(date(2020, 2, 20))
    assert Policy.objects.get().state == "active"
    tick(date(2020, 2, 21), date(2020, 2, 22))
    policy.refresh_from_db()
    assert (policy.state, policy.closed_on) == ("matured", date(2020, 2, 20))
    assert told("policy.matured") == [("policy.matured", "2020-02-20")]


def test_a_contract_whose_observation_still_waits_does_not_mature():
    held(ends_on=date(2020, 3, 15))
    tick(date(2020, 4, 1))
    assert Policy.objects.get().state == "active"


def plan(policy, **fields):
    return PaymentPlan.objects.create(
        **{
            "policy": policy,
            "amount": 100_00,
            "frequency": "monthly",
            "first_on": date(2020, 1, 31),
            "last_on": date(2020, 4, 30),
            **fields,
        }
    )


def write(*plans, on=DAY):
    return write_plans([each.pk for each in plans], on=on, at=noon(on))


def test_a_plan_is_written_once_and_its_months_end_when_months_do():
    assert write(one := plan(held())) == 4
    assert write(one) == 0
    assert list(Payment.objects.order_by("due_on").values_list("due_on", "amount")) == [
        (date(2020, 1, 31), 100_00),
        (date(2020, 2, 29), 100_00),
        (date(2020, 3, 31), 100_00),
        (date(2020, 4, 30), 100_00),
    ]


@pytest.mark.parametrize(
    ("frequency", "count"), [("once", 1), ("quarterly", 5), ("half_yearly", 3), ("yearly", 2)]
)
def test_each_frequency_has_its_own_months(frequency, count):
    assert write(plan(held(), frequency=frequency, last_on=date(2021, 1, 31))) == count


def test_a_changed_plan_replaces_what_is_still_planned_and_nothing_else():
    one = plan(held())
    write(one)
    paid = Payment.objects.order_by("due_on").first()
    mark_paid([paid.pk], on=date(2020, 1, 30), at=noon(date(2020, 1, 30)))
    PaymentPlan.objects.update(amount=150_00, last_on=date(2020, 3, 31))
    assert write(one, on=date(2020, 2, 1)) == 2
    assert list(Payment.objects.order_by("due_on", "pk").values_list("amount", "state")) == [
        (100_00, "paid"), (100_00, "cancelled"), (150_00, "planned"), (100_00, "cancelled"),
        (150_00, "planned"), (100_00, "cancelled"),
    ]  # fmt: skip


def test_a_payment_is_announced_and_called_overdue_once_unless_it_comes():
    write(plan(held(), last_on=date(2020, 2, 29)))
    january = Payment.objects.order_by("due_on").first()
    tick(date(2020, 1, 24), date(2020, 1, 25))
    mark_paid([january.pk], on=date(2020, 1, 30), at=noon(date(2020, 1, 30)))
    tick(*days(date(2020, 1, 31), date(2020, 3, 10)))
    assert [row for row in told() if row[0].startswith(("payment.", "policy.paid"))] == [
        ("payment.due", "2020-01-24"),
        ("payment.received", "2020-01-30"),
        ("policy.paid_in", "2020-01-30"),
        ("payment.due", "2020-02-22"),
        ("payment.overdue", "2020-03-01"),
    ]


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_four_ticks_at_once_write_everything_once():
    strategy = factories.strategy()
    for _ in range(20):
        factories.policy(factories.client(), strategy)
    start = Barrier(4)

    def run(_):
        start.wait()
        try:
            return record_milestones(at=noon(date(2020, 2, 25)))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(run, range(4))) == 40
    assert Event.objects.count() == 40


def test_a_contract_that_is_over_is_closed_though_nothing_of_it_is_told():
    policy = held()
    Observation.objects.update(state=Observation.State.DROPPED)
    Milestone.objects.update(is_on=False)
    record_milestones(at=noon(policy.ends_on + timedelta(days=1)))
    policy.refresh_from_db()
    assert (policy.state, policy.closed_on) == (Policy.State.MATURED, policy.ends_on)
