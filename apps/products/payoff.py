"""What an observation pays: coupon, memory, call, redemption. No I/O, no clock, no randomness.

`observe` decides one observation from the levels of its valuation day; `apps.products.replay` folds
it over what a market showed. Decisions where contracts differ are terms of the sheet. Always true:
comparisons are exact, what is remembered earns no interest, rates are summed first and money is
rounded once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Any

from apps.core import money as rounding
from apps.products import coupons, redemption
from apps.products import levels as at
from apps.products.coupons import Event
from apps.products.terms.sheet import BonusOn, ObservationTerms, RoundPer, TermSheet

__all__ = ["FORMULA_VERSION", "Event", "Outcome", "State", "Status", "money", "observe", "watch"]

FORMULA_VERSION = 2  # stored with every result; raised when the same terms would pay otherwise

ZERO, ONE = Fraction(0), Fraction(1)


class Status(StrEnum):
    LIVE = "LIVE"
    CALLED = "CALLED"
    MATURED = "MATURED"


@dataclass(frozen=True, slots=True)
class State:
    """All that one observation hands to the next.

    Rates are parts of the notional. `observed` is the number of the last observation decided;
    `above` holds the shares that were once at the call barrier, where calls remember them;
    `remembered_by`, `locked` and `last_whole` are what `coupons.Carried` says.
    """

    status: Status = Status.LIVE
    observed: int = 0
    rate_paid: Fraction = ZERO
    rate_remembered: Fraction = ZERO
    knocked_in: bool = False
    above: frozenset[str] = frozenset()
    remembered_by: Mapping[str, Fraction] = field(default_factory=dict)
    locked: frozenset[str] = frozenset()
    last_whole: int = 0

    @property
    def carried(self) -> coupons.Carried:
        """Return what the coupon of the next observation needs."""
        return coupons.Carried(
            self.rate_remembered, self.remembered_by, self.locked, self.last_whole
        )

    @classmethod
    def start(cls) -> "State":
        """Return the state before the first observation."""
        return cls()

    def as_json(self) -> dict[str, object]:
        """Return plain JSON values to be stored; rates as exact fractions such as 1/40.

        What only some products need is left out where there is none of it.
        """
        by_share = {share: str(rate) for share, rate in self.remembered_by.items()}
        some: dict[str, object] = {
            "remembered_by": by_share,
            "locked": sorted(self.locked),
            "last_whole": self.last_whole,
        }
        return {
            "status": self.status.value,
            "observed": self.observed,
            "rate_paid": str(self.rate_paid),
            "rate_remembered": str(self.rate_remembered),
            "knocked_in": self.knocked_in,
            "above": sorted(self.above),
            **{name: value for name, value in some.items() if value},
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
            remembered_by={
                share: Fraction(rate) for share, rate in stored.get("remembered_by", {}).items()
            },
            locked=frozenset(stored.get("locked", ())),
            last_whole=int(stored.get("last_whole", 0)),
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


def observe(
    terms: TermSheet,
    state: State,
    number: int,
    levels: Mapping[str, Fraction],
    *,
    inside: Fraction | None = None,
) -> Outcome:
    """Decide one observation from each share's level on its valuation day.

    `inside` is the part of the days that an accrual coupon has accrued, where the term sheet leaves
    it to be counted. The last observation matures a product that it does not call. With today's
    levels and the next number it answers "if the next observation were today". Raises ValueError
    where the product does not live any more, where `number` is not the next one, or where a share
    has no level.
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
    coupon = coupons.decide(terms, state.carried, observation, levels, called=called, inside=inside)
    if called or number == len(terms.observations):
        coupon = coupons.ended(terms, coupon)
    paid = coupon.paid
    if called and number in terms.autocall.bonus:
        before = state.rate_paid if terms.autocall.bonus_on is BonusOn.ALL else ZERO
        paid += (terms.autocall.bonus[number] - ONE) * (before + paid)
    knocked_in = state.knocked_in or redemption.knocks_in(terms, observation, levels, called=called)
    status, back = Status.LIVE, None
    if called:
        status, back = Status.CALLED, observation.call_redemption
    elif number == len(terms.observations):
        status = Status.MATURED
        back = redemption.paid_back(terms.redemption, levels, knocked_in=knocked_in)
    carried = coupon.carried
    return Outcome(
        event=coupon.event,
        rate_paid=paid,
        rate_remembered=carried.remembered,
        worst=at.worst(terms.basket, levels),
        basket_level=at.basket_level(terms.basket, levels),
        called=called,
        call_redemption=back if called else None,
        deferred=terms.autocall.deferred if called else ZERO,
        redemption=back,
        status=status,
        state=State(
            status=status,
            observed=number,
            rate_paid=state.rate_paid + paid,
            rate_remembered=carried.remembered,
            knocked_in=knocked_in,
            above=above,
            remembered_by=carried.by_share,
            locked=carried.locked,
            last_whole=carried.last_whole,
        ),
    )


def watch(terms: TermSheet, state: State, day: date, levels: Mapping[str, Fraction]) -> State:
    """Look at one day's closes against a barrier that is watched daily.

    `levels` may miss shares without a close that day. Call it for every day up to the valuation
    day before `observe`; for terms without such a barrier it changes nothing.
    """
    watched_from = redemption.watched_from(terms)
    if (
        watched_from is not None
        and state.status is Status.LIVE
        and day >= watched_from
        and redemption.is_below(terms.redemption, levels)
    ):
        return replace(state, knocked_in=True)
    return state


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
