from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from apps.products.actions.evaluation import evaluate_due
from apps.products.models.holdings import Payment
from apps.products.models.markets import CorporateAction, Quote
from apps.products.models.strategies import Strategy
from apps.products.queries.facts import Origin
from apps.products.queries.figures import holdings
from tests import factories

pytestmark = pytest.mark.django_db

JUNE = datetime(2020, 6, 10, 20, tzinfo=UTC)
FEBRUARY, MAY = date(2020, 2, 28), date(2020, 5, 29)


def closes(day, apple, ibm):
    factories.quote("AAPL", day, apple)
    factories.quote("IBM", day, ibm)


def held(at=JUNE, nominal=1_000_00, evaluated=True, **terms):
    """Hold a strategy that paid in February and saved in May; read the page in June."""
    client = factories.client()
    factories.policy(client, factories.strategy(**terms), nominal=nominal, premium=1_100_00)
    closes(FEBRUARY, "80", "90")
    closes(MAY, "70", "88")
    closes(date(2020, 6, 9), "72", "91")
    if evaluated:
        evaluate_due(at=at)
    (holding,) = holdings(client, at=at)
    return holding


def test_coupons_are_split_into_paid_payable_and_remembered():
    holding = held()
    private = holding.policies[0].private
    assert (private.paid.value, private.payable.value, private.remembered.value) == (
        0,
        25_00,
        25_00,
    )
    Payment.objects.update(state=Payment.State.PAID, paid_on=date(2020, 3, 3))
    (again,) = holdings(holding.strategy.policies.get().client, at=JUNE)
    assert (again.coupons.paid, again.coupons.payable, again.coupons.remembered) == (
        25_00,
        0,
        25_00,
    )
    assert (holding.rate_paid.value, holding.rate_remembered.value) == (
        Fraction("0.025"),
        Fraction("0.025"),
    )


def test_a_coupon_has_caught_up_only_where_something_was_remembered():
    holding = held()  # paid, then saved
    first, second, *_ = holding.observations
    assert not holding.caught_up
    assert not replace(holding, observations=(first,)).caught_up
    paid_at_last = replace(first, number=3)
    assert replace(holding, observations=(first, second, paid_at_last)).caught_up


def test_each_share_has_its_level_its_barrier_and_the_way_to_it():
    apple, ibm = held().shares
    assert (apple.level.value, ibm.level.value) == (Fraction("0.72"), Fraction("0.91"))
    assert (apple.is_worst, apple.earns, ibm.earns) == (True, False, True)
    assert apple.barrier.price.value == 75
    assert apple.barrier.distance.value == Fraction(75, 72) - 1
    assert ibm.barrier.distance.value == Fraction(75, 91) - 1


def test_every_figure_says_its_day_and_its_source():
    holding = held()
    apple = holding.shares[0]
    assert (apple.close.as_of, apple.close.origin, apple.close.detail) == (
        date(2020, 6, 9),
        Origin.CLOSE,
        "test",
    )
    assert (apple.initial.as_of, apple.initial.origin) == (date(2019, 11, 29), Origin.TERMS)
    assert (holding.rate_paid.as_of, holding.rate_paid.origin) == (MAY, Origin.RESULT)
    assert holding.policies[0].private.premium.origin == Origin.POLICY


def test_a_split_moves_the_fixing_and_not_the_level():
    client = factories.client()
    factories.policy(client, factories.strategy())
    CorporateAction.objects.create(
        underlying=factories.underlying("AAPL"),
        kind=CorporateAction.Kind.SPLIT,
        ex_on=date(2020, 6, 1),
        ratio=Decimal(4),
        source="test",
    )
    closes(date(2020, 6, 9), "20", "91")
    (holding,) = holdings(client, at=JUNE)
    apple = holding.shares[0]
    assert (apple.initial.value, apple.adjusted.value) == (100, 25)
    assert apple.level.value == Fraction("0.8")
    assert apple.barrier.price.value == Fraction("18.75")


