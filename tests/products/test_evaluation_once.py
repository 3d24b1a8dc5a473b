"""Twice, four at once, killed half-way, late: an observation is evaluated once and in order."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.events.actions import Fact, listen, open_months, record
from apps.products.actions.evaluation import evaluate_due, evaluate_observation, helpers
from apps.products.models.holdings import Policy
from apps.products.models.strategies import Observation, Strategy
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
    WAITING,
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
    with django_assert_num_queries(6):
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


def evaluate_in_thread(at, start=None):
    if start:
        start.wait()
    try:
        return evaluate_due(at=at)
    finally:
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
def test_who_loses_the_race_for_an_observation_does_nothing_and_waits_for_nobody():
    taken, free = held_policy(), held_policy()
    closes(FIRST)
    open_months(at=evening(FIRST))
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert evaluate_observation(first(taken).pk, at=evening(FIRST))
            # The other's work, not committed yet, is passed by.
            assert pool.submit(evaluate_in_thread, evening(FIRST)).result(60) == 1
        assert pool.submit(evaluate_in_thread, evening(FIRST)).result(60) == 0
    assert written() == [2, 2, 2, 2, 2]
    assert [first(taken).state, first(free).state] == [EVALUATED, EVALUATED]


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
        assert waiting.result(60) == 1
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
            killed.result(60)
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
    with django_assert_num_queries(6):
        evaluate_due(at=evening(FIRST))


def test_an_evaluation_costs_the_same_queries_for_one_policy_and_for_many_strategies():
    closes(FIRST)
    counts = set()
    for strategies, policies in ((1, 1), (1, 20), (20, 1)):
        for _strategy in range(strategies):
            strategy = factories.strategy()
            for _policy in range(policies):
                held_policy(strategy)
        with CaptureQueriesContext(connection) as queries:
            assert evaluate_due(at=evening(FIRST)) == strategies
        counts.add(len(queries))
    assert len(counts) == 1


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_strategy_that_fails_in_a_batch_fails_alone():
    good, broken, also_good = held_policy(), held_policy(nominal=150_00), held_policy()
    closes(FIRST)
    assert evaluate_due(at=evening(FIRST)) == 2
    assert [first(one).state for one in (good, broken, also_good)] == [
        EVALUATED,
        WAITING,
        EVALUATED,
    ]
    assert not broken.coupons.exists()
    assert written() == [2, 2, 2, 2, 2]


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_deadlock_ends_one_attempt_and_not_the_tick():
    crossed, other = held_policy(), held_policy()
    closes(FIRST)
    open_months(at=evening(FIRST))
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        # The evaluation holds its observation and waits for the policy; we want them crosswise.
        Policy.objects.select_for_update().get(pk=crossed.pk)
        evaluation = pool.submit(evaluate_in_thread, evening(FIRST))
        wait_for_lock()
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL deadlock_timeout = '60s'")  # the other one finds it first
        Observation.objects.select_for_update().get(pk=first(crossed).pk)
    # At once where the way was free again, else by the next tick.
    assert evaluation.result(60) + evaluate_due(at=evening(FIRST)) == 2
    assert [first(one).state for one in (crossed, other)] == [EVALUATED, EVALUATED]
    assert written() == [2, 2, 2, 2, 2]


def test_a_policy_with_money_and_a_client_with_news_cannot_be_deleted():
    policy = held_policy()
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    for table, row in (("products_policy", policy.pk), ("profiles_client", policy.client_id)):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table} WHERE id = %s", [row])
    unpaid = held_policy()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM products_policy WHERE id = %s", [unpaid.pk])
        assert cursor.rowcount == 1


def test_every_row_of_an_evaluation_has_its_parents():
    held_policy()
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT count(*), count(policy), count(result), count(observation), count(client)
            FROM products_policycoupon AS coupon
            JOIN products_payment AS payment USING (policy_id, result_id)
            JOIN events_event AS event ON event.subject = 'policy:' || coupon.policy_id
            LEFT JOIN products_policy AS policy ON policy.id = coupon.policy_id
            LEFT JOIN products_observationresult AS result ON result.id = coupon.result_id
            LEFT JOIN products_observation AS observation ON observation.id = coupon.observation_id
            LEFT JOIN profiles_client AS client ON client.id = event.client_id
        """)
        assert cursor.fetchone() == (1, 1, 1, 1, 1)


def test_an_event_of_a_client_who_is_not_there_is_an_error():
    with pytest.raises(IntegrityError), transaction.atomic():
        record([Fact(0, "coupon.accrued", "policy:1", evening(FIRST), "nobody")])


def test_help_is_called_for_only_where_much_is_due():
    closes(FIRST)
    held_policy()
    assert helpers(at=evening(FIRST)) == 0
    many = Strategy.objects.bulk_create(
        Strategy(
            code=f"many-{n}", name="Many", currency="USD", state="published", struck_on=FIRST,
            matures_on=LAST, coupon_rate=0,
        )
        for n in range(250)
    )  # fmt: skip
    Observation.objects.bulk_create(
        Observation(strategy=one, number=1, scheduled_on=SECOND, valuation_on=SECOND)
        for one in many
    )
    assert helpers(at=evening(FIRST)) == 0
    assert helpers(at=evening(SECOND)) == 2
