"""Years of closes against barriers at once: binary levels that leave every doubt to exact ones.

A binary level is off by parts of 1e-15. What lies nearer to a barrier than a billionth of it is
called doubtful here and decided by whoever asks, exactly; all else is certain.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from apps.products import levels as at
from apps.products.terms.series import Series
from apps.products.terms.sheet import Basket, BasketKind, CorporateChange, Underlying

_NEAR = 1e-9  # relative; a million times what binary arithmetic loses

Days = npt.NDArray[np.int64]  # date.toordinal()
Levels = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Lane:
    """One share's binary levels by day; NaN where there is no exchange rate yet."""

    days: Days
    levels: Levels

    @classmethod
    def of(
        cls,
        share: Underlying,
        changes: Iterable[CorporateChange],
        closes: Series,
        rates: Series | None = None,
        struck: Fraction = Fraction(1),
    ) -> "Lane":
        """Return a share's lane; with `rates` by the last one on or before each day ÷ `struck`."""
        days = _ordinals(closes)
        levels = np.array(closes.floats(), np.float64) / float(share.initial)
        for change in changes:
            if change.share == share.id:
                levels[days >= change.ex.toordinal()] /= float(change.factor)
        if rates is not None:
            known = np.array([np.nan, *rates.floats()])
            levels *= known[np.searchsorted(_ordinals(rates), days, side="right")] / float(struck)
        return cls(days, levels)

    def known_by(self, day: date) -> bool:
        """Say whether there is a level on or before a day."""
        return bool(self.days.size) and int(self.days[0]) <= day.toordinal()

    def last_day(self, day: date) -> date:
        """Return the last day with a level on or before a day that it is known by."""
        return date.fromordinal(
            int(self.days[np.searchsorted(self.days, day.toordinal(), "right") - 1])
        )

    def without(self, days: Set[date]) -> "Lane":
        """Return the lane without some days."""
        kept = ~np.isin(self.days, np.array([day.toordinal() for day in days], np.int64))
        return Lane(self.days[kept], self.levels[kept])


def may_be_below(basket: Basket, lanes: Mapping[str, Lane], barrier: Fraction) -> list[date]:
    """Return, in order, every day on which the basket may be below or at a barrier.

    None that is missing is below; one that is there may prove not to be. As for
    `levels.falls_below`, one share alone is enough for worst and all.
    """
    if basket.kind in (BasketKind.WORST, BasketKind.ALL):
        found: Set[int] = {
            int(day)
            for share in basket.underlyings
            for day in lanes[share.id].days[
                ~_surely_above(lanes[share.id].levels, _mark(basket, share, barrier))
            ]
        }
        return [date.fromordinal(day) for day in sorted(found)]
    days = lanes[basket.underlyings[0].id].days
    for share in basket.underlyings[1:]:
        days = np.intersect1d(days, lanes[share.id].days, assume_unique=True)
    table = _table(basket, lanes, days)
    if basket.kind is BasketKind.AVERAGE:
        sure = _surely_above(_mean(basket, table), float(barrier))
    else:
        above = [
            _surely_above(levels, _mark(basket, share, barrier))
            for share, levels in zip(basket.underlyings, table, strict=True)
        ]
        sure = np.count_nonzero(above, axis=0) >= at.needed(basket)
    return [date.fromordinal(int(day)) for day in days[~sure]]


def days_inside(
    basket: Basket,
    lanes: Mapping[str, Lane],
    days: Sequence[date],
    barrier: Fraction | None,
    upper: Fraction | None,
    counted: Set[str] = frozenset(),
) -> tuple[int, list[date]]:
    """Return how many days are certainly inside a corridor, and the doubtful ones.

    A day without a close is read by the last close before it. Raises ValueError where a share has
    none by then.
    """
    ordinals = np.array([day.toordinal() for day in days], np.int64)
    table = _table(basket, lanes, ordinals)
    if np.isnan(table).any():
        raise ValueError("A share has no level on or before one of the days.")
    looked_at = _mean(basket, table)[None] if basket.kind is BasketKind.AVERAGE else table
    low = _bounds(basket, barrier, -np.inf)
    high = _bounds(basket, upper, np.inf)
    doubtful: Mask = np.any(_near(looked_at, low) | _near(looked_at, high), axis=0)
    inside = _inside(basket, looked_at >= low, looked_at <= high, counted)
    return (
        int(np.count_nonzero(inside & ~doubtful)),
        [day for day, doubt in zip(days, doubtful, strict=True) if doubt],
    )


def _inside(basket: Basket, above: Mask, below: Mask, counted: Set[str]) -> Mask:
    """Say as `levels.inside` does on which days the corridor holds, from rows of shares."""
    rest = np.array([share.id not in counted for share in basket.underlyings])
    inside: Mask
    if basket.kind is BasketKind.AVERAGE:
        inside = above[0] & below[0]
    elif basket.kind is BasketKind.WORST:
        inside = (_every(above[rest]) & _some(below[rest])) | (not rest.any())
    elif basket.kind is BasketKind.BEST:
        inside = (_some(above) & _every(below)) | (not rest.all())
    else:
        there = (above & below) | ~rest[:, None]
        inside = np.greater_equal(np.count_nonzero(there, axis=0), at.needed(basket))
    return inside


def _every(rows: Mask) -> Mask:
    found: Mask = np.logical_and.reduce(rows)
    return found


def _some(rows: Mask) -> Mask:
    found: Mask = np.logical_or.reduce(rows)
    return found


def _bounds(basket: Basket, barrier: Fraction | None, absent: float) -> Levels:
    """Return a barrier as a column of each share's mark, or of the average's one."""
    if basket.kind is BasketKind.AVERAGE:
        return np.array([[absent if barrier is None else float(barrier)]])
    return np.array(
        [
            [absent if barrier is None else _mark(basket, share, barrier)]
            for share in basket.underlyings
        ]
    )


def _near(levels: Levels, bounds: Levels) -> Mask:
    finite = np.where(np.isfinite(bounds), bounds, np.nan)  # to no bound nothing is near
    near: Mask = np.abs(levels - finite) <= _NEAR * np.abs(finite)
    return near


def _surely_above(levels: Levels, mark: float) -> Mask:
    sure: Mask = levels > mark * (1 + _NEAR)  # of NaN nothing is sure
    return sure


def _table(basket: Basket, lanes: Mapping[str, Lane], days: Days) -> Levels:
    """Return rows of shares, columns of days: the last level on or before each; NaN without one."""
    rows = []
    for share in basket.underlyings:
        lane = lanes[share.id]
        known = np.concatenate(([np.nan], lane.levels))
        rows.append(known[np.searchsorted(lane.days, days, side="right")])
    return np.array(rows)


def _mean(basket: Basket, table: Levels) -> Levels:
    weights = np.array([float(share.weight) for share in basket.underlyings])
    mean: Levels = weights @ table
    return mean


def _mark(basket: Basket, share: Underlying, barrier: Fraction) -> float:
    return float(at.mark(basket, share, barrier))


def _ordinals(series: Series) -> Days:
    return _numbered(tuple(series))


@lru_cache(maxsize=16)  # the shares of one exchange have closes on the same days
def _numbered(days: tuple[date, ...]) -> Days:
    numbers = np.fromiter((day.toordinal() for day in days), np.int64, len(days))
    numbers.flags.writeable = False
    return numbers
