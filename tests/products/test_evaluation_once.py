"""Twice, four at once, killed half-way, late: an observation is evaluated once and in order."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.events.actions import listen
from apps.products.actions.evaluation import evaluate_due, evaluate_observation
from apps.products.models.holdings import Policy
from apps.products.models.strategies import Strategy
from tests import factories
from tests.products.observing import (
    DAYS,
    DROPPED,
    EVALUATED,
    FIRST,
    LAST,
    PLANNED,
    SECOND,
    THIRD,
    closes,
    evening,
    first,
    held_policy,
    states,
    written,
)
from tests.products.waiting import wait_for_lock

pytestmark = pytest.mark.django_db


def test_running_twice_changes_nothing():
    listen("messaging", ["coupon.accrued"])
    policy = held_policy()
    closes(FIRST)
    assert evaluate_due(at=evening(FIRST)) == 1
    before = written()
    assert evaluate_due(at=evening(FIRST) + timedelta(hours=1)) == 0
    assert not evaluate_observation(first(policy).pk, at=evening(SECOND))
    assert written() == before == [1, 1, 1, 1, 1]


def test_waiting_twice_writes_nothing_the_second_time(django_assert_num_queries):
    held_policy()
    evaluate_due(at=evening(FIRST))
    with django_assert_num_queries(5):
        assert evaluate_due(at=evening(FIRST)) == 0


def test_a_catch_up_takes_the_observations_in_order_until_nothing_is_due():
    policy = held_policy()
    for day, ibm in zip(DAYS, ("50", "60", "80", "90"), strict=True):
        closes(day, ibm=ibm)
    other = held_policy(factories.strategy(call_barrier=Decimal("0.8")))
    assert evaluate_due(at=evening(LAST)) == 7
    for one, outcomes in ((policy, "SAVED SAVED ACCRUED ACCRUED"), (other, "SAVED SAVED ACCRUED")):
        coupons = one.coupons.order_by("observation__number")
        assert [coupon.outcome for coupon in coupons] == outcomes.split()
    assert states(other.strategy)[3] == DROPPED
    assert evaluate_due(at=evening(LAST) + timedelta(days=400)) == 0


def evaluate_in_thread(at, start=None, statements=None):
    if start:
        start.wait()
    try:
        with CaptureQueriesContext(connection) as queries:
            return evaluate_due(at=at)
    finally:
        if statements is not None:
            statements += [query["sql"] for query in queries]
        connection.close()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_four_at_once_evaluate_everything_once():
    listen("messaging", ["coupon.accrued", "coupon.saved"])
    policies = [held_policy() for _place in range(4)]
    for policy in policies:
        held_policy(policy.strategy)
    for day in (FIRST, SECOND, THIRD):
        closes(day, ibm="80")
    start = Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        counts = pool.map(lambda _: evaluate_in_thread(evening(THIRD), start), range(4))
        done = sum(counts)
    done += evaluate_due(at=evening(THIRD))
    assert done == 12
    assert written() == [12, 24, 24, 24, 24]


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_who_loses_the_race_for_an_observation_does_nothing():
    policy = held_policy()
    closes(FIRST)
    statements = []
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert evaluate_due(at=evening(FIRST)) == 1
            losing = pool.submit(evaluate_in_thread, evening(FIRST), statements=statements)
            wait_for_lock()
        assert losing.result() == 0
    # It was stopped by its own guard, not by the unique key behind it.
    assert [sql for sql in statements if sql.startswith("UPDATE")]
    assert not [sql for sql in statements if sql.startswith("INSERT")]
    assert written() == [1, 1, 1, 1, 1]
    assert first(policy).state == EVALUATED


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_an_evaluation_waits_for_who_changes_a_policy_and_pays_what_he_left():
    changed = held_policy(factories.strategy(call_barrier=1), nominal=1000_00)
    surrendered = held_policy(changed.strategy)
    closes(FIRST)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Policy.objects.filter(pk=changed.pk).update(nominal=200_00)
            Policy.objects.filter(pk=surrendered.pk).update(state=Policy.State.SURRENDERED)
            waiting = pool.submit(evaluate_in_thread, evening(FIRST))
            wait_for_lock()
        assert waiting.result() == 1
    assert {one.kind: one.amount for one in changed.payments.all()} == {
        "coupon": 5_00,
        "redemption": 200_00,
    }
    assert not surrendered.coupons.exists()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_an_evaluation_killed_in_the_middle_leaves_nothing_behind():
    policy = held_policy(factories.strategy(call_barrier=1))
    closes(FIRST)
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        # Coupons, payments and events are written by the time it waits for this row.
        Strategy.objects.select_for_update().get(pk=policy.strategy_id)
        killed = pool.submit(evaluate_in_thread, evening(FIRST))
        victim = wait_for_lock()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [victim])
        with pytest.raises(OperationalError):
            killed.result()
    assert written() == [0, 0, 0, 0, 0]
    assert first(policy).state == PLANNED
    assert evaluate_due(at=evening(FIRST)) == 1
    assert written() == [1, 1, 2, 1, 1]


def test_a_tick_over_many_waiting_strategies_costs_a_fixed_number_of_queries(
    django_assert_num_queries,
):
    for _place in range(5):
        held_policy()
    evaluate_due(at=evening(FIRST))
    with django_assert_num_queries(5):
        evaluate_due(at=evening(FIRST))


def test_an_evaluation_costs_the_same_queries_for_one_policy_and_for_fifty(
    django_assert_num_queries,
):
    closes(FIRST)
    for policies in (1, 50):
        strategy = factories.strategy()
        client = factories.client()
        for _place in range(policies):
            factories.policy(client, strategy)
        observation = strategy.observations.get(number=1)
        with django_assert_num_queries(18):
            assert evaluate_observation(observation.pk, at=evening(FIRST))