def test_held_later_and_missing_closes_are_not_shown():
    client = factories.client()
    factories.policy(client, factories.strategy())
    factories.quote("AAPL", date(2020, 6, 8), "80")
    factories.quote("AAPL", date(2020, 6, 9), "8", state=Quote.State.HELD, held_because="a jump")
    factories.quote("AAPL", date(2020, 6, 11), "90")
    (holding,) = holdings(client, at=JUNE)
    apple, ibm = holding.shares
    assert (apple.close.value, apple.close.as_of) == (80, date(2020, 6, 8))
    assert (ibm.close.value, ibm.level.value, ibm.earns) == (None, None, None)
    assert holding.supposed.lacking == ("IBM",)
    assert not any(share.is_worst for share in holding.shares)


def test_the_supposition_is_the_engines_answer_to_todays_closes():
    holding = held()
    supposed = holding.supposed
    assert (supposed.number, supposed.outcome, supposed.worst) == (3, "SAVED", "AAPL")
    assert supposed.rate_remembered == Fraction("0.05")
    assert holding.policies[0].private.supposed.value == 0
    closes(date(2020, 6, 10), "76", "91")
    (risen,) = holdings(holding.strategy.policies.get().client, at=JUNE)
    assert (risen.supposed.outcome, risen.supposed.rate_paid) == ("ACCRUED", Fraction("0.05"))
    assert risen.policies[0].private.supposed.value == 50_00


def test_of_an_ended_strategy_nothing_is_supposed():
    ended = held(call_barrier=Decimal("0.8"))
    assert (ended.next, ended.supposed, ended.strategy.state) == (None, None, Strategy.State.CALLED)
    assert (len(ended.observed), len(ended.dropped), ended.pending) == (1, 3, ())


def test_above_the_corridor_only_the_worst_share_is_asked():
    holding = held(corridor_upper=Decimal("0.85"), coupon_barrier=Decimal("0.7"))
    apple, ibm = holding.shares
    assert (apple.earns, ibm.earns) == (True, True)
    assert (apple.upper.level, ibm.upper) == (Fraction("0.85"), None)


def test_above_the_corridor_every_share_is_asked_where_all_must_be_there():
    corridor = {"coupon_barrier": Decimal("0.7"), "corridor_upper": Decimal("0.85")}
    holding = held(**corridor, basket=Strategy.Basket.ALL)
    assert [share.earns for share in holding.shares] == [True, False]


def test_a_composite_level_follows_the_exchange_rate_and_waits_for_the_first_one():
    pair = factories.underlying("EURUSD", kind="currency_pair")
    client, strategy = factories.client(), factories.strategy(fx="composite")
    factories.policy(client, strategy)
    strategy.basket_members.filter(underlying__ticker="AAPL").update(
        fx_pair=pair, fx_initial=Decimal("1.25")
    )
    closes(date(2020, 2, 3), "90", "90")
    early = datetime(2020, 2, 4, tzinfo=UTC)
    (holding,) = holdings(client, at=early)
    assert [share.level.value for share in holding.shares] == [None, Fraction("0.9")]
    factories.quote("EURUSD", date(2020, 1, 31), "1")  # the last one on or before the close
    (holding,) = holdings(client, at=early)
    apple, ibm = holding.shares
    assert (apple.level.value, ibm.level.value) == (Fraction("0.72"), Fraction("0.9"))
    assert apple.barrier.price.value == Fraction("93.75")  # 75 at a rate of 0.8


def test_a_public_holding_has_nothing_private():
    public = held().public()
    assert public.coupons is None
    assert all(policy.private is None for policy in public.policies)


def test_a_nominal_that_is_no_whole_number_of_notes_is_not_guessed():
    holding = held(nominal=1_050_50, evaluated=False)
    assert holding.policies[0].private.supposed.value is None
