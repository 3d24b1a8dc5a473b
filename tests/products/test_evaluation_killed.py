"""Real evaluators, killed as a machine may be at any moment: each observation is evaluated once."""

import multiprocessing
import random
import time

import pytest
from django.db import connection

from apps.events.actions import listen, open_months
from apps.products.actions.evaluation import evaluate_due
from apps.products.models.holdings import Payment, PolicyCoupon
from apps.products.models.strategies import Observation, ObservationResult
from tests import factories
from tests.products.observing import DAYS, LAST, THIRD, closes, evening, held_policy, written
from tests.products.waiting import wait_for_the_killed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.concurrency,
    pytest.mark.django_db(transaction=True),
]

STRATEGIES, KILLS = 40, 8
FORK = multiprocessing.get_context("fork")


def evaluate_for_ever():
    while True:
        evaluate_due(at=evening(LAST))


def evaluator():
    """Start a process that evaluates what is due until it is killed."""
    connection.close()  # a process of its own opens one of its own
    process = FORK.Process(target=evaluate_for_ever)
    process.start()
    return process


def kill(process):
    process.kill()
    process.join()


def open_left():
    return Observation.objects.filter(state__in=Observation.OPEN).exists()


def test_four_evaluators_killed_at_any_moment_leave_one_result_of_each_observation():
    listen("messaging", ["coupon.accrued", "coupon.saved", "strategy.matured"])
    open_months(at=evening(LAST))
    strategies = [factories.strategy() for _place in range(STRATEGIES)]
    for strategy in strategies:
        held_policy(strategy)
    for place, day in enumerate(DAYS):
        closes(day, ibm=("80", "70")[place % 2])
    dice = random.Random(7)
    team = [evaluator() for _place in range(4)]
    try:
        for _kill in range(KILLS):
            time.sleep(dice.uniform(0, 0.15))  # the moment is the dice's, no condition is awaited
            kill(team.pop(0))
            held_policy(dice.choice(strategies), starts_on=THIRD)  # imported meanwhile
            team.append(evaluator())
    finally:
        for process in team:
            kill(process)
    wait_for_the_killed()
    evaluate_due(at=evening(LAST))

    assert not open_left()
    results = ObservationResult.objects.count()
    assert results == ObservationResult.objects.current().count() == STRATEGIES * len(DAYS)
    coupons = PolicyCoupon.objects.values_list("result__observation", "policy")
    assert len(coupons) == len(set(coupons)) >= STRATEGIES * len(DAYS)
    _results, _coupons, _payments, events, inbox = written()
    assert events == inbox == len(coupons)
    assert Payment.objects.filter(kind="redemption").count() == len(
        set(coupons.filter(result__matured=True).values_list("policy"))
    )
