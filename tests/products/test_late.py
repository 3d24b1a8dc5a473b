"""Policies that come after their observation: listed, and given what they are owed by one action."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from apps.events.models import Event
from apps.products.actions.evaluation import evaluate_due
from apps.products.actions.late import evaluate_late, late_strategies
from apps.products.actions.policies import ChangeError, Wanted, change_policy, issue
from apps.products.models.holdings import Policy, PolicyCoupon
from apps.products.models.markets import Quote
from apps.products.models.strategies import ObservationResult
from apps.products.queries.late import late_policies, stray_policies
from tests import factories
from tests.products.observing import FIRST, SECOND, closes, evening, held_policy, written
from tests.products.restating import coupons, money, settles

pytestmark = pytest.mark.django_db
AT = evening(SECOND) + timedelta(days=30)
ENTERED = date(2020, 6, 15)


def late(strategy, **fields):
    return factories.policy(factories.client(), strategy, entered_on=ENTERED, **fields)


def test_a_policy_entered_after_its_observation_gets_the_coupons_that_count():
    first = held_policy()
    closes(FIRST, ibm="74")
    closes(SECOND)
    evaluate_due(at=evening(SECOND))
    assert not late_policies(at=AT).exists()
    policy = late(first.strategy, nominal=2000_00)
    assert list(late_policies(at=AT)) == [policy]
    assert late_strategies(at=AT) == [first.strategy_id]

    assert evaluate_late([first.strategy_id], at=AT) == (2, [])

    assert coupons(policy) == [(0, 50_00), (100_00, 0)]
    assert money(policy) == [("coupon", 100_00, "planned")]
    kinds = Event.objects.filter(client=policy.client).order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["coupon.saved", "coupon.accrued"]
    assert ObservationResult.objects.count() == 2
    assert not late_policies(at=AT).exists()
    before = written()
    assert evaluate_late([first.strategy_id], at=AT) == (0, [])
    assert written() == before
    assert settles(first)


def test_a_late_policy_of_a_called_strategy_is_called_with_it():
    first = held_policy(factories.strategy(call_barrier=1))
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    policy = late(first.strategy)
    assert list(late_policies(at=AT)) == [policy]
    assert not stray_policies().exists()
    assert evaluate_late([first.strategy_id], at=AT) == (1, [])
    policy.refresh_from_db()
    assert (policy.state, policy.closed_on) == (Policy.State.CALLED, FIRST)
    assert money(policy) == [("coupon", 25_00, "planned"), ("redemption", 1000_00, "planned")]


def test_a_policy_that_began_after_the_call_is_a_stray_and_for_a_person():
    first = held_policy(factories.strategy(call_barrier=1))
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    policy = late(first.strategy, starts_on=FIRST + timedelta(days=1))
    assert list(stray_policies()) == [policy]
    assert not late_policies(at=AT).exists()
    assert evaluate_late([first.strategy_id], at=AT) == (0, [])


def test_late_policies_wait_where_a_result_must_be_restated_first():
    first = held_policy()
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    policy = late(first.strategy)
    Quote.objects.filter(underlying__ticker="IBM").update(close=Decimal(74))
    count, objections = evaluate_late([first.strategy_id], at=AT)
    assert count == 0
    assert "restate it first" in objections[0]
    assert not PolicyCoupon.objects.filter(policy=policy).exists()


def test_a_late_policy_is_not_changed_before_it_has_its_coupons_of_the_days_before():
    held = held_policy()
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    policy = late(held.strategy)
    more = Wanted(policy.pk, "top_up", date(2020, 3, 15), nominal=1000_00)
    with pytest.raises(ChangeError, match="late policies"):
        change_policy(more, at=AT)

    assert evaluate_late([held.strategy_id], at=AT) == (1, [])
    change_policy(more, at=AT)

    assert coupons(policy) == [(25_00, 0)]


def test_a_policy_issued_after_an_observation_it_had_begun_for_is_owed_its_coupon():
    first = held_policy()
    applied = held_policy(first.strategy, state="applied")
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    assert not late_policies(at=AT).exists()

    assert issue(applied.pk, on=ENTERED)

    assert list(late_policies(at=AT)) == [applied]
    assert evaluate_late([first.strategy_id], at=AT) == (1, [])
    assert coupons(applied) == [(25_00, 0)]
    assert not late_policies(at=AT).exists()
