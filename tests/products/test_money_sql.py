"""Money in SQL is the engine's money."""

import random
from fractions import Fraction

import pytest
from django.db import connection

from apps.core.money import Rounding, rounded
from apps.products import payoff
from apps.products.queries.terms import term_sheet
from tests import factories

pytestmark = pytest.mark.django_db

MANY = 4000
SQL = """
SELECT products_money(nominal, note, rate_over, rate_under, %s)
FROM unnest(%s::bigint[], %s::bigint[], %s::numeric[], %s::numeric[])
    WITH ORDINALITY AS one (nominal, note, rate_over, rate_under, place)
ORDER BY place
"""


def in_sql(rounding, rows):
    with connection.cursor() as cursor:
        cursor.execute(SQL, [rounding, *map(list, zip(*rows, strict=True))])
        return [amount for (amount,) in cursor.fetchall()]


def rates(dice):
    """Rates as contracts have them: decimals, parts of 365 days, halves of a minor unit."""
    return dice.choice(
        [
            Fraction(dice.randrange(10**8), 10**8),
            Fraction(dice.randrange(10**6), 10**8) * dice.randrange(40),
            Fraction(dice.randrange(10**4), 10**5) * Fraction(dice.randrange(366), 365),
            Fraction(2 * dice.randrange(10**6) + 1, 2 * 10**6),
            Fraction(0),
        ]
    )


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("note", [None, 1, 10_00, 1000_00, 10**6])
def test_sql_and_the_engine_round_every_amount_alike(rounding, note):
    dice = random.Random(f"{rounding} {note}")
    strategy = factories.strategy(rounding=rounding.value, denomination=note)
    terms = term_sheet(strategy)
    rows, expected = [], []
    for _place in range(MANY):
        rate = rates(dice)
        nominal = (note or 1) * dice.randrange(1, 10**7)
        rows.append((nominal, note, rate.numerator, rate.denominator))
        expected.append(payoff.money(terms, rate, nominal))
    assert in_sql(rounding.value, rows) == expected


@pytest.mark.parametrize(
    ("rounding", "amounts"),
    [
        ("HALF_UP", [0, 1, 1, 2, 2, 3]),
        ("HALF_EVEN", [0, 0, 1, 2, 2, 2]),
        ("DOWN", [0, 0, 0, 1, 1, 2]),
    ],
)
def test_halves_go_where_the_rounding_says(rounding, amounts):
    halves = [0, Fraction(1, 2), Fraction(2, 3), Fraction(3, 2), Fraction(5, 3), Fraction(5, 2)]
    rows = [(1, None, Fraction(half).numerator, Fraction(half).denominator) for half in halves]
    assert in_sql(rounding, rows) == amounts


@pytest.mark.parametrize("rounding", Rounding)
def test_the_highest_nominal_has_a_coupon(rounding):
    highest = 2**63 - 1
    tiny = Fraction(1, 10**8)
    assert in_sql(rounding.value, [(highest, None, 1, 1), (highest, None, 1, 10**8)]) == [
        highest,
        rounded(highest * tiny, rounding),
    ]


def test_a_published_coupon_is_rounded_per_note():
    # $10 × 10.65 % ÷ 4 = $0.26625 a note, published as $0.2663: here with four decimals.
    assert in_sql("HALF_UP", [(10_0000 * 3, 10_0000, 1065, 40_000)]) == [3 * 2663]
