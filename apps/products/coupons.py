"""What an observation's coupon earns, pays and leaves to be remembered. No call, no redemption.

A fixed coupon is earned whole or not at all, an accrual coupon by its days, a per-stock coupon share
by share. What is missed is remembered where the product has memory: of a per-stock coupon by each
share for itself, and paid when that share is there again; else in one sum, paid with the next coupon
that is earned in full.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from fractions import Fraction

from apps.products import levels as at
from apps.products import schedule
from apps.products.levels import Levels
from apps.products.terms.sheet import (
    CalledCoupon,
    CouponKind,
    MemoryEnd,
    ObservationTerms,
    RateBasis,
    TermSheet,
)

ZERO, ONE = Fraction(0), Fraction(1)


class Event(StrEnum):
    """What an observation means for the coupon; PENDING is a replay's word for "not known yet"."""

    ACCRUED = "ACCRUED"
    SAVED = "SAVED"
    LOST = "LOST"
    PARTIAL = "PARTIAL"
    GUARANTEED = "GUARANTEED"
    NONE = "NONE"
    PENDING = "PENDING"


@dataclass(frozen=True, slots=True)
class Carried:
    """What the coupons before leave: remembered rates, shares locked in.

    `by_share` is the part of `remembered` that single shares have missed; `last_whole` the number
    of the last observation whose whole coupon was paid.
    """

    remembered: Fraction = ZERO
    by_share: Mapping[str, Fraction] = field(default_factory=dict)
    locked: frozenset[str] = frozenset()
    last_whole: int = 0


@dataclass(frozen=True, slots=True)
class Coupon:
    """One coupon decided: rates as exact parts of the notional, and what it hands on."""

    event: Event
    paid: Fraction
    carried: Carried


def period_rate(terms: TermSheet, number: int, last_whole: int = 0) -> Fraction:
    """Return the full rate of one observation's coupon as an exact part of the notional.

    A snowball has grown by a step for every observation since the start, or with `growth_reset`
    since the last one whose whole coupon was paid. An annual rate counts days from `start` to `end`,
    which default to the end of the period before (the issue) and to the scheduled date. Raises
    ValueError where no start is known.
    """
    observation, coupon = terms.observation(number), terms.coupon
    grown = number - 1 - (last_whole if coupon.growth_reset else 0)
    return _of_period(terms, observation, observation.rate + grown * coupon.growth_step)


def period(terms: TermSheet, observation: ObservationTerms) -> tuple[date | None, date]:
    """Return when an observation's period starts and ends; unless told, where the one before did.

    The first starts with the issue; None where that is not known.
    """
    start = observation.start or terms.issue_date
    if observation.start is None and observation.number > 1:
        before = terms.observation(observation.number - 1)
        start = before.end or before.scheduled
    return start, observation.end or observation.scheduled


def decide(
    terms: TermSheet,
    carried: Carried,
    observation: ObservationTerms,
    levels: Levels,
    *,
    called: bool,
    inside: Fraction | None = None,
) -> Coupon:
    """Decide one coupon; `inside` is the counted part of the days of an accrual coupon.

    Raises ValueError where an accrual coupon has no days.
    """
    if called and terms.autocall.coupon is CalledCoupon.NEVER:
        return Coupon(Event.NONE, ZERO, carried)
    rate = period_rate(terms, observation.number, carried.last_whole)
    locked = carried.locked
    if terms.lock_in is not None:
        locked |= at.shares_inside(terms.basket, levels, terms.lock_in)
    there = _there(terms, observation, levels, locked, called=called)
    earned = _earned_part(terms, observation, there, inside)
    sure = _sure_rate(terms, observation, rate)
    # A call may grant the current coupon, but only what is earned releases what was remembered.
    whole = terms.coupon.kind is CouponKind.FIXED
    granted = called and whole and terms.autocall.coupon is CalledCoupon.ALWAYS
    due = max(rate if granted else rate * earned, sure)
    released, kept = _released(terms, carried, there, earned)
    missed = _missed(terms, rate, due, earned, there) if terms.memory else {}
    for share, part in missed.items():
        kept[share] = kept.get(share, ZERO) + part
    return Coupon(
        event=_event(terms, rate, due, released, sure),
        paid=due + released,
        carried=Carried(
            remembered=sum(kept.values(), ZERO),
            by_share={share: part for share, part in kept.items() if share and part},
            locked=locked,
            last_whole=_last_whole(terms, carried, observation, paid=bool(rate) and due >= rate),
        ),
    )


