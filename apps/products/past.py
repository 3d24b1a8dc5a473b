"""What a market had shown by a day, as levels of a term sheet's shares. No payoff."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from apps.products import coupons, redemption, schedule
from apps.products import levels as at
from apps.products.schedule import Reason, Sessions, Valuation
from apps.products.terms.sheet import (
    CouponKind,
    Fx,
    Market,
    ObservationTerms,
    PaymentLag,
    TermSheet,
    TermSheetError,
    Underlying,
)

Closes = Mapping[date, Fraction]


@dataclass(frozen=True, slots=True)
class Past:
    """The part of a market that was known on `as_of`, by share of the basket."""

    terms: TermSheet
    closes: Mapping[str, Closes]
    rates: Mapping[str, "Rates"]
    sessions: Mapping[str, Sessions]
    calendars: Mapping[str, Sessions]
    disrupted: Mapping[str, frozenset[date]]
    as_of: date

    @classmethod
    def of(cls, terms: TermSheet, market: Market) -> "Past":
        """Take what is known: no close and no rate after `as_of` is read.

        Without an `as_of` the last day with a close is taken for it. Raises TermSheetError where a
        share's calendar or the exchange rate of the strike date is missing.
        """
        shares = terms.basket.underlyings
        listed = {share.id: market.prices.get(share.id, {}) for share in shares}
        as_of = market.as_of or max(
            (max(days) for days in listed.values() if days), default=date.min
        )
        closes = {share: _known(days, as_of) for share, days in listed.items()}
        calendars = {name: Sessions.of(days) for name, days in market.calendars.items()}
        sessions = {
            share.id: _sessions(share, closes[share.id], calendars, as_of) for share in shares
        }
        return cls(
            terms=terms,
            closes=closes,
            rates={
                share.id: Rates.of(terms, share, _known(market.fx[share.id], as_of))
                for share in shares
                if terms.fx is Fx.COMPOSITE and share.id in market.fx
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
        """Return the levels of the shares that have a close that day."""
        return self.levels({share: day for share, closes in self.closes.items() if day in closes})

    def days_to_watch(self, after: date, until: date) -> Iterator[date]:
        """Return the days in (after, until] whose closes may break a barrier watched daily."""
        first = redemption.watched_from(self.terms)
        if first is not None:
            days = {day for closes in self.closes.values() for day in closes}
            yield from sorted(day for day in days if after < day <= until and day >= first)

    def seen_for(self, observation: ObservationTerms, valuation: Mapping[str, Valuation]) -> date:
        """Return up to which day the closes surely belong to an observation that is pending."""
        waits = any(found.reason is Reason.FUTURE for found in valuation.values())
        return self.as_of if waits else min(self.as_of, observation.scheduled)

    def counts(self, observation: ObservationTerms) -> bool:
        """Say whether the days of an accrual coupon are to be counted here."""
        return self.terms.coupon.kind is CouponKind.ACCRUAL and observation.inside is None

    def inside(self, observation: ObservationTerms, locked: Set[str]) -> Fraction | None:
        """Return the part of the days that accrued; None where they are not known, or not counted.

        A day without a close is read by the last close before it, as is usual for days that are
        counted one by one.
        """
        if not self.counts(observation):
            return None
        days = observation.accrual_days or self.days_of(observation)
        if not days or days[-1] > self.as_of:
            return None
        found = 0
        for day in days:
            last = {share: self._last(share, day) for share in self.closes}
            known = {share: day for share, day in last.items() if day is not None}
            if len(known) < len(last):
                return None
            found += at.inside(
                self.terms.basket,
                self.levels(known),
                observation.barrier,
                observation.upper,
                strict=self.terms.coupon.strict,
                counted=locked,
            )
        return Fraction(found, len(days))

    def days_of(self, observation: ObservationTerms) -> tuple[date, ...]:
        """Return the trading days after an observation's period has started, up to its end."""
        start, end = coupons.period(self.terms, observation)
        every = {day for sessions in self.sessions.values() for day in sessions.days}
        return tuple(sorted(day for day in every if (start or date.min) < day <= end))

    def _last(self, share: str, day: date) -> date | None:
        return max(
            (one for one in self.closes[share] if one <= day and one not in self.disrupted[share]),
            default=None,
        )

    def paid_on(self, valued: date) -> date:
        """Return when a valuation is paid; where the calendar ends, weekdays are counted on."""
        return schedule.payment_day(valued, self.terms.payment, self.calendars) or (
            schedule.payment_day(valued, PaymentLag(self.terms.payment.days), {}) or valued
        )

    def ends_on(self) -> date:
        """Return the day on which the product ends, rolled where nobody pays on it."""
        last = self.terms.observations[-1]
        if self.terms.maturity is None:
            return last.pay or last.scheduled
        return schedule.business_day(
            self.terms.maturity, self.terms.schedule.roll, self.terms.payment, self.calendars
        )


@dataclass(frozen=True, slots=True)
class Rates:
    """Exchange rates of a share's currency: of each day the last one known by then, ÷ the first."""

    share: str
    days: Sequence[date]
    known: Closes
    struck: Fraction

    @classmethod
    def of(cls, terms: TermSheet, share: Underlying, known: Closes) -> "Rates":
        days = sorted(known)
        rates = cls(share.id, days, known, Fraction(1))
        if share.fx_initial is not None:
            return replace(rates, struck=share.fx_initial)
        if terms.issue_date is None:
            raise TermSheetError(
                f"spec.underlyings: {share.id} needs fx_initial, the rate of the strike date."
            )
        return replace(rates, struck=rates.on(terms.issue_date))

    def on(self, day: date) -> Fraction:
        """Return the last rate on or before a day as a part of the one of the strike date."""
        at_or_before = bisect_right(self.days, day)
        if not at_or_before:
            raise TermSheetError(f"market.fx.{self.share}: there is no rate on or before {day}.")
        return self.known[self.days[at_or_before - 1]] / self.struck


def _known(series: Closes, as_of: date) -> dict[date, Fraction]:
    return {day: series[day] for day in sorted(series) if day <= as_of}


def _sessions(
    share: Underlying, closes: Iterable[date], calendars: Mapping[str, Sessions], as_of: date
) -> Sessions:
    if share.calendar is None or not calendars:
        return Sessions.of(closes, known_until=as_of)
    if share.calendar not in calendars:
        raise TermSheetError(f"market.calendars: there is no calendar {share.calendar}.")
    if not calendars[share.calendar].days:
        raise TermSheetError(f"market.calendars.{share.calendar}: it has no session.")
    return calendars[share.calendar]
