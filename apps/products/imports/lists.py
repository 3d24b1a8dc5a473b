"""Columns whose cells hold a list: a basket, days, one entry for each observation or share."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from apps.core.imports.columns import Column, Day, Number, Text
from apps.products.imports.markets import TICKER

BETWEEN = ";"  # between the entries of a list in one cell
OWN = "-"  # an entry that keeps the strategy's own term


class Level(Number):
    """A fraction of the initial fixing or the nominal: 0.75."""

    def __init__(self, *, required: bool = False) -> None:
        super().__init__(digits=12, places=8, least=0, required=required)


class Basket(Column[tuple[tuple[str, Decimal], ...]]):
    """Shares with their initial fixings: AAPL 600.12; IBM 201.5."""

    def parse(self, text: str) -> tuple[tuple[str, Decimal], ...]:
        ticker, fixing = Text(20, like=TICKER), Number(digits=20, places=8, above=0)
        members = []
        for entry in _entries(text):
            parts = entry.split()
            if len(parts) != 2:
                raise ValueError(
                    _("“%(entry)s” must be a share and its initial fixing, like AAPL 600.12.")
                    % {"entry": entry}
                )
            members.append((ticker.parse(parts[0]), fixing.parse(parts[1])))
        _refuse_double(name for name, _fixing in members)
        return tuple(members)

    def write(self, value: tuple[tuple[str, Decimal], ...]) -> str:
        return f"{BETWEEN} ".join(f"{ticker} {fixing.normalize():f}" for ticker, fixing in value)


class Days(Column[tuple[date, ...]]):
    """Days in order: 2012-08-31; 2012-11-30."""

    def parse(self, text: str) -> tuple[date, ...]:
        days = tuple(Day().parse(entry) for entry in _entries(text))
        _refuse_double(days)
        if list(days) != sorted(days):
            raise ValueError(_("The days are not in order."))
        return days

    def write(self, value: tuple[date, ...]) -> str:
        return f"{BETWEEN} ".join(day.isoformat() for day in value)


class DaySet(Column[list[date]]):
    """Days within one entry, separated by blanks: 2020-02-03 2020-02-04."""

    def parse(self, text: str) -> list[date]:
        days = [Day().parse(entry) for entry in text.split()]
        _refuse_double(days)
        return sorted(days)

    def write(self, value: list[date]) -> str:
        return " ".join(day.isoformat() for day in value)


class Each(Column[tuple[Any, ...] | None]):
    """One entry for every observation, or share, in order; `-`, or none at the end: the strategy's own."""

    def __init__(self, entry: Column[Any]) -> None:
        super().__init__()
        self.entry = entry

    def parse(self, text: str) -> tuple[Any, ...] | None:
        return tuple(None if entry == OWN else self.entry.parse(entry) for entry in _entries(text))

    def write(self, value: tuple[Any, ...] | None) -> str:
        return f"{BETWEEN} ".join(
            OWN if entry is None else self.entry.write(entry) for entry in value or ()
        )


def _entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.strip(f"{BETWEEN} ").split(BETWEEN)]


def _refuse_double(entries: Iterable[object]) -> None:
    seen = set()
    for entry in entries:
        if entry in seen:
            raise ValueError(_("%(entry)s is there twice.") % {"entry": entry})
        seen.add(entry)
