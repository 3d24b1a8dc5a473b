from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.products import levels as at
from apps.products.terms.sheet import Basket, BasketKind, CorporateChange, Underlying
from tests.term_sheets import levels

EX = date(2020, 8, 31)


def basket(kind, count=3, m=0, level_dp=None, initial="100"):
    shares = tuple(
        Underlying(share, Fraction(initial), Fraction(1, count)) for share in "ABCDEFGH"[:count]
    )
    return Basket(BasketKind(kind), shares, m, level_dp)


def share(initial="208.74"):
    return Underlying("A", Fraction(initial), Fraction(1))


@pytest.mark.parametrize(
    ("day", "close", "level"),
    [
        (date(2020, 8, 28), "417.48", 2),
        (EX, "104.37", 2),  # a quarter of the price is the same level from the ex-date on
        (date(2020, 9, 1), "104.37", 2),
    ],
)
def test_a_split_divides_the_initial_fixing_from_its_ex_date(day, close, level):
    changes = [CorporateChange("A", EX, Fraction(1, 4)), CorporateChange("B", EX, Fraction(1, 9))]
    assert at.level(share(), changes, day, Fraction(close)) == level


def test_changes_of_one_share_multiply():
    changes = [
        CorporateChange("A", EX, Fraction(1, 4)),
        CorporateChange("A", date(2020, 9, 1), Fraction(9, 10)),
    ]
    assert at.initial_on(share("100"), changes, date(2020, 9, 1)) == Fraction(45, 2)


@pytest.mark.parametrize(
    ("kind", "m", "level"),
    [
        ("worst", 0, 70),
        ("all", 0, 70),
        ("best", 0, 120),
        ("any", 0, 120),
        ("n_of_m", 2, 110),
        ("average", 0, 100),
    ],
)
def test_a_basket_has_one_level(kind, m, level):
    assert at.basket_level(basket(kind, m=m), levels(110, 70, 120)) == Fraction(level, 100)


def test_the_first_of_equals_is_the_worst():
    assert at.worst(basket("worst"), levels(90, 80, 80)) == "B"


def test_an_average_weighs_its_shares():
    weighted = Basket(
        BasketKind.AVERAGE,
        (
            Underlying("A", Fraction(1), Fraction(3, 4)),
            Underlying("B", Fraction(1), Fraction(1, 4)),
        ),
    )
    assert at.basket_level(weighted, levels(100, 60)) == Fraction(9, 10)


@pytest.mark.parametrize(
    ("kind", "m", "found"),
    [
        ("worst", 0, False),
        ("all", 0, False),
        ("best", 0, True),
        ("any", 0, True),
        ("n_of_m", 2, True),
        ("n_of_m", 3, False),
        ("average", 0, True),
    ],
)
def test_a_barrier_is_reached_by_the_shares_that_the_basket_asks_for(kind, m, found):
    assert at.reaches(basket(kind, m=m), levels(75, 74, 90), Fraction(3, 4)) is found


def test_a_barrier_is_met_at_it_unless_it_is_strict():
    one = basket("worst", count=1)
    assert at.reaches(one, levels(75), Fraction(3, 4))
    assert not at.reaches(one, levels(75), Fraction(3, 4), strict=True)
    assert not at.falls_below(one, levels(75), Fraction(3, 4))
    assert at.falls_below(one, levels(75), Fraction(3, 4), inclusive=True)


def test_comparison_is_exact_where_floats_are_not():
    # 0.7 × 3 and 2.1 differ as binary floats
    third = basket("worst", count=1, initial="3")
    assert at.reaches(third, {"A": Fraction("2.1") / 3}, Fraction("0.7"))
    assert not at.reaches(third, {"A": Fraction("2.0999999999999999") / 3}, Fraction("0.7"))


