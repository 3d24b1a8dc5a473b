"""When an observation is valued and paid: scheduled dates on exchange sessions. No prices.

The replay of a term sheet asks for the valuation days of each share; the database rolls observations
by `Sessions` alone and waits for a close that is missing.
"""

import calendar as months
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction

from apps.products.terms.sheet import DayCount, DisruptionScope, PaymentLag, Roll, Schedule

_SATURDAY = 5  # date.weekday()


class Reason(StrEnum):
    """Why a share is valued on its day, or why that day is not known yet."""

    SCHEDULED = "scheduled"  # on the scheduled date itself
    ROLLED = "rolled"  # the scheduled date is no session
    DISRUPTED = "disrupted"  # no close on the rolled day: moved on
    LAST_KNOWN_CLOSE = "last_known_close"  # disrupted for too long
    FUTURE = "future"  # the day lies after as_of
    CALENDAR_ENDS = "calendar_ends"  # the known sessions do not reach so far
    CLOSE_MISSING = "close_missing"  # the day has passed without a close


@dataclass(frozen=True, slots=True)
class Valuation:
    """The day whose close values a share; None while it is waiting.

    `awaits` is the day whose close is waited for, where that is known, or was waited for in vain.
    """

    day: date | None
    reason: Reason
    awaits: date | None = None

    @property
    def settled(self) -> date | None:
        """Return the day on which the valuation was settled: a payment follows it."""
        return self.day and (self.awaits or self.day)


@dataclass(frozen=True, slots=True)
class Sessions:
    """Trading days in rising order, complete up to and including `known_until`."""

    days: tuple[date, ...]
    known_until: date

    @classmethod
    def of(cls, days: Iterable[date], known_until: date | None = None) -> "Sessions":
        """Take days in any order; unless told, they are known up to the last of them."""
        rising = tuple(sorted(days))
        return cls(rising, known_until or (rising[-1] if rising else date.min))

    def shared_with(self, others: Iterable["Sessions"]) -> "Sessions":
        """Return the days on which all exchanges trade."""
        everyone = [self, *others]
        shared = frozenset(self.days).intersection(*(other.days for other in everyone))
        return Sessions.of(shared, min(other.known_until for other in everyone))

    def rolled(self, scheduled: date, rule: Roll) -> date | None:
        """Return the day to which a scheduled date rolls; None where too few sessions are known.

        Modified following goes back when the next session lies in another month.
        """
        if rule is Roll.NONE:
            return scheduled
        at = bisect_left(self.days, scheduled)
        following = self.days[at] if at < len(self.days) else None
        if rule is Roll.FOLLOWING or following == scheduled:
            return following
        month_end = scheduled.replace(day=months.monthrange(scheduled.year, scheduled.month)[1])
        if rule is Roll.MODIFIED_FOLLOWING:
            if following and following <= month_end:
                return following
            known = following is not None or self.known_until >= month_end
        else:
            known = self.known_until >= scheduled
        return self.days[at - 1] if known and at else None

    def after(self, day: date, count: int) -> tuple[date, ...]:
        """Return up to `count` sessions after a day."""
        at = bisect_right(self.days, day)
        return self.days[at : at + count]


def valuation_days(
    scheduled: date,
    schedule: Schedule,
    sessions: Mapping[str, Sessions],
    closes: Mapping[str, Set[date]],
    as_of: date,
    *,
    disrupted: Mapping[str, Set[date]] | None = None,
    wait_for_missing: bool = False,
) -> dict[str, Valuation]:
    """Return for each share of `sessions` the day that values it, or why that is not known yet.

    `closes` are the days with a close fit for use, `disrupted` days on which a share counts as not
    traded. A missing close is a disruption: the next session, at most `max_disruption` of them, then
    the last close known by then. With `wait_for_missing` only declared disruptions move a day and a
    missing close waits, because a late feed is no market disruption. Days after `as_of` are not
    looked at.
    """
    hit = disrupted or {}
    usable = {
        share: closes.get(share, frozenset()) - hit[share]
        if hit.get(share)
        else closes.get(share, frozenset())
        for share in sessions
    }
    open_days = trading(sessions) if schedule.common else sessions
    candidates = {share: _candidates(scheduled, schedule, own) for share, own in open_days.items()}
    groups: Iterable[Sequence[str]] = (
        [tuple(sessions)]
        if schedule.disruption_scope is DisruptionScope.ALL
        else [(share,) for share in sessions]
    )
    found: dict[str, Valuation] = {}
    for group in groups:
        waits = {share: hit.get(share, frozenset()) for share in group} if wait_for_missing else {}
        days = {share: candidates[share] for share in group}
        found |= _valued(scheduled, days, schedule.max_disruption, usable, as_of, waits)
    return found


