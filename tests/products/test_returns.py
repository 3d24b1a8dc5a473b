"""Value, gain and money-weighted return: tables of cases, and what must hold for all."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from apps.products.returns import (
    Booking,
    Gain,
    Price,
    Return,
    Undefined,
    factor,
    gain,
    money_weighted,
    total,
    units_on,
    value_on,
)

JAN, FEB, MAR, APR = (date(2020, month, 1) for month in (1, 2, 3, 4))
SPLITS = ((FEB, Fraction(4)), (APR, Fraction(1, 10)))


@pytest.mark.parametrize(
    ("after", "until", "expected"),
    [
        (JAN, date(2020, 1, 31), 1),
        (JAN, FEB, 4),
        (FEB, MAR, 1),  # dealt on the ex-date: in new units already
        (JAN, APR, Fraction(2, 5)),
        (MAR, APR, Fraction(1, 10)),
    ],
)
def test_units_change_on_the_ex_date(after, until, expected):
    assert factor(SPLITS, after, until) == expected


def test_units_are_counted_as_they_are_on_the_day():
    bookings = [Booking(JAN, Fraction(10)), Booking(MAR, Fraction(-15)), Booking(MAR, paid_out=5)]
    assert units_on(bookings, SPLITS, JAN) == 10
    assert units_on(bookings, SPLITS, FEB) == 40
    assert units_on(bookings, SPLITS, MAR) == 25
    assert units_on(bookings, SPLITS, APR) == Fraction(5, 2)


@pytest.mark.parametrize(
    ("units", "price", "places", "expected"),
    [
        ("10", Price(MAR, Fraction("12.34")), 2, 123_40),
        ("0.123", Price(MAR, Fraction("1.5")), 2, 18),  # 18.45 cents
        ("0.01", Price(MAR, Fraction("0.5")), 2, 1),  # half a cent is rounded up
        ("3", Price(MAR, Fraction("1000.4")), 0, 3001),  # yen have no cents
        ("10", None, 2, None),
        ("0", None, 2, 0),
        ("10", Price(date(2020, 1, 31), Fraction(400)), 2, 1000_00),  # a price before the split
    ],
)
def test_units_are_worth_the_last_price(units, price, places, expected):
    bookings = [Booking(FEB, Fraction(units))]
    assert value_on(bookings, SPLITS, MAR, price, places) == expected


@pytest.mark.parametrize(
    ("before", "paid_in", "paid_out", "after", "amount", "rate"),
    [
        (0, 1000_00, 0, 1100_00, 100_00, Fraction(1, 10)),  # since the purchase
        (0, 1000_00, 50_00, 900_00, -50_00, Fraction(-1, 20)),  # with a dividend
        (0, 1000_00, 1200_00, 0, 200_00, Fraction(1, 5)),  # all sold
        (1000_00, 0, 0, 900_00, -100_00, Fraction(-1, 10)),  # a day's change
        (1000_00, 500_00, 0, 1500_00, 0, 0),  # paying in is no gain
        (1000_00, 0, 400_00, 600_00, 0, 0),  # and selling no loss
        (0, 0, 0, 0, 0, None),
    ],
)
def test_a_gain_is_what_came_beyond_what_was_paid_in(
    before, paid_in, paid_out, after, amount, rate
):
    found = gain(before=before, paid_in=paid_in, paid_out=paid_out, after=after)
    assert (found.amount, found.rate) == (amount, rate)


def test_gains_add_up():
    assert total([Gain(10, 100), Gain(-4, 60)]) == Gain(6, 160)


# The first is the example of Excel's help on XIRR, the second that of MATLAB's; the others stand in
# the tests of open-source packages. Rates of less than a year are given there for a year.
PUBLISHED = [
    (
        [("2008-01-01", -10000), ("2008-03-01", 2750), ("2008-10-30", 4250),
         ("2009-02-15", 3250), ("2009-04-01", 2750)],
        "0.373363", 456,
    ),
    (
        [("2007-01-12", -10000), ("2008-02-14", 2500), ("2008-03-03", 2000),
         ("2008-06-14", 3000), ("2008-12-01", 4000)],
        "0.1006", 689,
    ),
    ([("2010-12-29", -10000), ("2012-01-25", 20), ("2012-03-08", 10100)], "0.010061", 435),
    ([("2019-12-31", -8000580), ("2020-03-12", 6520960)], "-0.645364", 72),
    ([("2019-12-31", -100), ("2020-03-05", 1000)], "412461.64", 65),
    ([("2019-12-31", -100), ("2020-03-05", 100)], "0", 65),
]  # fmt: skip


@pytest.mark.parametrize(("flows", "yearly", "days"), PUBLISHED)
def test_published_examples_of_a_money_weighted_return(flows, yearly, days):
    found = money_weighted([(date.fromisoformat(day), amount) for day, amount in flows])
    assert isinstance(found, Return)
    assert found.days == days
    for_a_year = (1 + float(found.whole)) ** (365 / days) - 1
    places = -Decimal(yearly).as_tuple().exponent
    assert for_a_year == pytest.approx(float(yearly), rel=1e-5, abs=0.5 * 10**-places)
    assert (found.yearly is None) == (days < 365)
    if found.yearly:
        assert round(found.yearly, places) == Decimal(yearly)


@pytest.mark.parametrize(
    ("flows", "reason"),
    [
        ([], Undefined.ONE_WAY),
        ([(JAN, -100)], Undefined.ONE_WAY),
        ([(JAN, -100), (FEB, -50)], Undefined.ONE_WAY),
        ([(JAN, 100), (FEB, 50)], Undefined.ONE_WAY),
        ([(JAN, -100), (JAN, 101)], Undefined.NO_TIME),
        # 10 % and 20 % a year both balance it
        ([(date(2001, 1, 1), -100), (date(2002, 1, 1), 230), (date(2003, 1, 1), -132)],
         Undefined.SEVERAL),
        # no rate at all does: 100 (1 + x)² − 100 (1 + x) + 100 has no root
        ([(date(2001, 1, 1), -100), (date(2002, 1, 1), 100), (date(2003, 1, 1), -100)],
         Undefined.EXTREME),
    ],
)  # fmt: skip
def test_where_there_is_no_return_it_says_why(flows, reason):
    assert money_weighted(flows) is reason


@settings(deadline=None, max_examples=60)
@given(
    some.lists(
        some.tuples(some.integers(0, 3600), some.integers(1, 10**9)), min_size=1, max_size=12
    ),
    some.integers(-70, 300),
    some.integers(4001, 6000),
)
def test_money_that_grew_at_a_rate_is_told_that_rate(paid_in, percent, days):
    """Pay in on any days, let all of it grow at one rate, and the return is that rate."""
    rate = percent / 100
    start = date(2000, 1, 1)
    worth = sum(amount * (1 + rate) ** ((days - day) / 365) for day, amount in paid_in)
    flows = [(start + timedelta(day), -amount * 10**12) for day, amount in paid_in]
    found = money_weighted([*flows, (start + timedelta(days), round(worth * 10**12))])
    assert isinstance(found, Return)
    assert float(found.yearly) == pytest.approx(rate, abs=2e-5)


@settings(deadline=None, max_examples=60)
@given(some.lists(some.tuples(some.integers(0, 900), some.integers(-(10**9), 10**9)), max_size=12))
def test_a_return_is_a_number_or_a_reason_and_knows_no_order_or_size(flows):
    dated = [(JAN + timedelta(day), amount) for day, amount in flows]
    found = money_weighted(dated)
    assert isinstance(found, Undefined) or (found.whole.is_finite() and found.whole >= -1)
    assert money_weighted(reversed(dated)) == found
    assert money_weighted([(day, amount * 8) for day, amount in dated]) == found


@settings(deadline=None, max_examples=60)
@given(some.lists(some.integers(-100, 100), min_size=1), some.integers(1, 50))
def test_a_split_changes_no_value(units, ratio):
    bookings = [Booking(JAN, Fraction(each)) for each in units]
    price = Price(MAR, Fraction(60))
    after = Price(MAR, Fraction(60, ratio))
    assert value_on(bookings, (), MAR, price, 2) == value_on(
        bookings, ((FEB, Fraction(ratio)),), MAR, after, 2
    )
