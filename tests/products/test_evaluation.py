"""An observation becomes a result, coupons, payments and events, for every policy."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from apps.events.actions import listen
from apps.events.models import Event, Inbox
from apps.products.actions.evaluation import evaluate_due
from apps.products.models.holdings import Payment, Policy, PolicyCoupon
from apps.products.models.markets import CorporateAction
from apps.products.models.strategies import ObservationResult, Strategy
from tests import factories
from tests.products.observing import (
    DROPPED,
    EVALUATED,
    FIRST,
    LAST,
    PLANNED,
    SECOND,
    THIRD,
    closes,
    evening,
    held_policy,
    states,
    written,
)

pytestmark = pytest.mark.django_db


def test_a_met_barrier_pays_every_policy_and_tells_its_client():
    listen("messaging", ["coupon.accrued"])
    policy = held_policy(nominal=1000_00)
    other = held_policy(policy.strategy, nominal=300_00)
    closes(FIRST, aapl="90.5", ibm="75")

    assert evaluate_due(at=evening(FIRST)) == 1

    result = ObservationResult.objects.get()
    assert (result.outcome, result.called, result.matured) == ("ACCRUED", False, False)
    assert (result.rate_paid, result.rate_remembered) == (Decimal("0.025"), 0)
    assert (result.worst.underlying.ticker, result.worst_level) == ("IBM", Decimal("0.75"))
    assert result.average_level == Decimal("0.8275")
    assert result.evaluated_at == evening(FIRST)
    assert result.levels["IBM"] == {
        "name": "IBM",
        "day": "2020-02-28",
        "close": "75",
        "initial_fixing": "100",
        "adjusted_fixing": "100",
        "level": "0.75000000",
        "barrier": "0.75",
        "barrier_price": "75",
        "met": True,
    }
    assert result.carried == {
        "status": "LIVE",
        "observed": 1,
        "rate_paid": "1/40",
        "rate_remembered": "0",
        "knocked_in": False,
        "above": [],
    }
    coupons = {coupon.policy: coupon.amount for coupon in PolicyCoupon.objects.all()}
    assert coupons == {policy: 25_00, other: 7_50}
    payment = Payment.objects.get(policy=policy)
    assert (payment.kind, payment.amount, payment.due_on) == ("coupon", 25_00, FIRST)
    event = Event.objects.get(client=policy.client)
    assert (event.kind, event.subject) == ("coupon.accrued", f"policy:{policy.pk}")
    assert event.occurred_at == evening(FIRST)
    assert event.source_key == f"result:{result.pk}:policy:{policy.pk}"
    assert event.properties == {
        "strategy": policy.strategy_id,
        "observation": result.observation_id,
        "result": result.pk,
        "policy": policy.pk,
        "outcome": "ACCRUED",
        "amount": 25_00,
        "remembered": 0,
        "currency": "USD",
    }
    assert Inbox.objects.count() == 2
    assert states(policy.strategy) == [EVALUATED, PLANNED, PLANNED, PLANNED]


def test_a_missed_coupon_is_saved_and_paid_with_the_next_one():
    policy = held_policy()
    closes(FIRST, ibm="74.99")
    closes(SECOND)

    assert evaluate_due(at=evening(SECOND)) == 2

    coupons = PolicyCoupon.objects.order_by("observation__number")
    assert [(one.outcome, one.amount, one.remembered) for one in coupons] == [
        ("SAVED", 0, 25_00),
        ("ACCRUED", 50_00, 0),
    ]
    assert [payment.amount for payment in Payment.objects.all()] == [50_00]
    kinds = Event.objects.filter(client=policy.client).order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["coupon.saved", "coupon.accrued"]


def test_without_memory_a_missed_coupon_is_lost():
    held_policy(factories.strategy(memory=False))
    closes(FIRST, ibm="74")
    evaluate_due(at=evening(FIRST))
    assert PolicyCoupon.objects.get().remembered == 0
    assert Event.objects.get().kind == "coupon.lost"


def test_a_guaranteed_coupon_is_told_as_accrued():
    held_policy(factories.strategy(guaranteed=True))
    closes(FIRST, ibm="10")
    evaluate_due(at=evening(FIRST))
    assert PolicyCoupon.objects.get().outcome == "GUARANTEED"
    assert Event.objects.get().kind == "coupon.accrued"


def test_an_observation_without_any_coupon_tells_nobody():
    held_policy(factories.strategy(coupon_rate=0))
    closes(FIRST)
    assert evaluate_due(at=evening(FIRST)) == 1
    assert PolicyCoupon.objects.get().outcome == "NONE"
    assert written() == [1, 1, 0, 0, 0]


def test_a_call_pays_capital_and_bonus_and_ends_everything():
    strategy = factories.strategy(
        call_barrier=1, call_redemption=Decimal("0.97"), call_deferred=Decimal("0.03")
    )
    strategy.observations.filter(number=1).update(bonus=2, pays_on=FIRST + timedelta(days=5))
    policy = held_policy(strategy)
    closes(FIRST)
    closes(SECOND)

    assert evaluate_due(at=evening(LAST)) == 1

    result = ObservationResult.objects.get()
    assert (result.called, result.redemption, result.deferred) == (
        True,
        Decimal("0.97"),
        Decimal("0.03"),
    )
    payments = {one.kind: (one.amount, one.due_on) for one in Payment.objects.all()}
    assert payments == {
        "coupon": (50_00, date(2020, 3, 4)),
        "redemption": (970_00, date(2020, 3, 4)),
        "residual": (30_00, strategy.matures_on),
    }
    assert states(strategy) == [EVALUATED, DROPPED, DROPPED, DROPPED]
    strategy.refresh_from_db()
    assert (strategy.state, strategy.called_on) == (Strategy.State.CALLED, FIRST)
    policy.refresh_from_db()
    assert (policy.state, policy.closed_on) == (Policy.State.CALLED, FIRST)
    assert Event.objects.get().kind == "strategy.called"


def test_the_last_observation_matures_and_pays_back_on_the_day_of_maturity():
    strategy = factories.strategy(days=[FIRST], redemption="floor", redemption_level=Decimal("0.9"))
    policy = held_policy(strategy)
    closes(FIRST, ibm="95.5")
    evaluate_due(at=evening(FIRST))
    redemption = Payment.objects.get(kind=Payment.Kind.REDEMPTION)
    assert (redemption.amount, redemption.due_on) == (955_00, strategy.matures_on)
    strategy.refresh_from_db()
    assert (strategy.state, strategy.called_on) == (Strategy.State.MATURED, None)
    policy.refresh_from_db()
    assert (policy.state, policy.closed_on) == (Policy.State.MATURED, strategy.matures_on)
    assert Event.objects.get().kind == "strategy.matured"


def test_only_policies_that_live_on_the_day_get_a_coupon():
    strategy = factories.strategy()
    day = timedelta(days=1)
    lives = [
        held_policy(strategy, starts_on=FIRST),
        held_policy(strategy, ends_on=FIRST),
    ]
    held_policy(strategy, starts_on=FIRST + day)
    held_policy(strategy, ends_on=FIRST - day)
    held_policy(strategy, state=Policy.State.SURRENDERED)
    held_policy(factories.strategy(fixings=[("BA", "300")]))
    closes(FIRST)
    assert evaluate_due(at=evening(FIRST)) == 1
    assert [coupon.policy for coupon in PolicyCoupon.objects.order_by("policy")] == lives


def test_a_policy_that_ends_on_the_scheduled_day_is_paid_when_that_day_rolls():
    strategy = factories.strategy(days=[date(2020, 11, 30)])
    strategy.observations.update(scheduled_on=date(2020, 11, 28))
    held_policy(strategy, ends_on=date(2020, 11, 28))
    closes(LAST)
    evaluate_due(at=evening(LAST))
    assert PolicyCoupon.objects.count() == 1


def test_a_position_without_notes_is_rounded_as_a_whole():
    held_policy(factories.strategy(denomination=None, rounding="HALF_EVEN"), nominal=1001_00)
    held_policy(Strategy.objects.get(), nominal=1_00)
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    amounts = PolicyCoupon.objects.order_by("policy").values_list("amount", flat=True)
    assert list(amounts) == [2502, 2]


def test_a_split_divides_the_initial_fixing_from_its_ex_date_on():
    held_policy()
    for ex_on in (SECOND, THIRD):
        CorporateAction.objects.create(
            underlying=factories.underlying("AAPL"),
            kind=CorporateAction.Kind.SPLIT,
            ex_on=ex_on,
            ratio=4,
            source="test",
        )
    closes(FIRST, aapl="90")
    closes(SECOND, aapl="22.5")
    assert evaluate_due(at=evening(SECOND)) == 2
    shares = [result.levels["AAPL"] for result in ObservationResult.objects.order_by("pk")]
    assert [(share["adjusted_fixing"], share["level"]) for share in shares] == [
        ("100", "0.90000000"),
        ("25", "0.90000000"),
    ]


def test_a_split_before_the_strike_changes_nothing():
    held_policy()
    CorporateAction.objects.create(
        underlying=factories.underlying("AAPL"),
        kind=CorporateAction.Kind.SPLIT,
        ex_on=date(2019, 11, 29),
        ratio=4,
        source="test",
    )
    closes(FIRST, aapl="90")
    evaluate_due(at=evening(FIRST))
    assert ObservationResult.objects.get().levels["AAPL"]["adjusted_fixing"] == "100"


def test_a_special_dividend_multiplies_the_initial_fixing():
    held_policy()
    factories.sessions(date(2020, 2, 26))
    factories.quote("AAPL", date(2020, 2, 26), "80")
    CorporateAction.objects.create(
        underlying=factories.underlying("AAPL"),
        kind=CorporateAction.Kind.SPECIAL_DIVIDEND,
        ex_on=date(2020, 2, 27),
        amount=8,
        source="test",
    )
    closes(FIRST, aapl="72")
    evaluate_due(at=evening(FIRST))
    share = ObservationResult.objects.get().levels["AAPL"]
    assert (share["adjusted_fixing"], share["level"]) == ("90", "0.80000000")
