"""A term sheet becomes rows and comes back from them as it was."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from apps.products.actions.drafts import draft_strategy
from apps.products.actions.strategies import StrategyError
from apps.products.models.markets import Underlying
from apps.products.models.strategies import Strategy
from apps.products.queries.terms import spec, term_sheet
from apps.products.terms.reading import read_spec
from tests import factories
from tests.products.test_cases import examples

pytestmark = pytest.mark.django_db

TERMS = {
    "notional": "1000",
    "currency": "USD",
    "issue_date": "2019-11-29",
    "maturity": "2020-11-30",
    "memory": True,
    "underlyings": [{"id": "AAPL", "initial": "267.25"}, {"id": "IBM", "initial": "134.45"}],
    "coupon": {"rate": "0.025", "barrier": "0.75"},
    "observations": [{"date": "2020-05-29"}, {"date": "2020-11-30", "pay": "2020-12-04"}],
}


@pytest.fixture(autouse=True)
def shares():
    for ticker in ("AAPL", "IBM"):
        factories.underlying(ticker)


def refusal(terms, **words):
    with pytest.raises((StrategyError, ValueError)) as refused:
        draft_strategy(terms, **{"code": "duo", "name": "Duo", **words})
    assert not Strategy.objects.exists()
    return str(refused.value)


def test_terms_become_a_draft_with_its_basket_and_observations():
    strategy = draft_strategy(TERMS, code="duo", name="Duo")
    strategy.refresh_from_db()
    assert (strategy.state, strategy.struck_on) == (Strategy.State.DRAFT, date(2019, 11, 29))
    assert (strategy.coupon_barrier, strategy.denomination) == (Decimal("0.75"), None)
    assert [str(one) for one in strategy.basket_members.all()] == ["AAPL", "IBM"]
    last = strategy.observations.get(number=2)
    assert (last.valuation_on, last.pays_on) == (date(2020, 11, 30), date(2020, 12, 4))


def test_weights_in_percent_become_parts_of_one():
    shares = [{**share, "weight": "50"} for share in TERMS["underlyings"]]
    strategy = draft_strategy(TERMS | {"underlyings": shares}, code="duo", name="Duo")
    assert [one.weight for one in strategy.basket_members.all()] == [Decimal("0.5")] * 2


def test_words_are_taken_however_capital():
    terms = TERMS | {"basket": "Worst ", "rounding": "half_up", "coupon": {"day_count": "period"}}
    strategy = draft_strategy(terms, code="duo", name="Duo")
    assert (strategy.basket, strategy.rounding, strategy.day_count) == (
        "worst", "HALF_UP", "PERIOD",
    )  # fmt: skip


def test_the_same_terms_twice_are_refused_by_their_code():
    draft_strategy(TERMS, code="duo", name="Duo")
    with pytest.raises(StrategyError, match="Code already exists"):
        draft_strategy(TERMS, code="duo", name="Duo")
    assert Strategy.objects.count() == 1


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"currency": None}, "A strategy needs currency as well: add it to the terms."),
        ({"issue_date": None}, "A strategy needs issue_date as well: add it to the terms."),
        ({"ccy_dp": 6}, "ccy_dp: amounts in USD have 2 decimals in the back office."),
        ({"underlyings": [{"id": "MSFT", "initial": 1}]},
         "There is no share MSFT yet; import it first."),
        ({"payment": {"lag": 2, "calendar": "XLON"}},
         "payment.calendar: there is no exchange “XLON”."),
        ({"coupon": {"rate": "0.0250000001"}},
         "coupon.rate: Ensure that there are no more than 8 decimal places."),
        ({"surprise": 1}, "spec.surprise: unknown term"),
    ],
)  # fmt: skip
def test_what_cannot_become_rows_is_refused_with_its_place(changed, reason):
    assert refusal(TERMS | changed).startswith(reason)


@pytest.mark.parametrize("case", examples())
def test_a_published_example_comes_back_from_its_rows_as_it_was(case):
    """Its notional and number of decimals are not the strategy's: a policy has its own."""
    terms = {"currency": "USD", "issue_date": "2000-01-03", **case["spec"]}
    terms.pop("ccy_dp", None)
    terms["notional"] = "100"
    for share in terms["underlyings"]:
        calendar = factories.exchange(share.get("calendar") or "XNYS")
        Underlying.objects.filter(ticker=share["id"]).delete()
        factories.underlying(share["id"], exchange=calendar, currency=terms["currency"])
        share["calendar"] = calendar.code
    strategy = draft_strategy(terms, code="case", name="Case")
    strategy.refresh_from_db()
    found = term_sheet(strategy, as_of=strategy.struck_on)
    wanted = read_spec(terms)
    assert (
        replace(
            found, notional=wanted.notional, maturity=wanted.maturity, round_per=wanted.round_per
        )
        == wanted
    )
    again = draft_strategy(spec(strategy), code="again", name="Again")
    assert spec(again) == spec(strategy)
