"""What a market had shown by a day, as levels of a term sheet's shares. No payoff."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import cached_property

from apps.products import arrays, coupons, redemption, schedule
from apps.products import levels as at
from apps.products.arrays import Lane
from apps.products.schedule import Reason, Sessions, Valuation
from apps.products.terms.series import Series
from apps.products.terms.sheet import (
    CouponKind,
    Fx,
    Market,
    ObservationTerms,
    Roll,
    TermSheet,
    TermSheetError,
    Underlying,
)


@dataclass(frozen=True)
class Past:
    """The part of a market that was known on `as_of`, by share of the basket."""

    terms: TermSheet
    closes: Mapping[str, Series]
    rates: Mapping[str, "Rates"]
    sessions: Mapping[str, Sessions]
    calendars: Mapping[str, Sessions]
    disrupted: Mapping[str, frozenset[date]]
    as_of: date

    @classmethod
    def of(cls, terms: TermSheet, market: Market) -> "Past":
        """Take what is known: no close and no rate after `as_of` is read.

        Without an `as_of` the last day with a close is taken for it. Raises TermSheetError where a
        calendar or the exchange rate of the strike date is missing.
        """
        shares = terms.basket.underlyings
        listed = {share.id: market.prices.get(share.id, {}) for share in shares}
        as_of = market.as_of or max(
            (max(days) for days in listed.values() if days), default=date.min
        )
        closes = {share: Series.of(days, as_of) for share, days in listed.items()}
        calendars = {name: Sessions.of(days) for name, days in market.calendars.items()}
        paying = terms.payment.calendar
        if paying is not None and calendars and paying not in calendars:
            raise TermSheetError(f"market.calendars: there is no calendar {paying} for payments.")
        sessions = _sessions(shares, closes, calendars, as_of)
        return cls(
            terms=terms,
            closes=closes,
            rates={
                share.id: Rates.of(terms, share, Series.of(market.fx.get(share.id, {}), as_of))
                for share in shares
                if terms.fx is Fx.COMPOSITE and (share.id in market.fx or share.fx_initial)
            },
            sessions=schedule.trading(sessions) if terms.schedule.common else sessions,
            calendars=calendars,
            disrupted={
                share.id: frozenset(
                    day for day in market.disrupted.get(share.id, ()) if day <= as_of
                )
                for share in shares
            },
            as_of=as_of,
        )

    def valuation(self, observation: ObservationTerms) -> dict[str, Valuation]:
        """Return the day that values each share, or why that is not known yet."""
        return schedule.valuation_days(
            observation.scheduled,
            replace(self.terms.schedule, common=False),  # `sessions` are the common ones already
            self.sessions,
            {share: closes.keys() for share, closes in self.closes.items()},
            self.as_of,
            disrupted=self.disrupted,
        )

    def level(self, share: Underlying, day: date) -> Fraction:
        """Return the level of a share's close of that day; TermSheetError without a rate by then."""
        rates = self.rates.get(share.id)
        fx = Fraction(1) if rates is None else rates.on(day)
        return at.level(share, self.terms.changes, day, self.closes[share.id][day], fx)

    def levels(self, days: Mapping[str, date]) -> dict[str, Fraction]:
        """Return each share's level on its own day."""
        return {
            share.id: self.level(share, days[share.id])
            for share in self.terms.basket.underlyings
            if share.id in days
        }

    def levels_on(self, day: date) -> dict[str, Fraction]:
        """Return the levels of the shares that have a close that day, and a rate by then."""
        return self.levels(
            {
                share: day
                for share, closes in self.closes.items()
                if day in closes and (share not in self.rates or self.rates[share].known_by(day))
            }
        )

    @cached_property
    def lanes(self) -> Mapping[str, Lane]:
        """Return the binary levels of each share's closes."""
        lanes = {}
        for share in self.terms.basket.underlyings:
            rates = self.rates.get(share.id)
            known, struck = (rates.known, rates.struck) if rates else (None, Fraction(1))
            closes = self.closes[share.id]
            lanes[share.id] = Lane.of(share, self.terms.changes, closes, known, struck)
        return lanes

    @cached_property
    def suspects(self) -> Sequence[date]:
        """Return the days whose closes may break a barrier that is watched daily."""
        first, capital = redemption.watched_from(self.terms), self.terms.redemption
        if first is None:
            return ()
        days = arrays.may_be_below(capital.basket, self.lanes, capital.barrier)
        return [day for day in days if day >= first]

    def to_watch(self, after: date, until: date) -> Sequence[date]:
        """Return the days in (after, until] whose closes may break a barrier watched daily."""
        days = self.suspects
        return days[bisect_right(days, after) : bisect_right(days, until)]

    def seen_for(self, observation: ObservationTerms, valuation: Mapping[str, Valuation]) -> date:
        """Return up to which day the closes surely belong to an observation that is pending.

        One that waits for a later session is valued after `as_of`; a date that may roll back is
        not.
        """
        later = {Reason.FUTURE, Reason.CLOSE_MISSING}
        if self.terms.schedule.roll in (Roll.NONE, Roll.FOLLOWING):
            later.add(Reason.CALENDAR_ENDS)
        waits = any(found.reason in later for found in valuation.values())
        return self.as_of if waits else min(self.as_of, observation.scheduled)

    def days_are_over(self, observation: ObservationTerms) -> bool:
        """Say whether every day of an accrual coupon is known that is to be counted here."""
        if not self._counts(observation):
            return True
        days = observation.accrual_days
        last = days[-1] if days else coupons.period(self.terms, observation)[1]
        return last <= self.as_of

    def inside(self, observation: ObservationTerms, locked: Set[str]) -> Fraction | None:
        """Return the part of the days that accrued; None where they are not counted here.

        A day without a close is read by the last close before it, as is usual for days that are
        counted one by one. Days before the first close of a share are left out.
        """
        if not self._counts(observation):
            return None
        days = [
            day
            for day in observation.accrual_days or self._days_of(observation)
            if all(lane.known_by(day) for lane in self._counted.values())
        ]
        if not days:
            return Fraction(0)
        basket, corridor = self.terms.basket, (observation.barrier, observation.upper)
        found, doubtful = arrays.days_inside(basket, self._counted, days, *corridor, locked)
        for day in doubtful:
            last = {share: lane.last_day(day) for share, lane in self._counted.items()}
            strict = self.terms.coupon.strict
            found += at.inside(basket, self.levels(last), *corridor, strict=strict, counted=locked)
        return Fraction(found, len(days))

    def _counts(self, observation: ObservationTerms) -> bool:
        return self.terms.coupon.kind is CouponKind.ACCRUAL and observation.inside is None

    @cached_property
    def _counted(self) -> Mapping[str, Lane]:
        """Return the lanes that days are counted by: a disrupted day's close is none."""
        return {
            share: lane.without(hit) if (hit := self.disrupted[share]) else lane
            for share, lane in self.lanes.items()
        }

    def _days_of(self, observation: ObservationTerms) -> tuple[date, ...]:
        """Return the trading days after an observation's period has started, up to its end."""
        start, end = coupons.period(self.terms, observation)
        start = start or date.min
        found: set[date] = set()
        for days in {id(own): own.days for own in self.sessions.values()}.values():
            found.update(days[bisect_right(days, start) : bisect_right(days, end)])
        return tuple(sorted(found))

    def paid_on(self, valued: date) -> date:
        """Return when a valuation is paid; where the calendar ends, weekdays are counted."""
        payment = self.terms.payment
        return (
            schedule.payment_day(valued, payment, self.calendars)
            or schedule.payment_day(valued, replace(payment, calendar=None), {})
            or valued
        )

    def ends_on(self) -> date:
        """Return the day on which the product ends, as its terms print it."""
        last = self.terms.observations[-1]
        return self.terms.maturity or last.pay or last.scheduled


