"""The whole family of terms goes out as a file and comes back in; contradictions stop it."""

from datetime import date
from decimal import Decimal

import pytest

from apps.products.imports.strategies import StrategyResource
from apps.products.models.markets import Underlying
from apps.products.models.strategies import Strategy
from apps.products.queries.terms import spec
from tests import factories
from tests.products.importing import load, places
from tests.products.test_imports import DRAFT, SHEET

pytestmark = pytest.mark.django_db

DAYS = (date(2020, 2, 28), date(2020, 5, 29))


@pytest.fixture
def market():
    factories.underlying("AAPL")
    factories.underlying("IBM", currency="EUR")
    factories.underlying("EURUSD", kind=Underlying.Kind.CURRENCY_PAIR)
    factories.exchange("XLON")


def composite():
    """Buffer, average of weighted shares in two currencies, called by any, with a bonus."""
    strategy = factories.strategy(
        state="draft", days=DAYS, basket="average", fx="composite", memory=False,
        rate_basis="annual", day_count="ACT/365",
        growth_step=Decimal("0.005"), growth_reset=True, call_barrier=Decimal(1),
        call_basket="n_of_m", call_m=1, call_stock_memory=True, redemption="buffer",
        call_coupon="never", bonus_on="current",
        buffer=Decimal("0.1"), gearing=Decimal("1.25"), redemption_basket="worst",
        participation=Decimal("0.4"), up_strike=Decimal("1.05"), step=Decimal("0.2"),
        step_barrier=Decimal("1.2"), min_return=Decimal("0.01"), cap=Decimal("1.5"),
        payment_lag=2, payment_calendar=factories.exchange("XLON"), round_per="position",
    )  # fmt: skip
    first, second = strategy.basket_members.order_by("pk")
    first.weight, second.weight = Decimal("0.25"), Decimal("0.75")
    second.fx_pair, second.fx_initial = factories.underlying("EURUSD"), Decimal("1.0957")
    first.save()
    second.save()
    strategy.observations.filter(number=1).update(calls=False, starts_on=date(2019, 12, 2))
    strategy.observations.filter(number=2).update(bonus=2, ends_on=date(2020, 5, 28))
    return strategy


def accrual():
    """Days inside a corridor, some counted by the issuer, and a barrier watched every day."""
    strategy = factories.strategy(
        state="draft", days=DAYS, basket="best", coupon_kind="accrual", memory=False,
        coupon_frequency=4, rate_basis="annual", redemption="barrier",
        lock_in_barrier=Decimal("1.1"), memory_end="paid",
        knock_in_barrier=Decimal("0.6"), knock_in_style="american", knock_in_inclusive=True,
        knock_in_from=date(2020, 1, 2), strike=Decimal("0.9"), one_star=Decimal("1.1"),
    )  # fmt: skip
    strategy.observations.filter(number=1).update(days_inside=40, days_total=60)
    strategy.observations.filter(number=2).update(accrual_days=[date(2020, 3, 2), date(2020, 3, 3)])
    return strategy


@pytest.mark.parametrize("made", [composite, accrual])
@pytest.mark.usefixtures("market")
def test_a_strategy_goes_out_and_comes_back_as_it_was(made):
    strategy = made()
    strategy.refresh_from_db()
    before = spec(strategy)
    file = StrategyResource().export().csv
    strategy.delete()
    report = load(StrategyResource, *file.splitlines())
    assert report.new == 1, report
    assert spec(Strategy.objects.get()) == before
    assert load(StrategyResource, *file.splitlines()).unchanged == 1


@pytest.mark.parametrize(
    ("columns", "cells", "refused", "reason"),
    [
        ("call_coupon,call_first", "if_met,1", "call_barrier",
         "Observation 1 would call at 70 % without a coupon"),
        ("basket", "n_of_m", "basket_m", "Say how many of the shares must be there."),
        ("weights", "0.5; 0.4", "underlyings", "the weights add up to 0.9"),
        ("weights", "0.5; 0.4; 0.1", "weights", "There are 3 entries, but 2 shares."),
        ("currency_pairs", "EURRUB", "currency_pairs",
         "There is no currency pair “EURRUB”; did you mean “EURUSD”?"),
        ("payment_calendar", "XLOM", "payment_calendar", "did you mean “XLON”?"),
        ("redemption_level", "0.9", "redemption_level", "says nothing with “full capital back”"),
        ("accrual_days", "2020-02-30", "accrual_days", "There is no day 2020-02-30."),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("market")
def test_a_contradiction_is_refused_in_its_column(columns, cells, refused, reason):
    terms = DRAFT.replace(",1,-; 1; 0.95; 0.9,2; 2", ",0.7,,") if "call" in columns else DRAFT
    report = load(StrategyResource, f"{SHEET},{columns}", f"{terms},{cells}")
    assert [(line, column) for line, column, _said in places(report)] == [(2, refused)]
    assert reason in places(report)[0][2]
    assert not Strategy.objects.exists()


@pytest.mark.usefixtures("market")
def test_other_shares_do_not_keep_the_weights_of_the_former():
    load(StrategyResource, f"{SHEET},weights", f"{DRAFT},0.3; 0.7")
    factories.underlying("MSFT")
    changed = DRAFT.replace("IBM 134.45", "MSFT 151.38")
    assert load(StrategyResource, SHEET, changed).changed == 1
    weights = Strategy.objects.get().basket_members.values_list("weight", flat=True)
    assert [*weights] == [None, None]
