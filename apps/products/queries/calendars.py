"""An exchange's calendar as people look at it: months of days, and what is special about each."""

import calendar as months
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, time

from django.db.models import Count

from apps.products.models.calendars import CalendarOverride
from apps.products.models.markets import Exchange, TradingDay
from apps.products.models.strategies import Observation, Strategy

SHOWN = 6  # months: half a year before the eyes at once


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a month; `state` is open, half, closed or rest (a weekend, or unknown)."""

    day: date
    state: str
    closes_at: time | None = None
    override: CalendarOverride | None = None
    observations: int = 0


@dataclass(frozen=True, slots=True)
class Month:
    """A month in weeks; days of the months beside it are None."""

    first: date
    weeks: list[list[Day | None]]


def later(first: date, count: int) -> date:
    """Return the first of the month that many months later."""
    place = first.year * 12 + first.month - 1 + count
    return date(place // 12, place % 12 + 1, 1)


def calendar_of(exchange: Exchange, first: date) -> list[Month]:
    """Return half a year of an exchange from the month of a day on; four queries."""
    begin = first.replace(day=1)
    end = later(begin, SHOWN)
    sessions = {
        session.day: session
        for session in exchange.trading_days.filter(day__gte=begin, day__lt=end)
    }
    overrides = {
        override.day: override
        for override in exchange.overrides.filter(day__gte=begin, day__lt=end)
        .select_related("made_by")
        .order_by("pk")
    }
    observed: dict[date, int] = dict(
        Observation.objects.filter(
            valuation_on__gte=begin,
            valuation_on__lt=end,
            strategy__state=Strategy.State.PUBLISHED,
            strategy__basket_members__underlying__exchange=exchange,
        )
        .values_list("valuation_on")
        .annotate(Count("pk", distinct=True))
    )
    reach = _reach(exchange)

    def shown(day: date) -> Day:
        session = sessions.get(day)
        return Day(
            day,
            _state(day, session, reach),
            session.closes_at if session else None,
            overrides.get(day),
            observed.get(day, 0),
        )

    return [
        Month(month, [list(week) for week in _weeks(month, shown)])
        for month in (later(begin, count) for count in range(SHOWN))
    ]


def _weeks(month: date, shown: Callable[[date], Day]) -> Iterable[list[Day | None]]:
    for week in months.Calendar().monthdatescalendar(month.year, month.month):
        yield [shown(day) if day.month == month.month else None for day in week]


def _state(day: date, session: TradingDay | None, reach: tuple[date, date]) -> str:
    if session:
        return "half" if session.closes_at else "open"
    known = reach[0] <= day <= reach[1]
    return "closed" if known and day.weekday() < 5 else "rest"


def _reach(exchange: Exchange) -> tuple[date, date]:
    days = exchange.trading_days.order_by("day").values_list("day", flat=True)
    first, last = days.first(), days.last()
    return (first, last) if first and last else (date.max, date.min)
