"""Deliveries of prices that have not come: late feeds, and sessions with most closes missing."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, Q

from apps.products.models.feeds import Feed
from apps.products.models.markets import Exchange, Quote, TradingDay, Underlying
from apps.products.models.strategies import Observation, Strategy

LOOKED_BACK = timedelta(days=10)
# Every feed has come by then; before it, each share is listed as late by itself.
GRACE = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class SparseSession:
    """A session that lacks most closes of the shares that live strategies watch."""

    exchange: Exchange
    day: date
    missing: int
    watched: int


def sparse_sessions(*, at: datetime) -> list[SparseSession]:
    """Return the recent sessions with most closes missing, newest first; three queries.

    Either the file is broken, or the exchange was closed and its calendar does not know.
    """
    watched: dict[int, int] = dict(
        Underlying.objects.filter(memberships__strategy__state=Strategy.State.PUBLISHED)
        .values_list("exchange")
        .annotate(Count("pk", distinct=True))
    )
    sessions = TradingDay.objects.filter(
        exchange__in=watched, day__range=(at.date() - LOOKED_BACK, at.date())
    ).select_related("exchange")
    ended = [
        session for session in sessions if session.exchange.close_of(session.day) + GRACE <= at
    ]
    known = {
        (exchange, day): count
        for exchange, day, count in Quote.objects.filter(
            is_current=True,
            day__in={session.day for session in ended},
            underlying__memberships__strategy__state=Strategy.State.PUBLISHED,
        )
        .values_list("underlying__exchange", "day")
        .annotate(Count("underlying", distinct=True))
    }
    sparse = [
        SparseSession(
            session.exchange,
            session.day,
            watched[session.exchange_id] - known.get((session.exchange_id, session.day), 0),
            watched[session.exchange_id],
        )
        for session in ended
    ]
    return sorted(
        (one for one in sparse if one.missing * 2 > one.watched),
        key=lambda one: (-one.day.toordinal(), one.exchange.code),
    )


@dataclass(frozen=True, slots=True)
class LateFeed:
    """A delivery that is overdue, and how many observations wait for what it brings."""

    feed: Feed
    day: date
    due_at: datetime
    holds: int


def late_feeds(*, at: datetime) -> list[LateFeed]:
    """Return the expected feeds whose last session's prices are overdue; three queries a feed."""
    late = []
    for feed in Feed.objects.filter(expected=True).select_related("exchange").order_by("name"):
        day = _last_due(feed, at)
        if day is None:
            continue
        came = Quote.objects.filter(
            underlying__exchange=feed.exchange,
            day=day,
            source__startswith=feed.source,
            received_at__gte=feed.exchange.close_of(day),
        )
        if not came.exists():
            due_at = feed.exchange.close_of(day) + feed.due_after
            late.append(LateFeed(feed, day, due_at, _held_up(feed.exchange, day)))
    return late


def _last_due(feed: Feed, at: datetime) -> date | None:
    """Return the last session whose prices should have come."""
    today = at.astimezone(ZoneInfo(feed.exchange.time_zone)).date()
    sessions = TradingDay.objects.filter(exchange=feed.exchange, day__lte=today)
    # A feed that is due days after the close is due for a session days ago.
    recent = sessions.order_by("-day").values_list("day", flat=True)[: 3 + feed.due_after.days]
    overdue = (day for day in recent if feed.exchange.close_of(day) + feed.due_after <= at)
    return next(overdue, None)


def _held_up(exchange: Exchange, day: date) -> int:
    return (
        Observation.objects.filter(
            Q(strategy__basket_members__underlying__exchange=exchange),
            strategy__state=Strategy.State.PUBLISHED,
            state__in=Observation.OPEN,
            valuation_on=day,
        )
        .distinct()
        .count()
    )