def test_a_barrier_price_is_rounded_before_it_is_compared():
    # 75 % of 208.74 is 156.555, as a price of two decimals 156.56
    rounded, exact = (
        basket("worst", count=1, initial="208.74", level_dp=2),
        basket("worst", count=1, initial="208.74"),
    )
    found = {"A": Fraction("156.555") / Fraction("208.74")}
    assert at.reaches(exact, found, Fraction(3, 4))
    assert not at.reaches(rounded, found, Fraction(3, 4))


@pytest.mark.parametrize(
    ("kind", "m", "found"),
    [
        ("worst", 0, True),  # the worst stands at 80 %
        ("best", 0, False),  # the best stands above the top
        ("all", 0, False),
        ("any", 0, True),
        ("n_of_m", 2, True),
        ("n_of_m", 3, False),
        ("average", 0, True),
    ],
)
def test_a_corridor_asks_for_the_level_or_for_every_share(kind, m, found):
    corridor = (Fraction(3, 4), Fraction(1))
    assert at.inside(basket(kind, m=m), levels(80, 90, 101), *corridor) is found


@pytest.mark.parametrize("kind", ["worst", "all"])
def test_a_corridor_holds_both_of_its_ends(kind):
    one = basket(kind, count=1)
    corridor = (Fraction(3, 4), Fraction(1))
    assert [at.inside(one, levels(p), *corridor) for p in ("74.9", 75, 100, "100.1")] == [
        False, True, True, False,
    ]  # fmt: skip


def test_one_close_is_enough_for_a_worst_of_but_not_for_other_baskets():
    alone = levels(50)
    assert at.falls_below(basket("worst"), alone, Fraction(6, 10))
    assert not at.falls_below(basket("average"), alone, Fraction(6, 10))
    assert not at.falls_below(basket("worst"), {}, Fraction(6, 10))


some_levels = st.lists(
    st.fractions(min_value=Fraction(1, 100), max_value=3, max_denominator=1000),
    min_size=3,
    max_size=3,
).map(lambda found: dict(zip("ABC", found, strict=True)))
barriers = st.fractions(min_value=Fraction(1, 10), max_value=2, max_denominator=100)


@given(some_levels, barriers, st.booleans())
def test_n_of_n_is_the_worst_and_one_of_n_the_best(found, barrier, strict):
    for kind, m in (("worst", 3), ("best", 1)):
        counted, named = basket("n_of_m", m=m), basket(kind)
        assert at.basket_level(counted, found) == at.basket_level(named, found)
        assert at.reaches(counted, found, barrier, strict=strict) == at.reaches(
            named, found, barrier, strict=strict
        )


@given(some_levels, barriers, st.sampled_from(BasketKind), st.booleans())
def test_the_basket_level_meets_a_barrier_exactly_when_the_basket_does(
    found, barrier, kind, strict
):
    looked_at = basket(kind, m=2)
    level = at.basket_level(looked_at, found)
    assert at.reaches(looked_at, found, barrier, strict=strict) is (
        level > barrier if strict else level >= barrier
    )


@given(some_levels, barriers, st.sampled_from(BasketKind), st.booleans())
def test_a_basket_is_either_below_a_barrier_or_reaches_it(found, barrier, kind, inclusive):
    looked_at = basket(kind, m=2)
    assert at.falls_below(looked_at, found, barrier, inclusive=inclusive) is not at.reaches(
        looked_at, found, barrier, strict=inclusive
    )


@given(
    st.decimals("0.01", "5000", places=2),
    st.decimals("0.01", "5000", places=2),
    st.fractions(min_value=Fraction(1, 20), max_value=50, max_denominator=20),
)
def test_scaling_all_prices_changes_no_level(initial, close, scale):
    day = date(2020, 1, 2)
    plain = Underlying("A", Fraction(initial), Fraction(1))
    scaled = Underlying("A", Fraction(initial) * scale, Fraction(1))
    assert at.level(plain, [], day, Fraction(close)) == at.level(
        scaled, [], day, Fraction(close) * scale
    )
