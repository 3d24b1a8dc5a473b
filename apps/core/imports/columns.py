"""Kinds of columns: what a cell may say, what it means, and how a value is written again."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, time
from decimal import Decimal
from functools import cache
from typing import Generic, TypeVar
from zoneinfo import available_timezones

from babel.numbers import is_currency
from django.utils.translation import gettext as _
from import_export.fields import Field

from apps.core.imports import patterns
from apps.core.imports.cells import (
    MOST_IN_CELL,
    RefusedCellError,
    not_a_day,
    not_a_number,
    refuse_spoilt,
    shown,
)

Value = TypeVar("Value")

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)  # beyond them a year is a slip
NOTHING = "none"  # an empty set, said on purpose; an empty cell says nothing

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_SHORTENED = re.compile(r"[0-9]([.,][0-9]+)?E\+[0-9]+")  # as spreadsheets write long numbers


class Column(Field, Generic[Value]):
    """A column of a file; the subclass says how a cell is parsed and a value is written."""

    code = "invalid"  # of a ValueError that brings none of its own
    canonical: str | None = None  # cells of which `read` and `write` change nothing: a pattern
    format = ""  # "number" or "day", where a layout may declare how they are written

    def __init__(self, *, required: bool = False) -> None:
        super().__init__()
        self.required = required

    def read(self, cell: str) -> Value:
        """Return what a cell that is not empty means; raise ValueError with the reason if nothing."""
        if (
            not cell.isascii()
            or not cell.isprintable()
            or cell[0] == "#"
            or len(cell) > MOST_IN_CELL
        ):
            refuse_spoilt(cell)
        return self.parse(unicodedata.normalize("NFC", cell))

    def parse(self, text: str) -> Value:
        raise NotImplementedError

    def write(self, value: Value) -> str:
        return str(value)


class Text(Column[str]):
    """Words of at most so many characters; `like` is a pattern with an example for the message."""

    code = "not_such_text"

    def __init__(
        self,
        max_length: int,
        *,
        required: bool = False,
        like: tuple[str, str] = (".*", ""),
    ) -> None:
        super().__init__(required=required)
        self.max_length = max_length
        self.pattern, self.example = re.compile(like[0]), like[1]
        if like[0] == ".*":
            self.canonical = patterns.words_of(max_length)

    def parse(self, text: str) -> str:
        if len(text) > self.max_length:
            raise RefusedCellError(
                "too_long",
                _("Longer than %(most)d characters: “%(cell)s”.")
                % {"most": self.max_length, "cell": shown(text)},
            )
        if _SHORTENED.fullmatch(text):
            raise RefusedCellError(
                "exponent",
                _("“%(cell)s” is a number that a spreadsheet has shortened; write all its digits.")
                % {"cell": shown(text)},
            )
        if not self.pattern.fullmatch(text):
            raise ValueError(
                _("“%(cell)s” does not look like %(example)s.")
                % {"cell": shown(text), "example": self.example}
            )
        return text


class Currency(Column[str]):
    code = "not_a_currency"

    def parse(self, text: str) -> str:
        if not is_currency(text):
            raise ValueError(
                _("“%(cell)s” is no currency; write its three letters, like USD.")
                % {"cell": shown(text)}
            )
        return text


class Day(Column[date]):
    code = "not_a_day"
    canonical = patterns.DAY
    format = "day"

    def parse(self, text: str) -> date:
        if not _DAY.fullmatch(text):
            raise not_a_day(text)
        try:
            day = date.fromisoformat(text)
        except ValueError as error:
            raise RefusedCellError(
                "no_such_day", _("There is no day %(cell)s.") % {"cell": text}
            ) from error
        if not FIRST_DAY <= day <= LAST_DAY:
            raise RefusedCellError(
                "year_out_of_range",
                _("The year of %(cell)s must lie between %(first)d and %(last)d.")
                % {"cell": text, "first": FIRST_DAY.year, "last": LAST_DAY.year},
            )
        return day

    def write(self, value: date) -> str:
        return value.isoformat()


class TimeOfDay(Column[time]):
    code = "not_a_time"
    canonical = patterns.TIME

    def parse(self, text: str) -> time:
        if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?", text):
            raise ValueError(
                _("“%(cell)s” is no time of day; write it like 21:30.") % {"cell": shown(text)}
            )
        return time.fromisoformat(text)

    def write(self, value: time) -> str:
        return value.isoformat("seconds" if value.second else "minutes")


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())  # 9 ms a call: it walks the folders of the database


@cache
def _time_zone_pattern() -> str:
    return patterns.one_of(_time_zones())


class TimeZone(Column[str]):
    code = "not_a_time_zone"

    def __init__(self, *, required: bool = False) -> None:
        super().__init__(required=required)
        self.canonical = _time_zone_pattern()

    def parse(self, text: str) -> str:
        if text not in _time_zones():
            raise ValueError(
                _("“%(name)s” is no time zone; write it like Europe/Moscow.")
                % {"name": shown(text)}
            )
        return text


class Number(Column[Decimal]):
    """An exact decimal with a point; limits are inclusive, `above` is not."""

    code = "not_a_number"
    format = "number"

    def __init__(
        self,
        *,
        digits: int,
        places: int,
        required: bool = False,
        above: int | None = None,
        least: int | None = None,
    ) -> None:
        super().__init__(required=required)
        self.digits, self.places = digits, places
        self.above, self.least = above, least

    def parse(self, text: str) -> Decimal:
        if not _NUMBER.fullmatch(text):
            raise not_a_number(text)
        number = text.lstrip("-")
        whole, _point, part = number.partition(".")
        if len(part.rstrip("0")) > self.places:
            raise RefusedCellError(
                "too_many_decimals",
                _("%(cell)s has more than %(places)d decimals.")
                % {"cell": shown(text), "places": self.places},
            )
        if len(whole.lstrip("0")) > self.digits - self.places:
            raise RefusedCellError("too_large", _("%(cell)s is too large.") % {"cell": shown(text)})
        return self._within(Decimal(text))

    def _within(self, number: Decimal) -> Decimal:
        if self.above is not None and number <= self.above:
            raise RefusedCellError(
                "out_of_limits",
                _("%(cell)s must be above %(limit)d.")
                % {"cell": self.write(number), "limit": self.above},
            )
        if self.least is not None and number < self.least:
            raise RefusedCellError(
                "out_of_limits",
                _("%(cell)s must not be below %(limit)d.")
                % {"cell": self.write(number), "limit": self.least},
            )
        return number

    def write(self, value: Decimal) -> str:
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text


class Whole(Column[int]):
    code = "not_a_whole_number"
    format = "number"

    def __init__(self, *, least: int, most: int, required: bool = False) -> None:
        super().__init__(required=required)
        self.least, self.most = least, most

    def parse(self, text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not self.least <= int(text) <= self.most:
            raise ValueError(
                _("“%(cell)s” is no whole number between %(least)d and %(most)d.")
                % {"cell": shown(text), "least": self.least, "most": self.most}
            )
        return int(text)


class Flag(Column[bool]):
    code = "neither_yes_nor_no"

    _words = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}

    def parse(self, text: str) -> bool:
        try:
            return self._words[text.lower()]
        except KeyError as error:
            raise ValueError(
                _("“%(cell)s” is neither yes nor no.") % {"cell": shown(text)}
            ) from error

    def write(self, value: bool) -> str:
        return "yes" if value else "no"


class Choice(Column[str]):
    """One of some words."""

    code = "not_a_choice"

    def __init__(self, words: Iterable[str], *, required: bool = False) -> None:
        super().__init__(required=required)
        self.words = tuple(words)
        self.canonical = patterns.one_of(self.words)

    def parse(self, text: str) -> str:
        known = {word.lower(): word for word in self.words}
        if text.lower() not in known:
            raise ValueError(
                _("“%(cell)s” is none of: %(words)s.")
                % {"cell": shown(text), "words": ", ".join(self.words)}
            )
        return known[text.lower()]


class Words(Column[frozenset[str]]):
    """Any of some words, separated by blanks; `none` for an empty set."""

    code = "not_a_choice"

    def __init__(self, words: Iterable[str], *, required: bool = False) -> None:
        super().__init__(required=required)
        self.words = tuple(words)
        self.canonical = patterns.some_of(self.words, NOTHING)

    def parse(self, text: str) -> frozenset[str]:
        said = text.lower().replace(",", " ").split()
        if said == [NOTHING]:
            return frozenset()
        for word in said:
            if word not in self.words:
                raise ValueError(
                    _("“%(cell)s” is none of: %(words)s.")
                    % {"cell": shown(word), "words": ", ".join((*self.words, NOTHING))}
                )
        return frozenset(said)

    def write(self, value: frozenset[str]) -> str:
        return " ".join(word for word in self.words if word in value) or NOTHING
