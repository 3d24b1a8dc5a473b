"""Terms that cannot all be meant are told apart, each in a sentence that says what to change."""

from datetime import date
from decimal import Decimal

import pytest

from apps.products.models.markets import Exchange, Underlying
from apps.products.models.strategies import BasketMember, Observation, Strategy
from apps.products.queries.contradictions import contradictions

DAYS = (date(2020, 2, 28), date(2020, 5, 29), date(2020, 11, 30))
NEW_YORK = Exchange(code="XNYS")
RATES = Underlying(ticker="EURUSD", kind="currency_pair", currency="USD", exchange=NEW_YORK)


def share(ticker, **fields):
    return Underlying(ticker=ticker, exchange=NEW_YORK, **{"currency": "USD", **fields})


def said(*, shares=({}, {}), observations=({}, {}, {}), **terms):
    strategy = Strategy(
        **{
            "currency": "USD",
            "struck_on": date(2019, 11, 29),
            "matures_on": date(2020, 11, 30),
            "coupon_rate": Decimal("0.025"),
            "coupon_barrier": Decimal("0.75"),
            **terms,
        }
    )
    members = [
        BasketMember(initial_fixing=100, **{"underlying": share(f"S{place}"), **fields})
        for place, fields in enumerate(shares)
    ]
    rows = [
        Observation(number=place + 1, **{"scheduled_on": DAYS[place], **fields})
        for place, fields in enumerate(observations)
    ]
    return [(each.column, each.sentence) for each in contradictions(strategy, members, rows)]


def test_sound_terms_say_nothing_against_each_other():
    assert said(call_barrier=Decimal(1)) == []


def test_a_draft_without_basket_or_observations_is_only_unfinished():
    assert said(shares=(), observations=()) == []
    assert said(struck_on=None) == []


@pytest.mark.parametrize(
    ("column", "sentence", "terms"),
    [
        ("call_barrier",
         "Observation 1 would call at 70 % without a coupon, which needs 75 %: raise the call barrier, "
         "lower the coupon barrier, or pay the coupon always when called.",
         {"call_barrier": Decimal("0.7")}),
        ("coupon_barrier",
         "coupon barrier: 75 would be 75 times the whole; 75 % is written 0.75.",
         {"coupon_barrier": Decimal(75)}),
        ("observations",
         "coupon rate: 2.5 would be 2.5 times the whole; 2.5 % is written 0.025.",
         {"observations": [{"coupon_rate": Decimal("2.5")}]}),
        ("redemption_level",
         "“protected share” says nothing with “full capital back”: empty it, or choose "
         "“a fixed share of the capital”.",
         {"redemption_level": Decimal("0.9")}),
        ("knock_in_barrier",
         "“knock-in barrier” says nothing with “with the basket, but no less than the floor”: "
         "empty it, or choose “full unless the barrier is broken”.",
         {"redemption": "floor", "redemption_level": Decimal("0.9"),
          "knock_in_barrier": Decimal("0.6")}),
        ("knock_in_from",
         "The barrier is looked at from a day between strike date and maturity.",
         {"redemption": "barrier", "knock_in_barrier": Decimal("0.6"),
          "knock_in_from": date(2021, 1, 4)}),
        ("underlyings",
         "underlyings: the weights add up to 0.9; change them so that they add up to 1.",
         {"shares": [{"weight": Decimal("0.5")}, {"weight": Decimal("0.4")}]}),
        ("underlyings",
         "underlyings: either every share has a weight or none has.",
         {"shares": [{"weight": Decimal(1)}, {}]}),
        ("underlyings",
         "S1 is quoted in EUR: name the currency pair EURUSD.",
         {"fx": "composite", "shares": [{}, {"underlying": share("S1", currency="EUR")}]}),
        ("underlyings",
         "S0: a currency pair counts in composite baskets only; leave it empty.",
         {"shares": [{"fx_pair": RATES, "fx_initial": Decimal("1.1")}]}),
        ("underlyings",
         "S0: the rates of EURUSD are not in RUB.",
         {"fx": "composite", "currency": "RUB",
          "shares": [{"fx_pair": RATES, "fx_initial": Decimal("1.1")}]}),
        ("coupon_barrier",
         "Days are counted inside a corridor: give its barrier, or its top, or both.",
         {"coupon_kind": "accrual", "coupon_barrier": None, "memory": False}),
        ("bonuses",
         "Observation 1 has a bonus but cannot call: take away the bonus, or give a call barrier.",
         {"call_barrier": Decimal(1), "call_first": 2, "observations": [{"bonus": 2}, {}]}),
        ("call_deferred",
         "No observation can call: take away the residual, or give a call barrier.",
         {"call_deferred": Decimal("0.03")}),
        ("basket_m", "how many shares: n_of_m needs m from 1 to 2, not 3.",
         {"basket": "n_of_m", "basket_m": 3}),
        ("lock_in_barrier",
         "lock-in barrier: an average has no share to lock in; choose another basket.",
         {"basket": "average", "lock_in_barrier": Decimal(1)}),
        ("observations", "Observation 2, scheduled on: 2020-02-28 is not after 2020-02-28.",
         {"observations": [{}, {"scheduled_on": DAYS[0]}]}),
        ("observations",
         "observations: the last one, 2020-12-01, lies after the maturity 2020-11-30.",
         {"observations": [{"scheduled_on": date(2020, 12, 1)}]}),
    ],
)  # fmt: skip
def test_a_contradiction_is_told_with_what_to_change(column, sentence, terms):
    assert (column, sentence) in said(**terms)


@pytest.mark.parametrize(
    "terms",
    [
        {"call_barrier": Decimal("0.7"), "call_coupon": "always"},
        {"call_barrier": Decimal("0.7"), "guaranteed": True},
        {"call_barrier": Decimal("0.7"), "call_basket": "best"},
        {"shares": [{"weight": Decimal("0.3333")}, {"weight": Decimal("0.3333")},
                    {"weight": Decimal("0.3333")}], "basket": "average"},
        {"fx": "composite",
         "shares": [{"underlying": share("S1", currency="EUR"), "fx_pair": RATES,
                     "fx_initial": Decimal("1.1")}]},
    ],
)  # fmt: skip
def test_what_makes_sense_is_no_contradiction(terms):
    assert said(**terms) == []