@dataclass(frozen=True, slots=True)
class Rates:
    """Exchange rates of a share's currency: of each day the last one known by then, ÷ `struck`."""

    share: str
    days: Sequence[date]
    known: Series
    struck: Fraction

    @classmethod
    def of(cls, terms: TermSheet, share: Underlying, known: Series) -> "Rates":
        """Take the rates known; without `fx_initial` the issue date's is the one of the strike."""
        rates = cls(share.id, tuple(known), known, share.fx_initial or Fraction(1))
        if share.fx_initial is not None:
            return rates
        if terms.issue_date is None:
            raise TermSheetError(
                f"spec.underlyings: {share.id} needs fx_initial, the rate of the strike date."
            )
        return replace(rates, struck=rates.on(terms.issue_date))

    def known_by(self, day: date) -> bool:
        return bool(self.days) and self.days[0] <= day

    def on(self, day: date) -> Fraction:
        """Return the last rate on or before a day as a part of the one of the strike date."""
        if not self.known_by(day):
            raise TermSheetError(f"market.fx.{self.share}: there is no rate on or before {day}.")
        return self.known[self.days[bisect_right(self.days, day) - 1]] / self.struck


def _sessions(
    shares: Sequence[Underlying],
    closes: Mapping[str, Series],
    calendars: Mapping[str, Sessions],
    as_of: date,
) -> dict[str, Sessions]:
    """Return the sessions of each share's exchange.

    Where no calendar is given, an exchange trades on every day with a price of any of its shares: a
    share without one that day is disrupted. Shares that name no calendar are of one exchange.
    """
    traded: dict[str | None, set[date]] = {}
    for share in shares:
        traded.setdefault(share.calendar, set()).update(closes[share.id])
    found: dict[str | None, Sessions] = {}
    for name, days in traded.items():
        if name is None or not calendars:
            found[name] = Sessions.of(days, known_until=as_of)
        elif name not in calendars:
            raise TermSheetError(f"market.calendars: there is no calendar {name}.")
        elif not calendars[name].days:
            raise TermSheetError(f"market.calendars.{name}: it has no session.")
        else:
            found[name] = calendars[name]
    return {share.id: found[share.calendar] for share in shares}