def ended(terms: TermSheet, coupon: Coupon) -> Coupon:
    """Return the last coupon with what becomes of all that is still remembered."""
    rest = coupon.carried.remembered
    if terms.memory_end is MemoryEnd.LOST or not rest:
        return coupon
    carried = replace(coupon.carried, remembered=ZERO, by_share={})
    return Coupon(Event.ACCRUED, coupon.paid + rest, carried)


_ALL = ""  # the key of what is remembered in one sum, for no share alone


def _there(
    terms: TermSheet,
    observation: ObservationTerms,
    levels: Levels,
    locked: frozenset[str],
    *,
    called: bool,
) -> frozenset[str]:
    """Return the shares that earn; of a coupon that is earned as a whole, all of them or none.

    The top of a corridor that ends where the call begins takes no coupon from a call: above it the
    product is called, and a called product pays its coupon.
    """
    upper, call_barrier = observation.upper, observation.call_barrier
    if called and upper is not None and call_barrier is not None and upper <= call_barrier:
        upper = None
    corridor = (terms.basket, levels, observation.barrier, upper)
    if terms.coupon.kind is CouponKind.PER_STOCK:
        return at.shares_inside(*corridor, strict=terms.coupon.strict) | locked
    met = at.inside(*corridor, strict=terms.coupon.strict, counted=locked)
    return frozenset(share.id for share in terms.basket.underlyings) if met else frozenset()


def _earned_part(
    terms: TermSheet,
    observation: ObservationTerms,
    there: frozenset[str],
    inside: Fraction | None,
) -> Fraction:
    """Return the part of the coupon that was earned, from 0 to 1."""
    if not _counts_days(terms):
        return sum((share.weight for share in terms.basket.underlyings if share.id in there), ZERO)
    counted = observation.inside if inside is None else inside
    if counted is None:
        raise ValueError(f"The days of observation {observation.number} are not counted.")
    return counted


def _counts_days(terms: TermSheet) -> bool:
    return terms.coupon.kind is CouponKind.ACCRUAL


def _last_whole(
    terms: TermSheet, carried: Carried, observation: ObservationTerms, *, paid: bool
) -> int:
    """Return from which observation on a snowball grows; nothing else asks."""
    return observation.number if paid and terms.coupon.growth_reset else carried.last_whole


def _sure_rate(terms: TermSheet, observation: ObservationTerms, rate: Fraction) -> Fraction:
    """Return what is paid whatever the levels."""
    if not observation.guaranteed:
        return ZERO
    own = terms.coupon.guaranteed_rate
    return rate if own is None else _of_period(terms, observation, own)


def _released(
    terms: TermSheet, carried: Carried, there: frozenset[str], earned: Fraction
) -> tuple[Fraction, dict[str, Fraction]]:
    """Return what was remembered and is paid now, and what stays, by share."""
    kept = dict(carried.by_share)
    kept[_ALL] = carried.remembered - sum(kept.values(), ZERO)
    if terms.coupon.kind is CouponKind.PER_STOCK:
        released = sum((kept.pop(share, ZERO) for share in there), ZERO)
    else:
        released = ZERO
    if earned == ONE:
        released += sum(kept.values(), ZERO)
        kept = {}
    return released, kept


def _missed(
    terms: TermSheet, rate: Fraction, due: Fraction, earned: Fraction, there: frozenset[str]
) -> dict[str, Fraction]:
    """Return what the coupon did not pay, by the share that has missed it."""
    missed = max(ZERO, rate - due)
    if not missed or terms.coupon.kind is not CouponKind.PER_STOCK:
        return {_ALL: missed}
    absent = [share for share in terms.basket.underlyings if share.id not in there]
    return {share.id: missed * share.weight / (ONE - earned) for share in absent}


def _event(
    terms: TermSheet, rate: Fraction, due: Fraction, released: Fraction, sure: Fraction
) -> Event:
    if not (rate or due or released):
        return Event.NONE
    if sure and sure >= due:
        return Event.GUARANTEED
    if due >= rate:
        return Event.ACCRUED
    if due:
        return Event.PARTIAL
    return Event.SAVED if terms.memory else Event.LOST


def _of_period(terms: TermSheet, observation: ObservationTerms, rate: Fraction) -> Fraction:
    """Return a quoted rate as a rate of the observation's period."""
    coupon = terms.coupon
    if coupon.basis is RateBasis.PERIOD:
        return rate
    if not coupon.counts_days:
        return rate / coupon.frequency
    start, end = period(terms, observation)
    if start is None:
        raise ValueError("The first coupon period has no start: give an issue date.")
    return rate * schedule.year_fraction(start, end, coupon.day_count)
