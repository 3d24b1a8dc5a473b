from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.money import Rounding, decimals, major_units, minor_units, rounded, spoken


@pytest.mark.parametrize(
    ("amount", "half_up", "half_even", "down"),
    [
        ("2.4", 2, 2, 2),
        ("2.5", 3, 2, 2),
        ("3.5", 4, 4, 3),
        ("2.51", 3, 3, 2),
        ("0.5", 1, 0, 0),
        ("7", 7, 7, 7),
        ("-2.5", -3, -2, -2),
        ("-3.5", -4, -4, -3),
        ("-0.4", 0, 0, 0),
    ],
)
def test_each_rounding_decides_halves_in_its_own_way(amount, half_up, half_even, down):
    exact = Fraction(amount)
    assert rounded(exact, Rounding.HALF_UP) == half_up
    assert rounded(exact, Rounding.HALF_EVEN) == half_even
    assert rounded(exact, Rounding.DOWN) == down


@given(st.fractions(min_value=-(10**9), max_value=10**9), st.sampled_from(Rounding))
def test_rounding_moves_by_less_than_one_and_never_more_than_a_half_unless_it_drops(amount, how):
    moved = abs(rounded(amount, how) - amount)
    assert moved < 1 if how is Rounding.DOWN else moved <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("currency", "places"), [("USD", 2), ("RUB", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("", 2)]
)
def test_a_currency_has_its_own_number_of_decimals(currency, places):
    assert decimals(currency) == places


@pytest.mark.parametrize(
    ("amount", "places", "minor"),
    [(Decimal("10.25"), 2, 1025), (7, 0, 7), (Fraction(1, 8), 3, 125), (Decimal("1e3"), 2, 100000)],
)
def test_amounts_become_minor_units_and_back(amount, places, minor):
    assert minor_units(amount, places) == minor
    assert major_units(minor, places) == Decimal(Fraction(amount).numerator) / Decimal(
        Fraction(amount).denominator
    )


def test_an_amount_finer_than_a_minor_unit_is_refused_and_not_rounded():
    with pytest.raises(ValueError, match="more than 2 decimals"):
        minor_units(Decimal("0.005"), 2)


@pytest.mark.parametrize(
    ("minor", "currency", "english", "russian"),
    [
        (123450, "USD", "$1,234.50", "1\xa0234,50\xa0$"),
        (-500, "RUB", "-RUB\xa05.00", "-5,00\xa0₽"),
        (1230, "RSD", "RSD\xa012.30", "12,30\xa0RSD"),
        (5, "JPY", "¥5", "5\xa0¥"),
        (1, "IQD", "IQD\xa00.001", "0,001\xa0IQD"),
        (12345, "CLF", "CLF\xa01.2345", "1,2345\xa0CLF"),
        (10**17 + 1, "EUR", "€1,000,000,000,000,000.01", "1\xa0000\xa0000\xa0000\xa0000\xa0000,01\xa0€"),
    ],
)  # fmt: skip
def test_money_is_written_to_its_last_minor_unit(minor, currency, english, russian):
    assert (spoken(minor, currency, "en"), spoken(minor, currency, "ru")) == (english, russian)


def test_one_formatter_writes_all_money():
    sources = [path.read_text() for path in (Path(__file__).parents[2] / "apps").rglob("*.py")]
    assert not [text for text in sources if "format_currency" in text]
