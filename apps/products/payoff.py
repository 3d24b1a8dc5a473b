"""What an observation pays: coupon, memory, call, redemption. No I/O, no clock, no randomness.

`observe` decides one observation from the levels of its valuation day; `apps.products.replay` folds
it over what a market showed. Decisions where contracts differ are terms of the sheet. Always true: the coupon
test comes before the call test on the same day, comparisons are exact, what is remembered earns no
interest and is lost at the end, rates are summed first and money is rounded once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Any

from apps.core import money as rounding
from apps.products import levels as at
from apps.products import schedule
from apps.products.terms.sheet import (
    CalledCoupon,
    CouponKind,
    KnockIn,
    ObservationTerms,
    RateBasis,
    Redemption,
    RedemptionKind,
    RoundPer,
    TermSheet,
)

FORMULA_VERSION = 1  # stored with every result; raised when the same terms would pay otherwise

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


class Status(StrEnum):
    LIVE = "LIVE"
    CALLED = "CALLED"
    MATURED = "MATURED"


@dataclass(frozen=True, slots=True)
class State:
    """All that one observation hands to the next.

    Rates are parts of the notional. `observed` is the number of the last observation decided;
    `above` holds the shares that were once at the call barrier, where calls remember them.
    """

    status: Status = Status.LIVE
    observed: int = 0
    rate_paid: Fraction = ZERO
    rate_remembered: Fraction = ZERO
    knocked_in: bool = False
    above: frozenset[str] = frozenset()

    @classmethod
    def start(cls) -> "State":
        """Return the state before the first observation."""
        return cls()

    def as_json(self) -> dict[str, object]:
        """Return plain JSON values to be stored; rates as exact fractions such as 1/40."""
        return {
            "status": self.status.value,
            "observed": self.observed,
            "rate_paid": str(self.rate_paid),
            "rate_remembered": str(self.rate_remembered),
            "knocked_in": self.knocked_in,
            "above": sorted(self.above),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "State":
        """Return the state that `as_json` stored; raises KeyError or ValueError on another form."""
        return cls(
            status=Status(stored["status"]),
            observed=int(stored["observed"]),
            rate_paid=Fraction(stored["rate_paid"]),
            rate_remembered=Fraction(stored["rate_remembered"]),
            knocked_in=bool(stored["knocked_in"]),
            above=frozenset(stored["above"]),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one observation decided. Rates and redemptions are exact parts of the notional.

    `rate_paid` is paid now, with what was remembered and a bonus; `rate_remembered` stays after it.
    `redemption` is None while the product lives on and equals `call_redemption` when called;
    `deferred` is what a call leaves to be paid at maturity.
    """

    event: Event
    rate_paid: Fraction
    rate_remembered: Fraction
    worst: str
    basket_level: Fraction
    called: bool
    call_redemption: Fraction | None
    deferred: Fraction
    redemption: Fraction | None
    status: Status
    state: State


def observe(terms: TermSheet, state: State, number: int, levels: Mapping[str, Fraction]) -> Outcome:
    """Decide one observation from each share's level on its valuation day.

    The last observation matures a product that it does not call. With today's levels and the next
    number it answers "if the next observation were today". Raises ValueError where the product does
    not live any more, where `number` is not the next one, or where a share has no level.
    """
    observation = terms.observation(number)
    if state.status is not Status.LIVE or number != state.observed + 1:
        raise ValueError(
            f"Observation {number} cannot follow observation {state.observed} "
            f"of a product that is {state.status}."
        )
    without = [share.id for share in terms.basket.underlyings if share.id not in levels]
    if without:
        raise ValueError(f"Observation {number} has no level of {', '.join(without)}.")

    above = _above(terms, state, observation, levels)
    called = observation.call_barrier is not None and at.reaches(
        terms.autocall.basket, levels, observation.call_barrier, counted=above
    )
    event, paid, remembered = _coupon(terms, state, observation, levels, called=called)
    knocked_in = state.knocked_in or _knocks_in(terms, observation, levels, called=called)
    status, redemption = Status.LIVE, None
    if called:
        status, redemption = Status.CALLED, observation.call_redemption
    elif number == len(terms.observations):
        status = Status.MATURED
        redemption = _redemption_level(terms.redemption, levels, knocked_in=knocked_in)
    return Outcome(
        event=event,
        rate_paid=paid,
        rate_remembered=remembered,
        worst=at.worst(terms.basket, levels),
        basket_level=at.basket_level(terms.basket, levels),
        called=called,
        call_redemption=redemption if called else None,
        deferred=terms.autocall.deferred if called else ZERO,
        redemption=redemption,
        status=status,
        state=State(status, number, state.rate_paid + paid, remembered, knocked_in, above),
    )


def watch(terms: TermSheet, state: State, day: date, levels: Mapping[str, Fraction]) -> State:
    """Look at one day's closes against a barrier that is watched daily.

    `levels` may miss shares without a close that day. Call it for every day up to the valuation
    day before `observe`; for terms without such a barrier it changes nothing.
    """
    redemption = terms.redemption
    watched_from = redemption.ki_start or terms.issue_date or date.min
    if (
        redemption.kind is RedemptionKind.BARRIER
        and redemption.style is KnockIn.AMERICAN
        and state.status is Status.LIVE
        and day >= watched_from
        and _is_below(redemption, levels)
    ):
        return replace(state, knocked_in=True)
    return state


