"""What units are worth and what they brought: the one definition of value, gain and return.

The back office, the client's page, templates and segments all take their figures from here; the
form in SQL for many clients (`queries.positions`) says the same, which a test shows. Money is in
minor units, units and prices are exact; only a money-weighted return is found by approximation.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from apps.core.money import rounded

YEAR = 365  # days of the year of a money-weighted return, whatever the calendar says
RETURN_STEP = Decimal("0.000001")  # a return is told to the ten-thousandth of a percent
HIGHEST = 30.0  # of ln(1 + rate): from losing all but a trillionth to a trillionfold
GRID = 300  # places on either side of zero at which the balance's sign is looked at
HALVINGS = 60  # of one such step: as fine as a double can tell apart


@dataclass(frozen=True, slots=True)
class Booking:
    """One transaction of a holding: units bought (or sold, below zero), money paid in or out."""

    day: date
    units: Fraction = Fraction(0)
    paid_in: int = 0
    paid_out: int = 0


@dataclass(frozen=True, slots=True)
class Price:
    """The last price known on a day, raw as traded; `day` is the price's own."""

    day: date
    close: Fraction


Splits = Sequence[tuple[date, Fraction]]  # ex-date and new units for one old


def factor(splits: Splits, after: date, until: date) -> Fraction:
    """Return how many units one unit of the day `after` has become by `until`."""
    ratio = Fraction(1)
    for ex_on, each in splits:
        if after < ex_on <= until:
            ratio *= each
    return ratio


def units_on(bookings: Iterable[Booking], splits: Splits, day: date) -> Fraction:
    """Return the units held at the end of a day, in units as they are on that day.

    What was dealt on an ex-date was dealt in the new units already.
    """
    return sum(
        (one.units * factor(splits, one.day, day) for one in bookings if one.day <= day),
        Fraction(0),
    )


def value_on(
    bookings: Iterable[Booking], splits: Splits, day: date, price: Price | None, places: int
) -> int | None:
    """Return what is held on a day at the last price, in minor units, rounded half up once.

    Nothing held is worth nothing; what is held without a price is worth nobody knows what.
    """
    units = units_on(bookings, splits, day)
    if not units:
        return 0
    if price is None:
        return None
    units /= factor(splits, price.day, day)  # back to the units that the price is of
    return rounded(units * price.close * 10**places)


@dataclass(frozen=True, slots=True)
class Gain:
    """What a holding gained between two days: its amount, and what it was gained on.

    `base` is what was there at the start and what was paid in since; `rate` is the gain a unit of it.
    """

    amount: int
    base: int

    @property
    def rate(self) -> Fraction | None:
        return Fraction(self.amount, self.base) if self.base > 0 else None


def gain(*, before: int, paid_in: int, paid_out: int, after: int) -> Gain:
    """Return the gain from a start worth `before` to an end worth `after`.

    Since the purchase `before` is 0 and every booking counts; for a day it is the value at the close
    before. Dividends, sales and fees count when they are booked, so that paying in is no gain and
    paying out no loss.
    """
    return Gain(after + paid_out - before - paid_in, before + paid_in)


def total(gains: Iterable[Gain]) -> Gain:
    """Return the gain of several holdings together."""
    listed = list(gains)
    return Gain(sum(one.amount for one in listed), sum(one.base for one in listed))


def gain_between(
    bookings: Sequence[Booking],
    splits: Splits,
    places: int,
    *,
    since: date | None,
    before: Price | None,
    until: date,
    after: Price | None,
) -> Gain | None:
    """Return what a holding gained from the end of a day (None: from its purchase) to another.

    `before` and `after` are the last prices known on the two days; None where one is needed and
    lacks.
    """
    start = value_on(bookings, splits, since, before, places) if since else 0
    end = value_on(bookings, splits, until, after, places)
    if start is None or end is None:
        return None
    counted = [one for one in bookings if one.day <= until and (not since or one.day > since)]
    return gain(
        before=start,
        paid_in=sum(one.paid_in for one in counted),
        paid_out=sum(one.paid_out for one in counted),
        after=end,
    )


class Undefined(StrEnum):
    """Why there is no money-weighted return."""

    NO_TIME = "no time"  # everything happened on one day
    ONE_WAY = "one way"  # money went in only one direction
    SEVERAL = "several"  # more than one rate balances the payments
    EXTREME = "extreme"  # no rate in the range that we look through does


@dataclass(frozen=True, slots=True)
class Return:
    """A money-weighted return of a period, and what it comes to in a year.

    `yearly` is None for a period shorter than a year: the GIPS forbid to tell it as a year's rate.
    """

    whole: Decimal
    yearly: Decimal | None
    days: int


def money_weighted(flows: Iterable[tuple[date, int]]) -> Return | Undefined:
    """Return the rate at which what was paid in would have grown to what came out.

    Flows are below zero where the client pays and above where he receives; the last one is what he
    still holds. The rate balances Σ flow ÷ (1 + rate)^(days ÷ 365) = 0, days counted exactly from
    the first flow (XIRR in spreadsheets). Where money changes its direction more than once, several
    rates may balance it: the whole range is looked through, and two answers are none.
    """
    given = sorted(flows)
    by_day: dict[date, int] = {}
    for day, amount in given:
        by_day[day] = by_day.get(day, 0) + amount
    moved = [(day, amount) for day, amount in by_day.items() if amount]
    if len({amount > 0 for _day, amount in moved}) < 2:
        both = len({amount > 0 for _day, amount in given if amount}) == 2
        return Undefined.NO_TIME if both and len(by_day) == 1 else Undefined.ONE_WAY
    first, size = moved[0][0], max(abs(amount) for _day, amount in moved)
    days = (moved[-1][0] - first).days
    roots = _roots([((day - first).days / days, amount / size) for day, amount in moved])
    if len(roots) != 1:
        return Undefined.SEVERAL if roots else Undefined.EXTREME
    yearly = _rate(roots[0] * YEAR / days) if days >= YEAR else None
    return Return(_rate(roots[0]), yearly, days)


def _roots(terms: Sequence[tuple[float, float]]) -> list[float]:
    """Return where Σ amount × e^(−x × time) changes its sign; x = ln(1 + rate), time from 0 to 1."""

    def balance(x: float) -> float:
        # Seen from the end where x is below zero, so that no power of e is above 1.
        end = 1.0 if x < 0 else 0.0
        return math.fsum(amount * math.exp(x * (end - time)) for time, amount in terms)

    # Money that changes its direction once has one rate (Descartes): the ends are enough.
    turns = sum((one > 0) != (other > 0) for (_then, one), (_now, other) in pairwise(terms))
    steps = 1 if turns == 1 else GRID
    signs = [(x, balance(x)) for x in (HIGHEST * step / steps for step in range(-steps, steps + 1))]
    roots = [x for x, at in signs if at == 0]
    for (low, below), (high, above) in pairwise(signs):
        if below * above < 0:
            roots.append(_bisected(balance, low, high, rising=above > 0))
    return roots


def _bisected(balance: Callable[[float], float], low: float, high: float, *, rising: bool) -> float:
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if (balance(middle) > 0) is rising:
            high = middle
        else:
            low = middle
    return (low + high) / 2


def _rate(x: float) -> Decimal:
    return Decimal(math.expm1(x)).quantize(RETURN_STEP)
