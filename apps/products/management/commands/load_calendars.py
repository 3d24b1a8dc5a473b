"""Bring the sessions of exchanges into the database; nothing else in the product reads the library."""

from argparse import ArgumentParser
from datetime import date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core import audit, clock
from apps.products.actions.calendars import Calendar, Stored, store_calendar
from apps.products.imports.calendars import corrected

NAMES = {
    "XMOS": "Moscow Exchange",
    "XNYS": "New York Stock Exchange",
    "XNAS": "Nasdaq",
    "XTSE": "Toronto Stock Exchange",
    "XLON": "London Stock Exchange",
    "XETR": "Xetra",
    "XSWX": "SIX Swiss Exchange",
    "XPAR": "Euronext Paris",
    "XAMS": "Euronext Amsterdam",
    "XBRU": "Euronext Brussels",
    "XLIS": "Euronext Lisbon",
    "XDUB": "Euronext Dublin",
    "XMIL": "Borsa Italiana",
    "XMAD": "Bolsa de Madrid",
    "XHKG": "Hong Kong Exchange",
    "XTKS": "Tokyo Stock Exchange",
    "XSHG": "Shanghai Stock Exchange",
    "XASX": "Australian Securities Exchange",
}
FIRST = date(2015, 1, 1)  # five years of watching a barrier, and what began before
AHEAD_YEARS = 6  # the life of the longest usual contracts; holidays so far ahead follow rules


class Command(BaseCommand):
    help = "Load the sessions of exchanges, by their MIC; without any, of all the usual ones."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("mic", nargs="*", help="like XNYS XLON XMOS")
        parser.add_argument("--from", dest="first", type=date.fromisoformat, default=FIRST)
        parser.add_argument("--to", dest="last", type=date.fromisoformat)

    def handle(self, *args: Any, **options: Any) -> None:
        at = clock.now()
        last = options["last"] or date(at.year + AHEAD_YEARS, 12, 31)
        if last < options["first"]:
            raise CommandError("--to lies before --from.")
        with audit.context(channel="command", name="load_calendars", at=at):
            for code in options["mic"] or NAMES:
                self.load(code, options["first"], last, at)

    def load(self, code: str, first: date, last: date, at: datetime) -> None:
        calendar = corrected(published(code, first, last))
        stored = store_calendar(calendar, at=at)
        self.stdout.write(f"{code} {calendar.first}–{calendar.last}: {told(stored)}")


def told(stored: Stored) -> str:
    told = f"{stored.added} added, {stored.changed} changed, {stored.removed} removed"
    if stored.unknown:
        told += f", {stored.unknown} known from files or people alone"
    if stored.moved:
        told += f"; {stored.moved} observations derived anew"
    return told


def published(code: str, first: date, last: date) -> Calendar:
    """Read a calendar of the library, as far as it reaches."""
    import exchange_calendars  # noqa: PLC0415 (a second and 60 MB, for this command alone)

    try:
        # A month of it is enough to learn how far it reaches: each is computed as it is asked for.
        kind = type(exchange_calendars.get_calendar(code, start="2020-01-02", end="2020-01-31"))
        # The library refuses to be asked for more than it knows.
        start = max(first, kind.bound_min().date()) if kind.bound_min() else first
        end = min(last, kind.bound_max().date()) if kind.bound_max() else last
        found = exchange_calendars.get_calendar(code, start=start, end=end)
    except (exchange_calendars.errors.CalendarError, ValueError) as error:
        raise CommandError(f"{code}: {str(error)[:200]}") from None
    early = {
        day.date(): found.closes[day].tz_convert(found.tz).time() for day in found.early_closes
    }
    return Calendar(
        code=code,
        name=NAMES.get(code, code),
        time_zone=str(found.tz),
        closes_at=found.close_times[-1][1],
        first=start,
        last=end,
        sessions={day.date(): early.get(day.date()) for day in found.sessions},
    )
