"""The quick look at years of closes agrees with the exact one, nearest to the barrier above all."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.products import arrays
from apps.products import levels as at
from apps.products.arrays import Lane
from apps.products.terms.series import Series
from apps.products.terms.sheet import Basket, BasketKind, CorporateChange, Underlying

FIRST = date(2020, 1, 1)
DAYS = [FIRST + timedelta(days=n) for n in range(12)]
SHARES = ("A", "B", "C")
# Initial fixings whose parts end in no binary fraction, and closes on both sides of their marks.
INITIALS = [Fraction("208.74"), Fraction(3), Fraction("0.07")]
STEPS = ["-0.01", "-0.0000000001", "-0.0000000000000001", "0", "0.0000000000000001", "0.01", "0.4"]

closes = st.lists(st.sampled_from([None, *STEPS]), min_size=len(DAYS), max_size=len(DAYS))
barriers = st.sampled_from([Fraction(7, 10), Fraction(1, 3), Fraction(1)])
kinds = st.sampled_from(BasketKind)


def basket(kind, level_dp=None):
    shares = tuple(
        Underlying(share, initial, weight)
        for share, initial, weight in zip(
            SHARES, INITIALS, [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)], strict=True
        )
    )
    return Basket(kind, shares, 2, level_dp)


def series(share, steps, barrier, *, gaps=True):
    """Closes at the barrier's price and a little beside it; None is a day without one."""
    return Series(
        {
            day: barrier * share.initial * (1 + Fraction(step))
            for day, step in zip(DAYS, steps, strict=True)
            if step is not None
        }
        if gaps
        else {
            day: barrier * share.initial * (1 + Fraction(step or 0))
            for day, step in zip(DAYS, steps, strict=True)
        }
    )


def lanes(looked_at, found, changes=()):
    return {share.id: Lane.of(share, changes, found[share.id]) for share in looked_at.underlyings}


@settings(max_examples=120, deadline=None)
@given(kinds, closes, closes, closes, barriers, st.booleans(), st.sampled_from([None, 1]))
def test_every_day_that_is_below_is_among_those_that_may_be(
    kind, a, b, c, barrier, inclusive, level_dp
):
    looked_at = basket(kind, level_dp)
    found = {
        share.id: series(share, steps, barrier)
        for share, steps in zip(looked_at.underlyings, (a, b, c), strict=True)
    }
    suspects = arrays.may_be_below(looked_at, lanes(looked_at, found), barrier)
    for day in DAYS:
        levels = {
            share.id: at.level(share, (), day, found[share.id][day])
            for share in looked_at.underlyings
            if day in found[share.id]
        }
        if at.falls_below(looked_at, levels, barrier, inclusive=inclusive):
            assert day in suspects


@settings(max_examples=120, deadline=None)
@given(
    kinds, closes, closes, closes, barriers, st.sampled_from([None, Fraction(3, 2)]),
    st.booleans(), st.sets(st.sampled_from(SHARES)),
)  # fmt: skip
def test_certain_days_and_doubtful_ones_together_are_the_exact_count(
    kind, a, b, c, barrier, width, strict, counted
):
    if kind is BasketKind.AVERAGE:
        counted = set()
    looked_at, upper = basket(kind), width and barrier * width
    found = {
        share.id: series(share, steps, barrier, gaps=False)
        for share, steps in zip(looked_at.underlyings, (a, b, c), strict=True)
    }

    def is_inside(day):
        levels = {
            share.id: at.level(share, (), day, found[share.id][day])
            for share in looked_at.underlyings
        }
        return at.inside(looked_at, levels, barrier, upper, strict=strict, counted=counted)

    certain, doubtful = arrays.days_inside(
        looked_at, lanes(looked_at, found), DAYS, barrier, upper, counted
    )
    assert certain + sum(map(is_inside, doubtful)) == sum(map(is_inside, DAYS))


def test_what_is_far_from_the_barrier_is_certain():
    looked_at = basket(BasketKind.WORST)
    found = {
        share.id: Series(dict.fromkeys(DAYS, share.initial)) for share in looked_at.underlyings
    }
    assert arrays.may_be_below(looked_at, lanes(looked_at, found), Fraction(1, 2)) == []
    half = Fraction(1, 2)
    assert arrays.days_inside(looked_at, lanes(looked_at, found), DAYS, half, None) == (12, [])


def test_a_day_without_a_close_is_read_by_the_one_before():
    one = Basket(BasketKind.WORST, (Underlying("A", Fraction(100), Fraction(1)),))
    found = {"A": Series({DAYS[0]: 90, DAYS[3]: 50})}
    corridor = (Fraction(3, 4), None)
    assert arrays.days_inside(one, lanes(one, found), DAYS[:5], *corridor) == (3, [])
    found = {"A": Series({DAYS[1]: 90})}
    with pytest.raises(ValueError, match="no level on or before"):
        arrays.days_inside(one, lanes(one, found), DAYS[:5], *corridor)


def test_splits_and_rates_are_in_the_levels():
    share = Underlying("A", Fraction(100), Fraction(1))
    split = CorporateChange("A", DAYS[2], Fraction(1, 4))
    rates = Series({DAYS[1]: Decimal("1.5"), DAYS[3]: "1.2"})
    lane = Lane.of(
        share, [split], Series(dict.fromkeys(DAYS[:5], "50")), rates, struck=Fraction("1.2")
    )
    assert lane.levels[1:].tolist() == pytest.approx([0.625, 2.5, 2, 2])
    assert str(lane.levels[0]) == "nan"
    assert lane.without({DAYS[1]}).last_day(DAYS[1]) == DAYS[0]
