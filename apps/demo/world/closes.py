"""Real daily raw closes from the package bokeh-sampledata, and the sessions they belong to.

The file is read as it lies there: the package's own reader needs pandas. `Adj Close` is never
used: an adjusted price was not traded and fixes nothing.
"""

import csv
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias
from zoneinfo import ZoneInfo

Closes: TypeAlias = Mapping[date, Mapping[str, str]]

SOURCE = "bokeh-sampledata: daily raw closes"
NEW_YORK = ZoneInfo("America/New_York")
CLOSES_AT = time(16)
FEED_LAG = timedelta(minutes=45)  # from the closing bell to the file with the closes
# The New York Stock Exchange's holidays after the last close of the file: schedules need them.
LAST_SESSION = date(2015, 12, 31)
HOLIDAYS = frozenset(
    map(
        date.fromisoformat,
        (
            *("2013-03-29", "2013-05-27", "2013-07-04", "2013-09-02", "2013-11-28", "2013-12-25"),
            *("2014-01-01", "2014-01-20", "2014-02-17", "2014-04-18", "2014-05-26", "2014-07-04"),
            *("2014-09-01", "2014-11-27", "2014-12-25"),
            *("2015-01-01", "2015-01-19", "2015-02-16", "2015-04-03", "2015-05-25", "2015-07-03"),
            *("2015-09-07", "2015-11-26", "2015-12-25"),
        ),
    )
)


@dataclass(frozen=True)
class Share:
    """A listed company of the file."""

    ticker: str
    name: str
    exchange: str
    isin: str


SHARES = (
    Share("AAPL", "Apple", "XNAS", "US0378331005"),
    Share("FB", "Facebook", "XNAS", "US30303M1027"),
    Share("GOOG", "Google", "XNAS", "US38259P5089"),
    Share("IBM", "IBM", "XNYS", "US4592001014"),
    Share("MSFT", "Microsoft", "XNAS", "US5949181045"),
)
EXCHANGES = {"XNYS": "New York Stock Exchange", "XNAS": "Nasdaq"}
# The only split of these shares inside the life of a demo strategy.
SPLITS = (("AAPL", date(2005, 2, 28), "2"),)


def price_file() -> Path:
    spec = find_spec("bokeh_sampledata")
    if not spec or not spec.submodule_search_locations:
        raise FileNotFoundError("The demo needs the package bokeh-sampledata: its real closes.")
    return Path(spec.submodule_search_locations[0]) / "_data" / "stocks.csv.gz"


@cache
def closes() -> Closes:
    """Return every close as the file writes it: day → ticker → text."""
    found: dict[date, dict[str, str]] = {}
    with gzip.open(price_file(), "rt", newline="") as lines:
        for row in csv.DictReader(lines):
            found.setdefault(date.fromisoformat(row["Date"]), {})[row["Ticker"]] = row["Close"]
    return MappingProxyType(dict(sorted(found.items())))


@cache
def sessions() -> tuple[date, ...]:
    """Return the days of the file and, after them, the weekdays that are no holiday."""
    known = tuple(closes())
    later = days(known[-1] + timedelta(days=1), LAST_SESSION)
    return known + tuple(day for day in later if day.weekday() < 5 and day not in HOLIDAYS)


def days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def received_at(day: date) -> datetime:
    """Return the moment at which the file with a day's closes arrives."""
    bell = datetime.combine(day, CLOSES_AT, NEW_YORK)
    return (bell + FEED_LAG).astimezone(UTC)
