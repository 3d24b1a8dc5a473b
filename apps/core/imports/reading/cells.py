"""The cells of many rows at once: column by column, each text of a column understood once."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import phonenumbers
from django.utils.translation import gettext as _

from apps.core.imports.cells import RefusedCellError, shown
from apps.core.imports.columns import Column, Text
from apps.core.imports.files import unguarded
from apps.core.imports.layout import Layout
from apps.core.imports.reading.formats import rewriting

KEPT = 400_000  # cells of all columns that are remembered; ids fill it, words and days come again
LONGEST_KEPT = 200  # characters of a cell that is remembered

_COMPUTED, _SIGNS = ("=", "@"), ("+", "-")
_FIGURES = re.compile(r"[+\-][0-9\s.,:/()%+\-]*")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a cell means nothing."""

    code: str
    reason: str
    value: str


class _Empty:
    """A cell that says nothing."""


EMPTY = _Empty()


class Meanings(dict[str, Any]):
    """What the texts of one column mean: a value, EMPTY or a Refusal; understood when first met."""

    def __init__(
        self, column: Column[Any], steps: Sequence[Callable[[str], str]], most: int
    ) -> None:
        super().__init__()
        self._column, self._steps, self._most = column, steps, most
        self.has_refused = self.has_empty = False

    def __missing__(self, cell: str) -> Any:
        meaning = self._understood(cell)
        if len(cell) <= LONGEST_KEPT:
            if len(self) >= self._most:
                self.clear()
            self[cell] = meaning
        return meaning

    def _understood(self, cell: str) -> Any:
        column = self._column
        try:
            text = cell.strip()
            _refuse_computed(text, column)
            text = unguarded(text)
            for step in self._steps:
                text = step(text) if text else text
            if text:
                return column.read(text)
        except ValueError as error:
            self.has_refused = True
            return Refusal(getattr(error, "code", column.code), str(error), shown(cell))
        if column.required:
            self.has_refused = True
            return Refusal("empty", _("This cell must not be empty."), "")
        self.has_empty = True
        return EMPTY


def _refuse_computed(text: str, column: Column[Any]) -> None:
    """Refuse what a spreadsheet would compute; numbers and phones begin with a sign too."""
    if text[:1] in _COMPUTED or (
        text[:1] in _SIGNS and isinstance(column, Text) and not _FIGURES.fullmatch(text)
    ):
        raise RefusedCellError(
            "formula",
            _(
                "“%(cell)s” begins like a formula; if it is meant as it stands, put an apostrophe"
                " before it."
            )
            % {"cell": shown(text)},
        )


def meanings(name: str, column: Column[Any], layout: Layout, columns: int = 1) -> Meanings:
    """Return the meanings of a column's cells under a layout; one of so many columns."""
    steps = [_step(*step) for step in layout.transforms.get(name, ())]
    if rewrite := rewriting(layout, column.format):
        steps.append(rewrite)
    return Meanings(column, steps, KEPT // columns)


def _step(name: str, argument: Any) -> Callable[[str], str]:
    made: Mapping[str, Callable[[str], str]] = {
        "upper": str.upper,
        "lower": str.lower,
        "digits": _digits,
        "phone_of": lambda text: _phone(text, argument),
        "prefix": lambda text: f"{argument}{text}",
        "word": lambda text: _word(text, argument),
        "words_from": lambda text: " ".join(text.split()[argument - (argument > 0) :]),
        "values": lambda text: argument.get(text, text),
    }
    return made[name]


def _phone(text: str, country: str) -> str:
    """Return a phone with its country's code; what is none of that country stays as it is."""
    if not re.fullmatch(r"[0-9+()./\s-]+", text):
        return text  # letters on keys, or an extension: nobody can be told there
    try:
        phone = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return text
    if not phonenumbers.is_valid_number(phone):
        return text
    return phonenumbers.format_number(phone, phonenumbers.PhoneNumberFormat.E164)


def _digits(text: str) -> str:
    digits = re.sub(r"[^0-9]", "", text)
    return f"+{digits}" if text.startswith("+") else digits


def _word(text: str, number: int) -> str:
    words = text.split()
    index = number - 1 if number > 0 else len(words) + number
    return words[index] if 0 <= index < len(words) else ""
