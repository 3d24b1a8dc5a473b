"""The one clock. Only shells read it; actions and the pure core are given the moment."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone


def now() -> datetime:
    """Return the present moment, aware, in UTC; shifted by CLOCK_OFFSET in the demo's world."""
    return timezone.now() + settings.CLOCK_OFFSET  # noqa: TID251


def issuer_day(at: datetime) -> date:
    """Return the day that the issuer's calendar shows at a moment."""
    return at.astimezone(ZoneInfo(settings.DEFAULT_CLIENT_TIME_ZONE)).date()


def issuer_morning(day: date) -> datetime:
    """Return when the issuer's day begins for others: at nine, which is that day in UTC as well."""
    return datetime.combine(day, time(9), tzinfo=ZoneInfo(settings.DEFAULT_CLIENT_TIME_ZONE))


def issuer_moment(day: date, *, at: datetime) -> datetime:
    """Return when something of a day happened for who learns of it at `at`: now, or that morning."""
    return at if day >= issuer_day(at) else issuer_morning(day)
