"""What maturity pays back beyond the plain kinds: buffers, stars, steps, caps."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.term_sheets import DATES, decide, levels, sheet

BARRIER = {"type": "barrier", "barrier": "0.6"}
STEP = {"type": "full", "participation": 1, "step": "0.2", "step_barrier": "0.9"}


def paid_back(redemption, *finals):
    shares = "ABC"[: len(finals)]
    terms = sheet(shares, redemption=redemption, observations=[{"date": DATES[0]}])
    return decide(terms, levels(*finals))[0].redemption


@pytest.mark.parametrize(
    ("redemption", "final", "level"),
    [
        ({"type": "buffer", "buffer": "0.1"}, 90, 1),
        ({"type": "buffer", "buffer": "0.1"}, 80, "0.9"),
        ({"type": "buffer", "buffer": "0.2", "gearing": "1.25"}, 40, "0.5"),
        ({"type": "buffer", "buffer": "0.1", "gearing": "2"}, 20, 0),  # never below nothing
        ({"type": "buffer", "buffer": "0.1", "floor": "0.7"}, 40, "0.7"),
        ({"type": "buffer", "buffer": "0.1", "participation": "1.5", "cap": "1.2"}, 110, "1.15"),
        ({"type": "buffer", "buffer": "0.1", "participation": "1.5", "cap": "1.2"}, 130, "1.2"),
        ({"buffer": "0.1"}, 80, "0.9"),  # the term names its type
        ({"barrier": "0.6"}, 50, "0.5"),
        ({"level": "0.95"}, 50, "0.95"),
        ({"floor": "0.9"}, 50, "0.9"),
        ({"type": "full", "barrier": "0.6", "strike": "0.5"}, 50, 1),  # terms of another type
        ({"type": "full", "participation": 1, "cap": "1.3"}, 150, "1.3"),
        ({"type": "full", "participation": 1, "cap": "0.3"}, 150, "1.3"),  # the gain alone
        (STEP, 89, 1),
        (STEP, 90, "1.2"),
        (STEP, 110, "1.2"),
        (STEP, 130, "1.3"),
        (STEP | {"step": "1.2"}, 95, "1.2"),  # what is paid back in all
        (BARRIER | {"min_return": "0.15"}, 60, "1.15"),
        (BARRIER | {"min_return": "0.15", "participation": 1}, 130, "1.3"),
        (BARRIER | {"min_return": "0.15"}, 59, "0.59"),
        (BARRIER | {"min_return": "0.15", "cap": "1.1"}, 90, "1.1"),
        (BARRIER | {"barrier": 0}, 1, 1),  # never broken
    ],
)
def test_maturity_pays_back_by_its_redemption(redemption, final, level):
    assert paid_back(redemption, final) == Fraction(level)


@pytest.mark.parametrize(
    ("star", "finals", "level"),
    [
        ("1.05", (50, 105), 1),
        ("1.05", (50, 104), "0.5"),
        (True, (50, 100), 1),
        (False, (50, 100), "0.5"),
        (None, (50, 100), "0.5"),
    ],
)
def test_one_star_alone_saves_the_capital(star, finals, level):
    assert paid_back(BARRIER | {"one_star": star}, *finals) == Fraction(level)


def test_a_star_brings_the_capital_back_and_no_least_return():
    star = BARRIER | {"one_star": 1, "min_return": "0.1"}
    assert paid_back(star, 50, 100) == 1


finals = st.lists(st.integers(1, 300), min_size=2, max_size=3)
cents = st.integers(0, 100).map(lambda cent: f"{cent / 100:.2f}")
kinds = st.one_of(
    st.fixed_dictionaries({"type": st.just("full")}),
    st.fixed_dictionaries({"type": st.just("floor"), "floor": cents}),
    st.fixed_dictionaries({"type": st.just("buffer"), "buffer": cents, "floor": cents}),
    st.fixed_dictionaries({"type": st.just("barrier"), "barrier": cents, "floor": cents}),
)
gains = st.fixed_dictionaries({"participation": cents, "step": st.sampled_from([None, "0.2"])})


@given(kinds, gains, finals)
def test_a_floor_holds_a_cap_holds_and_a_cap_only_takes(kind, gain, found):
    free = paid_back(kind | gain, *found)
    capped = paid_back(kind | gain | {"cap": "1.25"}, *found)
    assert capped == min(free, Fraction(5, 4))
    assert free >= Fraction(kind.get("floor", 0))


@given(kinds, gains, finals, st.integers(1, 50))
def test_a_higher_end_never_pays_back_less(kind, gain, found, rise):
    assert paid_back(kind | gain, *(each + rise for each in found)) >= paid_back(
        kind | gain, *found
    )
