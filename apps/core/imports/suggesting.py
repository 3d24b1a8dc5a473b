"""A layout for a file that was never seen, from its header and some cells; a person decides."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from apps.core.imports.columns import Column, Day, Flag, Number
from apps.core.imports.layout import Layout, Step
from apps.core.imports.reading.cells import Refusal, meanings
from apps.core.imports.reading.header import OWN_NAMES, free_column
from apps.core.imports.synonyms import FAMILY_FIRST, GIVEN_FIRST, NO, SYNONYMS, YES

MOSTLY = 0.8  # of the cells, so that a slip in one of them hides no form
ALIKE = 0.85  # of two words, so that a slip of one letter is seen through

_DAYS = ("DD.MM.YYYY", "D.M.YYYY", "DD/MM/YYYY", "D/M/YYYY", "MM/DD/YYYY", "M/D/YYYY", "DD-MM-YYYY",
         "YYYY/MM/DD", "YYYY.MM.DD", "YYYYMMDD", "DD.MM.YYYY hh:mm:ss", "YYYY-MM-DD hh:mm:ss",
         "YYYY-MM-DDThh:mm:ss")  # fmt: skip
_NUMBERS = ((",", ""), (",", " "), (",", "."), (".", ","), (".", " "), (".", "'"))

Columns = Mapping[str, Column[Any]]
Samples = Mapping[str, Sequence[str]]


def suggest_layout(
    names: Sequence[str],
    samples: Samples,
    *,
    columns: Columns,
    free: Columns | None = None,
    encoding: str = "",
    delimiter: str = "",
) -> Layout:
    """Return which column of the file is likely which of ours, and how numbers and days are written.

    `samples` are some cells by name. A form is suggested only if it is the one that reads them all.
    """
    found = dict(_matches(names, columns))
    steps = {}
    for column, name, step in _parts_of_names(names, columns, found):
        found[column], steps[column] = name, (step,)
    used = set(found.values())
    for column, name in found.items():
        if isinstance(columns[column], Flag) and (words := _flags(samples.get(name, ()))):
            steps[column] = (("values", words),)
    days = _only_form(
        _of_format("day", columns, found, samples), Day(), (Layout(day=form) for form in _DAYS)
    )
    numbers = _only_form(
        _of_format("number", columns, found, samples),
        Number(digits=60, places=30),
        (Layout(decimal=decimal, thousands=thousands) for decimal, thousands in _NUMBERS),
    )
    return Layout(
        columns={column: name for column, name in found.items() if column != name.strip().lower()},
        transforms=steps,
        ignored=frozenset(_left_out(names, used, free or {})),
        encoding=encoding,
        delimiter=delimiter,
        decimal=numbers.decimal,
        thousands=numbers.thousands,
        day=days.day,
    )


def _left_out(names: Iterable[str], used: set[str], free: Columns) -> Iterator[str]:
    for name in names:
        if name and name not in used and not free_column(name, free) and name not in OWN_NAMES:
            yield name


def _plain(text: str) -> str:
    """Return a header as words of small letters without accents."""
    spread = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l"))
    bare = "".join(sign for sign in spread if not unicodedata.combining(sign) and sign not in "'’ʼ")
    return " ".join(re.sub(r"[\W_]+", " ", bare).split())


def _matches(names: Sequence[str], columns: Columns) -> Iterator[tuple[str, str]]:
    """Yield columns with the name that means them: called alike, a synonym, or nearly that."""
    plain = {name: _plain(name) for name in names if name}
    taken: set[str] = set()
    for is_near in (False, True):
        for column in columns:
            if column in taken:
                continue
            left = {name: text for name, text in plain.items() if name not in taken}
            if name := _named(column, left, is_near=is_near):
                taken |= {column, name}
                yield column, name


def _named(column: str, left: Mapping[str, str], *, is_near: bool) -> str | None:
    for word in (column, *SYNONYMS.get(column, ())):
        meant = _plain(word)
        texts = [text for text in left.values() if text]
        near = get_close_matches(meant, texts, n=1, cutoff=ALIKE) if is_near else []
        wanted = near[0] if near and len(meant) > 4 else meant
        if name := next((name for name, text in left.items() if text == wanted), None):
            return name
    return None


def _parts_of_names(
    names: Sequence[str], columns: Columns, found: Mapping[str, str]
) -> Iterator[tuple[str, str, Step]]:
    """Yield how a column of whole names is taken apart, where nothing else holds the parts."""
    if not {"first_name", "last_name"} <= columns.keys() - found.keys():
        return
    orders: tuple[tuple[tuple[str, ...], tuple[tuple[str, Step], ...]], ...] = (
        (GIVEN_FIRST, (("first_name", ("word", 1)), ("last_name", ("words_from", 2)))),
        (FAMILY_FIRST, (("last_name", ("word", 1)), ("first_name", ("word", 2)))),
    )
    for words, parts in orders:
        known = {_plain(word) for word in words}
        for name in names:
            if _plain(name) in known and name not in found.values():
                yield from ((column, name, step) for column, step in parts)
                return


def _flags(cells: Sequence[str]) -> dict[str, str]:
    said = {cell.strip() for cell in cells if cell.strip()}
    words = {word: "yes" for word in said if word.casefold() in YES}
    words |= {word: "no" for word in said if word.casefold() in NO}
    return words if words.keys() == said else {}


def _of_format(
    form: str, columns: Columns, found: Mapping[str, str], samples: Samples
) -> list[str]:
    """Return the sample cells of all columns that hold numbers, or days."""
    return [
        cell
        for column, name in found.items()
        if columns[column].format == form
        for cell in samples.get(name, ())
        if cell.strip()
    ]


def _only_form(cells: Sequence[str], column: Column[Any], forms: Iterable[Layout]) -> Layout:
    """Return the form that reads most of the cells, if all that do agree on what they mean."""
    found: dict[tuple[Any, ...], Layout] = {}
    for form in (Layout(), *forms):
        found.setdefault(_read(cells, column, form), form)
    most = max(map(_told, found))
    best = [meant for meant in found if _told(meant) == most]
    if len(best) > 1 or most < MOSTLY * len(cells):
        return Layout()
    return found[best[0]]


def _read(cells: Sequence[str], column: Column[Any], form: Layout) -> tuple[Any, ...]:
    """Return what the cells mean in a form; None for what means nothing."""
    known = meanings("", column, form)
    meant = (known[cell] for cell in cells)
    return tuple(None if isinstance(each, Refusal) else each for each in meant)


def _told(meant: tuple[Any, ...]) -> int:
    return sum(each is not None for each in meant)