def trading(sessions: Mapping[str, Sessions]) -> dict[str, Sessions]:
    """Return for every share the days on which all of their exchanges trade."""
    everyone = list(sessions.values())
    return dict.fromkeys(sessions, everyone[0].shared_with(everyone)) if everyone else {}


def payment_day(
    valued: date, payment: PaymentLag, calendars: Mapping[str, Sessions]
) -> date | None:
    """Return the day of payment after a valuation day; None while its calendar does not reach it.

    A calendar's sessions are counted, and without a lag its next session pays. Without a calendar
    of its own a payment counts Mondays to Fridays.
    """
    if payment.calendar is not None:
        known = calendars.get(payment.calendar, Sessions.of(()))
        if payment.days == 0:
            return known.rolled(valued, Roll.FOLLOWING)
        later = known.after(valued, payment.days)
        return later[-1] if len(later) == payment.days else None
    day = valued
    for _ in range(payment.days):
        day += timedelta(days=1)
        while day.weekday() >= _SATURDAY:
            day += timedelta(days=1)
    return day


def year_fraction(start: date, end: date, convention: DayCount) -> Fraction:
    """Return the part of a year between two dates, exactly (ISDA 2006 definitions, 4.16).

    Raises ValueError for PERIOD, which counts coupons and not days.
    """
    if convention is DayCount.ACT_360:
        return Fraction((end - start).days, 360)
    if convention is DayCount.ACT_365:
        return Fraction((end - start).days, 365)
    if convention is DayCount.ACT_ACT:
        return sum(
            (
                Fraction(
                    (min(end, date(year + 1, 1, 1)) - max(start, date(year, 1, 1))).days,
                    366 if months.isleap(year) else 365,
                )
                for year in range(start.year, end.year + 1)
            ),
            Fraction(0),
        )
    if convention is DayCount.PERIOD:
        raise ValueError("PERIOD counts coupons, not days.")
    first = min(start.day, 30)
    last = end.day
    if last == 31 and (convention is DayCount.THIRTY_E_360 or first == 30):
        last = 30
    apart = 360 * (end.year - start.year) + 30 * (end.month - start.month) + last - first
    return Fraction(apart, 360)


def _candidates(scheduled: date, schedule: Schedule, sessions: Sessions) -> tuple[date, ...]:
    """Return the rolled day and the sessions that follow it while the share is disrupted."""
    rolled = sessions.rolled(scheduled, schedule.roll)
    return () if rolled is None else (rolled, *sessions.after(rolled, schedule.max_disruption))


def _valued(
    scheduled: date,
    candidates: Mapping[str, Sequence[date]],
    max_disruption: int,
    usable: Mapping[str, Set[date]],
    as_of: date,
    waits: Mapping[str, Set[date]],
) -> dict[str, Valuation]:
    """Move shares that move together from session to session until all of them have a close."""
    for step in range(max_disruption + 1):
        if any(len(days) <= step for days in candidates.values()):
            return dict.fromkeys(candidates, Valuation(None, Reason.CALENDAR_ENDS))
        today = {share: days[step] for share, days in candidates.items()}
        latest = max(today.values())
        if latest > as_of:
            return dict.fromkeys(candidates, Valuation(None, Reason.FUTURE, latest))
        missing = [share for share, day in today.items() if day not in usable[share]]
        if not missing:
            return {
                share: Valuation(day, _why(scheduled, candidates[share][0], day))
                for share, day in today.items()
            }
        late = [share for share in missing if share in waits and today[share] not in waits[share]]
        if late:
            return dict.fromkeys(candidates, Valuation(None, Reason.CLOSE_MISSING, today[late[0]]))
    return {share: _last_known(days[-1], usable[share]) for share, days in candidates.items()}


def _why(scheduled: date, rolled: date, day: date) -> Reason:
    if day != rolled:
        return Reason.DISRUPTED
    return Reason.SCHEDULED if day == scheduled else Reason.ROLLED


def _last_known(cut_off: date, usable: Set[date]) -> Valuation:
    last = max((day for day in usable if day <= cut_off), default=None)
    if last is None:
        return Valuation(None, Reason.CLOSE_MISSING, cut_off)
    if last == cut_off:
        return Valuation(last, Reason.DISRUPTED)
    return Valuation(last, Reason.LAST_KNOWN_CLOSE, cut_off)
