"""Exact levels of shares and baskets, and whether a barrier is met. No dates but ex-dates.

A level is raw close ÷ initial fixing as a Fraction, so every comparison is exact. Adjusted price
series are never used: a split or special dividend moves the initial fixing from its ex-date.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from datetime import date
from fractions import Fraction

from apps.core import money
from apps.products.terms.sheet import Basket, BasketKind, CorporateChange, Underlying

Levels = Mapping[str, Fraction]

_NONE: frozenset[str] = frozenset()
_ONE = Fraction(1)


def initial_on(underlying: Underlying, changes: Iterable[CorporateChange], day: date) -> Fraction:
    """Return the initial fixing that a raw close of `day` is compared with, in price units."""
    initial = underlying.initial
    for change in changes:
        if change.share == underlying.id and change.ex <= day:
            initial *= change.factor
    return initial


def level(
    underlying: Underlying,
    changes: Iterable[CorporateChange],
    day: date,
    close: Fraction,
    fx: Fraction = _ONE,
) -> Fraction:
    """Return a raw close of `day` as an exact part of the initial fixing.

    `fx` is the exchange rate of that day ÷ the one of the strike date, for composite baskets.
    """
    return close * fx / initial_on(underlying, changes, day)


def mark(basket: Basket, share: Underlying, barrier: Fraction) -> Fraction:
    """Return a barrier as a level of one share, by way of its rounded price where there is one.

    The level of an average has no price and is never rounded.
    The price is rounded once, on the initial fixing as struck; a split divides it unrounded.
    """
    if basket.level_dp is None:
        return barrier
    grid = 10**basket.level_dp
    return Fraction(money.rounded(barrier * share.initial * grid), grid) / share.initial


def worst(basket: Basket, levels: Levels) -> str:
    """Return the id of the share with the lowest level; of equals, the first in the term sheet."""
    return min(basket.underlyings, key=lambda share: levels[share.id]).id


def basket_level(basket: Basket, levels: Levels) -> Fraction:
    """Return the level of the basket as a whole.

    The worst for worst and all, the best for best and any, the m-th best for n_of_m, the weighted
    mean for average: the level at which the basket just meets a barrier.
    """
    if basket.kind is BasketKind.AVERAGE:
        return sum((levels[share.id] * share.weight for share in basket.underlyings), Fraction(0))
    falling = sorted((levels[share.id] for share in basket.underlyings), reverse=True)
    return falling[needed(basket) - 1]


def reaches(
    basket: Basket,
    levels: Levels,
    barrier: Fraction,
    *,
    strict: bool = False,
    counted: Set[str] = _NONE,
) -> bool:
    """Say whether the basket is at or above a barrier (`strict`: above it).

    Shares in `counted` count as there whatever their level.
    """
    if basket.kind is BasketKind.AVERAGE:
        return _at_least(basket_level(basket, levels), barrier, strict=strict)
    there = sum(
        share.id in counted
        or _at_least(levels[share.id], mark(basket, share, barrier), strict=strict)
        for share in basket.underlyings
    )
    return there >= needed(basket)


def inside(
    basket: Basket,
    levels: Levels,
    barrier: Fraction | None,
    upper: Fraction | None,
    *,
    strict: bool = False,
    counted: Set[str] = _NONE,
) -> bool:
    """Say whether the coupon condition holds: not below the barrier and not above the top.

    worst, best and average look at the basket's level; all, any and n_of_m count the shares whose
    own level lies in the corridor. Shares in `counted` count as there whatever their level.
    """
    if basket.kind not in (BasketKind.WORST, BasketKind.BEST, BasketKind.AVERAGE):
        there = shares_inside(basket, levels, barrier, upper, strict=strict) | counted
        return len(there) >= needed(basket)
    rest = tuple(share for share in basket.underlyings if share.id not in counted)
    if len(rest) < len(basket.underlyings):
        if basket.kind is BasketKind.BEST or not rest:
            return True
        basket = replace(basket, underlyings=rest)
    return (barrier is None or reaches(basket, levels, barrier, strict=strict)) and (
        upper is None or not reaches(basket, levels, upper, strict=True)
    )


def shares_inside(
    basket: Basket,
    levels: Levels,
    barrier: Fraction | None,
    upper: Fraction | None = None,
    *,
    strict: bool = False,
) -> frozenset[str]:
    """Return the ids of the shares whose own level lies in the corridor."""
    return frozenset(
        share.id
        for share in basket.underlyings
        if (
            barrier is None
            or _at_least(levels[share.id], mark(basket, share, barrier), strict=strict)
        )
        and (upper is None or levels[share.id] <= mark(basket, share, upper))
    )


def falls_below(
    basket: Basket, levels: Levels, barrier: Fraction, *, inclusive: bool = False
) -> bool:
    """Say whether the basket is below a knock-in barrier (`inclusive`: at or below it).

    For worst and all one share's close is enough, even if another has none that day; the other
    baskets need every share's level and are not below without it.
    """
    if basket.kind in (BasketKind.WORST, BasketKind.ALL):
        return any(
            not _at_least(levels[share.id], mark(basket, share, barrier), strict=inclusive)
            for share in basket.underlyings
            if share.id in levels
        )
    if any(share.id not in levels for share in basket.underlyings):
        return False
    return not reaches(basket, levels, barrier, strict=inclusive)


def needed(basket: Basket) -> int:
    """Return how many shares must be there for the basket to be there."""
    if basket.kind is BasketKind.N_OF_M:
        return basket.m
    return 1 if basket.kind in (BasketKind.BEST, BasketKind.ANY) else len(basket.underlyings)


def _at_least(level: Fraction, barrier: Fraction, *, strict: bool) -> bool:
    return level > barrier if strict else level >= barrier
