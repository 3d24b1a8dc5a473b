"""What maturity pays back and when its barrier is broken. No dates but the start of the watch."""

from datetime import date
from fractions import Fraction

from apps.products import levels as at
from apps.products.levels import Levels
from apps.products.terms.sheet import (
    KnockIn,
    ObservationTerms,
    Redemption,
    RedemptionKind,
    TermSheet,
)

ZERO, ONE = Fraction(0), Fraction(1)


def watched_from(terms: TermSheet) -> date | None:
    """Return the first day whose close is looked at daily; None where no barrier is watched so."""
    redemption = terms.redemption
    if redemption.kind is RedemptionKind.BARRIER and redemption.style is KnockIn.AMERICAN:
        return redemption.ki_start or terms.issue_date or date.min
    return None


def knocks_in(
    terms: TermSheet, observation: ObservationTerms, levels: Levels, *, called: bool
) -> bool:
    """Say whether an observation breaks the barrier of the redemption."""
    redemption = terms.redemption
    if redemption.kind is not RedemptionKind.BARRIER:
        return False
    if redemption.style is KnockIn.EUROPEAN:
        looked_at = not called and observation.number == len(terms.observations)
    else:
        looked_at = redemption.ki_start is None or observation.scheduled >= redemption.ki_start
    return looked_at and is_below(redemption, levels)


def is_below(redemption: Redemption, levels: Levels) -> bool:
    """Say whether the basket is below the knock-in barrier; levels may miss shares."""
    return at.falls_below(
        redemption.basket, levels, redemption.barrier, inclusive=redemption.ki_inclusive
    )


def paid_back(redemption: Redemption, levels: Levels, *, knocked_in: bool) -> Fraction:
    """Return what maturity pays back as an exact part of the notional.

    The capital comes back by the kind of the redemption; a gain comes on top of every kind, and the
    cap holds for both together.
    """
    final = at.basket_level(redemption.basket, levels)
    back = _capital(redemption, final, lost=knocked_in and not _is_saved(redemption, levels))
    whole = back + _gain(redemption, final, unbroken=back >= ONE and not knocked_in)
    return whole if redemption.cap is None else min(whole, redemption.cap)


def _is_saved(redemption: Redemption, levels: Levels) -> bool:
    """Say whether one star shines: one share alone at its level saves the whole capital."""
    return redemption.one_star is not None and any(
        levels[share.id] >= redemption.one_star for share in redemption.basket.underlyings
    )


def _capital(redemption: Redemption, final: Fraction, *, lost: bool) -> Fraction:
    if redemption.kind is RedemptionKind.FIXED:
        return redemption.level
    if redemption.kind is RedemptionKind.FLOOR:
        return max(redemption.floor, min(ONE, final))
    if redemption.kind is RedemptionKind.BUFFER:
        beyond = max(ZERO, ONE - redemption.buffer - final)
        return max(redemption.floor, ONE - redemption.gearing * beyond)
    if redemption.kind is RedemptionKind.BARRIER and lost:
        return max(redemption.floor, min(ONE, final / redemption.strike))
    return ONE


def _gain(redemption: Redemption, final: Fraction, *, unbroken: bool) -> Fraction:
    """Return the greatest of the share in the rise, the step and the least return."""
    gain = redemption.participation * max(ZERO, final - redemption.up_strike)
    if final >= redemption.step_barrier:
        gain = max(gain, redemption.step)
    return max(gain, redemption.min_return) if unbroken else gain
