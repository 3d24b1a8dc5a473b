"""The calendars of exchanges: stored as published, overridden by people, followed by observations."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.products.actions.rolling import roll_again
from apps.products.models.calendars import CalendarOverride
from apps.products.models.markets import Exchange, TradingDay
from apps.products.queries.due import spoken

Kind = CalendarOverride.Kind

# A day that a person has overridden is nobody else's, nor is the half day that a file gave.
ADD = """
WITH written AS (
    INSERT INTO products_tradingday AS session (exchange_id, day, closes_at, origin)
    SELECT %(exchange)s, published.day, published.closes_at, 'calendar'
    FROM unnest(%(days)s::date[], %(closes)s::time[]) AS published (day, closes_at)
    WHERE NOT EXISTS (
        SELECT FROM products_calendaroverride AS override
        WHERE override.exchange_id = %(exchange)s AND override.day = published.day
    )
    ON CONFLICT (exchange_id, day) DO UPDATE
    SET closes_at = excluded.closes_at, origin = excluded.origin
    WHERE (session.closes_at, session.origin)
            IS DISTINCT FROM (excluded.closes_at, excluded.origin)
        AND NOT (session.origin = 'file' AND session.closes_at IS NOT NULL)
    RETURNING xmax = 0 AS is_new
)
SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written
"""
REMOVE = """
DELETE FROM products_tradingday AS session
WHERE exchange_id = %(exchange)s
    AND day BETWEEN %(first)s AND %(last)s
    AND origin = 'calendar'
    AND day <> ALL (%(days)s::date[])
"""


class CalendarError(ValueError):
    """A change that would change nothing; the message says what is so already."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """An exchange's sessions from `first` to `last`, each with its close where that is early."""

    code: str
    name: str
    time_zone: str
    closes_at: time
    first: date
    last: date
    sessions: Mapping[date, time | None]


@dataclass(frozen=True, slots=True)
class Stored:
    """What a calendar changed: sessions added, changed and removed, observations moved.

    `unknown` counts the sessions that only a file or a person knows; they stay.
    """

    added: int
    changed: int
    removed: int
    unknown: int
    moved: int


@transaction.atomic
def store_calendar(calendar: Calendar, *, at: datetime) -> Stored:
    """Store a published calendar in a handful of statements; the same one again changes nothing.

    What people have overridden stays as they said, and so do the sessions that came by file. An
    exchange that is known keeps its name, time zone and usual close.
    """
    exchange, _made = Exchange.objects.get_or_create(
        code=calendar.code,
        defaults={
            "name": calendar.name,
            "time_zone": calendar.time_zone,
            "closes_at": calendar.closes_at,
        },
    )
    _take_turns(exchange.pk)
    days = sorted(calendar.sessions)
    params: dict[str, Any] = {
        "exchange": exchange.pk,
        "days": days,
        "closes": [calendar.sessions[day] for day in days],
        "first": calendar.first,
        "last": calendar.last,
    }
    with connection.cursor() as cursor:
        cursor.execute(ADD, params)
        added, changed = cursor.fetchone()
        cursor.execute(REMOVE, params)
        removed = cursor.rowcount
    within = TradingDay.objects.filter(
        exchange=exchange, day__range=(calendar.first, calendar.last)
    )
    unknown = within.exclude(origin=TradingDay.Origin.CALENDAR).exclude(day__in=days).count()
    moved = roll_again([exchange.pk], at=at) if added or removed else 0
    return Stored(added, changed, removed, unknown, moved)


@transaction.atomic
def add_sessions(rows: Collection[tuple[int, date, time | None]], *, at: datetime) -> int:
    """Add sessions of exchanges by their ids, each with its close where that is early.

    A session that is known takes the close. Returns how many observations moved.
    """
    exchanges = sorted({exchange for exchange, _day, _closes_at in rows})
    for exchange in exchanges:
        _take_turns(exchange)
    TradingDay.objects.bulk_create(
        [
            TradingDay(exchange_id=exchange, day=day, closes_at=closes_at)
            for exchange, day, closes_at in rows
        ],
        batch_size=5000,
        update_conflicts=True,
        unique_fields=["exchange", "day"],
        update_fields=["closes_at", "origin"],
    )
    return roll_again(exchanges, at=at)


@transaction.atomic
def override_day(
    exchange_id: int,
    day: date,
    kind: str,
    *,
    reason: str,
    by: AbstractBaseUser | None,
    at: datetime,
    closes_at: time | None = None,
) -> tuple[CalendarOverride, int]:
    """Say that an exchange trades, is closed or closes early on a day, against its calendar.

    Return the override and how many observations moved because of it; those that were evaluated
    keep their day. Raises CalendarError where the calendar says the same already.
    """
    exchange = _take_turns(exchange_id)
    if known := said_already(exchange, day, kind, closes_at):
        raise CalendarError(known)
    override = CalendarOverride.objects.create(
        exchange=exchange,
        day=day,
        kind=kind,
        closes_at=closes_at,
        reason=reason,
        made_by_id=by.pk if by else None,
        made_at=at,
    )
    if kind == Kind.CLOSED:
        TradingDay.objects.filter(exchange=exchange, day=day).delete()
    else:
        TradingDay.objects.update_or_create(
            exchange=exchange,
            day=day,
            defaults={"closes_at": closes_at, "origin": TradingDay.Origin.OVERRIDE},
        )
    return override, roll_again([exchange.pk], at=at, because=reason)


def said_already(exchange: Exchange, day: date, kind: str, closes_at: time | None) -> str:
    """Say that a change would change nothing, where it would not."""
    session = TradingDay.objects.filter(exchange=exchange, day=day).first()
    words = {"exchange": exchange.code, "day": spoken(day)}
    if kind == Kind.CLOSED and session is None:
        return _("%(exchange)s is closed on %(day)s already.") % words
    if kind != Kind.CLOSED and session and session.closes_at == closes_at:
        return _("%(exchange)s trades so on %(day)s already.") % words
    return ""


def _take_turns(exchange_id: int) -> Exchange:
    """Lock the exchange: its half days are copied from all its sessions, and so from both changes."""
    return Exchange.objects.select_for_update(no_key=True).get(pk=exchange_id)
