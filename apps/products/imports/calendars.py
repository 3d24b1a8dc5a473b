"""What the published calendars get wrong: corrections that ship with the product, and their sources."""

import csv
from dataclasses import replace
from datetime import date, time
from functools import cache
from pathlib import Path
from typing import NamedTuple

from apps.products.actions.calendars import Calendar

FILE = Path(__file__).parents[1] / "data" / "calendar_corrections.csv"


class Correction(NamedTuple):
    """A day on which an exchange was open, closed or early although its calendar does not say so."""

    exchange: str
    day: date
    change: str
    closes_at: time | None
    source: str


@cache
def corrections() -> tuple[Correction, ...]:
    with FILE.open(newline="") as lines:
        return tuple(
            Correction(
                row["exchange"],
                date.fromisoformat(row["day"]),
                row["change"],
                time.fromisoformat(row["closes_at"]) if row["closes_at"] else None,
                row["source"],
            )
            for row in csv.DictReader(lines)
        )


def corrected(calendar: Calendar) -> Calendar:
    """Return the calendar as it really was."""
    sessions = dict(calendar.sessions)
    for each in corrections():
        if each.exchange != calendar.code or not calendar.first <= each.day <= calendar.last:
            continue
        if each.change == "closed":
            sessions.pop(each.day, None)
        else:
            sessions[each.day] = each.closes_at
    return replace(calendar, sessions=sessions)