def period_rate(terms: TermSheet, number: int) -> Fraction:
    """Return the full rate of one observation's coupon as an exact part of the notional.

    An annual rate counts days from `start` to `end`, which default to the dates of the previous
    observation (the issue) and of this one. Raises ValueError where no start is known.
    """
    observation, coupon = terms.observation(number), terms.coupon
    if coupon.basis is RateBasis.PERIOD:
        return observation.rate
    if not coupon.counts_days:
        return observation.rate / coupon.frequency
    previous = terms.observation(number - 1).scheduled if number > 1 else terms.issue_date
    start = observation.start or previous
    if start is None:
        raise ValueError("The first coupon period has no start: give an issue date.")
    end = observation.end or observation.scheduled
    return observation.rate * schedule.year_fraction(start, end, coupon.day_count)


def money(terms: TermSheet, rate: Fraction, nominal_minor: int) -> int:
    """Return a rate of a nominal in minor units, rounded once: per note, or per position.

    Raises ValueError where the nominal is not a whole number of notes that are rounded singly.
    """
    whole = terms.round_per is RoundPer.POSITION or terms.denomination is None
    note = nominal_minor if whole or terms.denomination is None else terms.denomination
    notes, rest = divmod(nominal_minor, note) if note else (0, 0)
    if rest:
        raise ValueError(f"{nominal_minor} is not a whole number of notes of {note} minor units.")
    return rounding.rounded(rate * note, terms.rounding) * notes


def _above(
    terms: TermSheet,
    state: State,
    observation: ObservationTerms,
    levels: Mapping[str, Fraction],
) -> frozenset[str]:
    """Return the shares that count as above for the call: those of observations that can call."""
    if not terms.autocall.stock_memory or observation.call_barrier is None:
        return state.above
    basket = terms.autocall.basket
    return state.above | at.shares_inside(basket, levels, observation.call_barrier)


def _coupon(
    terms: TermSheet,
    state: State,
    observation: ObservationTerms,
    levels: Mapping[str, Fraction],
    *,
    called: bool,
) -> tuple[Event, Fraction, Fraction]:
    """Return the event, the rate paid now and the rate remembered after it."""
    rate = period_rate(terms, observation.number)
    earned = _earned_part(terms, observation, levels)
    granted = (
        called
        and terms.autocall.coupon is CalledCoupon.ALWAYS
        and terms.coupon.kind is CouponKind.FIXED
    )
    due = ONE if granted else max(earned, observation.guaranteed)
    # Only a coupon that is met releases what was remembered; a granted one pays itself alone.
    released = state.rate_remembered if earned else ZERO
    paid = rate * due + released
    remembered = state.rate_remembered - released
    if terms.memory:
        remembered += rate * (ONE - due)
    event = _event(terms, observation, due) if rate or paid else Event.NONE
    if called and observation.number in terms.autocall.bonus:
        paid += (terms.autocall.bonus[observation.number] - ONE) * (state.rate_paid + paid)
    return event, paid, remembered


def _event(terms: TermSheet, observation: ObservationTerms, due: Fraction) -> Event:
    if observation.guaranteed and observation.guaranteed >= due:
        return Event.GUARANTEED
    if due == ONE:
        return Event.ACCRUED
    if due:
        return Event.PARTIAL
    return Event.SAVED if terms.memory else Event.LOST


def _earned_part(
    terms: TermSheet, observation: ObservationTerms, levels: Mapping[str, Fraction]
) -> Fraction:
    """Return the part of the coupon that the levels earned, from 0 to 1."""
    coupon, basket = terms.coupon, terms.basket
    if coupon.kind is CouponKind.ACCRUAL and observation.inside is not None:
        return observation.inside
    corridor = (basket, levels, observation.barrier, observation.upper)
    if coupon.kind is CouponKind.PER_STOCK:
        there = at.shares_inside(*corridor, strict=coupon.strict)
        return sum((share.weight for share in basket.underlyings if share.id in there), ZERO)
    return ONE if at.inside(*corridor, strict=coupon.strict) else ZERO


def _knocks_in(
    terms: TermSheet,
    observation: ObservationTerms,
    levels: Mapping[str, Fraction],
    *,
    called: bool,
) -> bool:
    redemption = terms.redemption
    if redemption.kind is not RedemptionKind.BARRIER:
        return False
    if redemption.style is KnockIn.EUROPEAN:
        looked_at = not called and observation.number == len(terms.observations)
    else:
        looked_at = redemption.ki_start is None or observation.scheduled >= redemption.ki_start
    return looked_at and _is_below(redemption, levels)


def _is_below(redemption: Redemption, levels: Mapping[str, Fraction]) -> bool:
    return at.falls_below(
        redemption.basket, levels, redemption.barrier, inclusive=redemption.ki_inclusive
    )


def _redemption_level(
    redemption: Redemption, levels: Mapping[str, Fraction], *, knocked_in: bool
) -> Fraction:
    """Return what maturity pays back; a share in the rise comes on top of every kind."""
    final = at.basket_level(redemption.basket, levels)
    back = ONE
    if redemption.kind is RedemptionKind.FIXED:
        back = redemption.level
    elif redemption.kind is RedemptionKind.FLOOR:
        back = max(redemption.floor, min(ONE, final))
    elif redemption.kind is RedemptionKind.BARRIER and knocked_in:
        back = max(redemption.floor, min(ONE, final / redemption.strike))
    return back + redemption.participation * max(ZERO, final - redemption.up_strike)
