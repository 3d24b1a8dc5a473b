"""Two at once, an evaluation in between, killed half-way: a restatement lands once and whole."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import OperationalError, connection, transaction

from apps.events.actions import open_months
from apps.products.actions.evaluation import evaluate_due
from apps.products.actions.restatement import restate_due
from apps.products.actions.restatement.ordering import confirm_restatement, propose_terms
from apps.products.models.holdings import Policy
from apps.products.models.restatements import RestatedStrategy, Restatement
from apps.products.models.strategies import ObservationResult
from tests.products.observing import FIRST, LAST, SECOND, closes, evening, held_policy, written
from tests.products.restating import LATER, corrected, counting, coupons, person, restated, settles
from tests.products.waiting import wait_for_lock

AT = evening(FIRST) + LATER


def in_thread(act, start=None):
    if start:
        start.wait()
    try:
        return act(at=AT)
    finally:
        connection.close()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_two_at_once_restate_every_strategy_once():
    policies = [held_policy() for _ in range(4)]
    closes(FIRST)
    closes(SECOND)
    evaluate_due(at=evening(SECOND))
    corrected("IBM", FIRST, "74")
    open_months(at=AT)
    start = Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        done = sum(pool.map(lambda _: in_thread(restate_due, start), range(2)))
    assert done == 4
    assert ObservationResult.objects.count() == 16
    for policy in policies:
        assert coupons(policy) == [(0, 25_00), (50_00, 0)]
        assert settles(policy)
    assert restate_due(at=AT) == 0
    assert Restatement.objects.get().state == "done"


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_restatement_waits_for_an_evaluation_and_puts_its_result_right_too():
    policy = held_policy()
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    corrected("IBM", FIRST, "74")
    closes(SECOND)
    open_months(at=AT)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert evaluate_due(at=evening(SECOND)) == 1
            restating = pool.submit(in_thread, restate_due)
            wait_for_lock()
        assert restating.result(60) == 1
    assert counting(policy.strategy) == ["SAVED", "ACCRUED"]
    assert coupons(policy) == [(0, 25_00), (50_00, 0)]
    assert settles(policy)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_an_evaluation_leaves_a_strategy_alone_that_is_being_restated():
    policy = held_policy()
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    corrected("IBM", FIRST, "74")
    closes(SECOND)
    open_months(at=AT)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert restate_due(at=AT) == 1
            assert pool.submit(in_thread, evaluate_due).result(60) == 0
        assert pool.submit(in_thread, evaluate_due).result(60) == 1
    assert coupons(policy) == [(0, 25_00), (50_00, 0)]


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_restatement_killed_in_the_middle_leaves_nothing_behind():
    policy = held_policy()
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    corrected("IBM", FIRST, "74")
    open_months(at=AT)
    before = written()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            # The new result is written by the time it waits for this row.
            Policy.objects.select_for_update().get(pk=policy.pk)
            restating = pool.submit(in_thread, restate_due)
            killed = wait_for_lock()
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", [killed])
        with pytest.raises(OperationalError):
            restating.result(60)
    assert written() == before
    assert RestatedStrategy.objects.get().state == "queued"
    assert restate_due(at=AT) == 1
    assert coupons(policy) == [(0, 25_00)]
    assert settles(policy)


@pytest.mark.django_db
def test_who_loses_the_race_for_a_decision_changes_nothing():
    policy = held_policy()
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    proposed = propose_terms(policy.strategy_id, since=FIRST, reason="3 %", at=AT, by=None)
    assert restate_due(at=AT) == 0
    assert confirm_restatement(proposed.pk, by=person("third"), at=AT)
    assert not confirm_restatement(proposed.pk, by=person("fourth"), at=AT)
    assert Restatement.objects.get().decided_by.username == "third"


@pytest.mark.django_db
def test_the_same_restatement_twice_changes_nothing():
    policy = held_policy()
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    assert restated("IBM", FIRST, "74") == 1
    before = written()
    assert restate_due(at=evening(LAST)) == 0
    RestatedStrategy.objects.update(state="queued")
    Restatement.objects.update(state="queued")
    assert restate_due(at=evening(LAST)) == 1
    assert written() == before
    assert RestatedStrategy.objects.get().changed == 0
    assert settles(policy)
