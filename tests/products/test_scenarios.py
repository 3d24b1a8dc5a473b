"""What an observation can bring: each case asks the engine and tells nothing that cannot happen."""

from dataclasses import replace
from fractions import Fraction

import pytest

from apps.products.payoff import State, Status
from apps.products.scenarios import Case, scenarios
from tests.term_sheets import decide, levels, sheet

CALLABLE = {"autocall": {"barrier": "1", "redemption": "0.97", "deferred": "0.03"}}
PROTECTED = {"redemption": {"type": "barrier", "barrier": "0.6"}}


def told(terms, state=None):
    return {
        one.case: (
            one.outcome.rate_paid,
            one.outcome.rate_remembered,
            None if one.outcome.redemption is None else one.outcome.redemption,
        )
        for one in scenarios(terms, state or State.start())
    }


RATE = Fraction(2, 100)


@pytest.mark.parametrize(
    ("terms", "cases"),
    [
        ({}, {Case.INSIDE: (RATE, 0, None), Case.BELOW: (0, RATE, None)}),
        ({"memory": False}, {Case.INSIDE: (RATE, 0, None), Case.BELOW: (0, 0, None)}),
        ({"coupon": {"rate": "0.02"}}, {}),
        (
            CALLABLE,
            {
                Case.CALL: (RATE, 0, Fraction(97, 100)),
                Case.INSIDE: (RATE, 0, None),
                Case.BELOW: (0, RATE, None),
            },
        ),
        # Whoever stands at the coupon's barrier is called already: nothing lies between.
        (
            {"autocall": {"barrier": "0.7"}},
            {Case.CALL: (RATE, 0, 1), Case.BELOW: (0, RATE, None)},
        ),
        (
            {"coupon": {"rate": "0.02", "barrier": "0.7", "strict": True}},
            {Case.INSIDE: (RATE, 0, None), Case.BELOW: (0, RATE, None)},
        ),
    ],
)
def test_only_what_the_terms_know_is_told(terms, cases):
    assert told(sheet(**terms)) == cases


def test_what_is_remembered_comes_with_the_coupon_that_is_earned():
    terms = sheet()
    (saved,) = decide(terms, levels(60, 100))
    assert told(terms, saved.state) == {
        Case.INSIDE: (RATE * 2, 0, None),
        Case.BELOW: (0, RATE * 2, None),
    }


def test_the_capital_at_the_end_is_told_where_it_can_suffer():
    (*_others, loss) = scenarios(sheet(**PROTECTED), State.start())
    assert (loss.case, loss.number, loss.level) == (Case.LOSS, 4, Fraction(54, 100))
    assert loss.outcome.redemption == Fraction(54, 100)
    floor = {"redemption": {"type": "floor", "floor": "0.95"}}
    assert scenarios(sheet(**floor), State.start())[-1].outcome.redemption == Fraction(95, 100)
    assert Case.LOSS not in told(sheet())


def test_days_inside_a_corridor_are_all_or_none():
    terms = sheet(coupon={"type": "accrual", "rate": "0.02", "barrier": "0.7"})
    assert told(terms) == {Case.INSIDE: (RATE, 0, None), Case.BELOW: (0, RATE, None)}


@pytest.mark.parametrize("status", [Status.CALLED, Status.MATURED])
def test_of_an_ended_product_nothing_is_told(status):
    assert scenarios(sheet(), replace(State.start(), status=status)) == ()
    assert scenarios(sheet(), replace(State.start(), observed=4)) == ()
