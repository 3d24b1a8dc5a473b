"""Rows to records: the shape of each, then its cells, so that every row has exactly one fate."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

from django.utils.translation import gettext as _

from apps.core.imports.cells import shown
from apps.core.imports.layout import Layout
from apps.core.imports.reading.cells import EMPTY, Meanings, Refusal, meanings
from apps.core.imports.reading.header import Header
from apps.core.imports.reading.refusals import RefusedFileError
from apps.core.imports.reading.text import Raw
from apps.core.imports.report import Fault

# How a row begins that sums up the others.
_TOTAL = re.compile(
    r"(grand total|sub-?total|totals?|sum|итого|всего|сумма|razem|suma|ogółem|łącznie"
    r"|разом|усього|всього|підсумок)[-+=:\d\s.,]*",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"[-+]?[\d\s.,']+[^\W\d]{0,3}")


@dataclass(slots=True)
class Record:
    """A row of a file: what its cells say, what they mean, and its faults or why it is left out.

    `cells` stand in the order of the file's own columns; `values` hold what says something.
    """

    number: int  # among the file's records, from 1
    line: int  # on which it begins, counted as editors and spreadsheets do
    cells: Sequence[str]
    values: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    skipped: str = ""  # the code of the reason


def _constants(header: Header, layout: Layout) -> Iterator[tuple[str, Any]]:
    for name, text in layout.constants.items():
        meaning = meanings(name, header.columns[name], layout)[text]
        if isinstance(meaning, Refusal):
            raise RefusedFileError(Fault(meaning.reason, None, name, meaning.code, meaning.value))
        if meaning is not EMPTY:
            yield name, meaning


class Reader:
    """Makes records of the rows below one header."""

    def __init__(self, header: Header, layout: Layout, key: Sequence[str], blank: object) -> None:
        self._header, self._key = header, key
        self._blank = blank  # what an empty cell says; EMPTY for nothing
        self._meanings: list[tuple[str, int, Meanings]] = [
            (name, index, meanings(name, header.columns[name], layout, len(header.names)))
            for index, fed in enumerate(header.feeds)
            for name in fed
        ]
        self._names = tuple(name for name, _index, _meanings in self._meanings)
        self._unnamed = [index for index, name in enumerate(header.names) if not name]
        self._constants = dict(_constants(header, layout))

    def records(
        self, rows: Sequence[Raw], numbers: Iterable[int], *, is_end: bool = False
    ) -> list[Record]:
        """Return a record for each of the rows; the last row of a file may sum up the others."""
        width = len(self._header.names)
        whole = [row for row in rows if row.fault is None and len(row.cells) == width]
        understood = self._understood([row.cells for row in whole])
        found = []
        for number, row in zip(numbers, rows, strict=False):
            record = Record(number, row.line, row.cells)
            found.append(record)
            if row.fault is None and len(row.cells) == width:
                record.values, refusals = next(understood)
                self._judge(record, refusals)
            elif row.fault is not None:
                record.faults.append(row.fault)
            elif not any(cell.strip() for cell in row.cells):
                record.skipped = "blank"
            else:
                record.faults.append(self._ragged(row))
        if is_end and found and self._is_total(found[-1]):
            last = found[-1]
            found[-1] = Record(last.number, last.line, last.cells, skipped="totals")
        return found

    def _understood(
        self, rows: Sequence[Sequence[str]]
    ) -> Iterator[tuple[dict[str, Any], dict[str, Refusal]]]:
        """Yield of each row what its cells mean, and what is refused of them."""
        columns = list(zip(*rows, strict=True))
        if not columns:
            return
        read = [[*map(known.__getitem__, columns[index])] for _name, index, known in self._meanings]
        names, constants = self._names, self._constants
        empty = [name for name, _index, known in self._meanings if known.has_empty]
        suspect = [name for name, _index, known in self._meanings if known.has_refused]
        for row in zip(*read, strict=True) if read else repeat((), len(rows)):
            values = dict(zip(names, row, strict=True))
            for name in empty:
                if values[name] is EMPTY:
                    self._clear(values, name)
            if constants:
                values |= constants
            refusals = {name: values[name] for name in suspect if type(values.get(name)) is Refusal}
            for name in refusals:
                del values[name]
            yield values, refusals

    def _clear(self, values: dict[str, Any], name: str) -> None:
        if self._blank is EMPTY:
            del values[name]
        else:
            values[name] = self._blank

    def _judge(self, record: Record, refusals: dict[str, Refusal]) -> None:
        """Give a row of the right width its fate."""
        cells = record.cells
        if cells == self._header.names:
            record.skipped = "header_again"
            record.values = {}
        elif (refusals or len(record.values) == len(self._constants)) and not any(
            cell.strip() for cell in cells
        ):
            record.skipped = "blank"
            record.values = {}
        else:
            record.faults += [
                Fault(refusal.reason, record.line, name, refusal.code, refusal.value)
                for name, refusal in refusals.items()
            ]
            for index in self._unnamed:
                if cells[index].strip():
                    record.faults.append(self._without_name(record, index))

    def _without_name(self, record: Record, index: int) -> Fault:
        said = shown(record.cells[index])
        reason = _("“%(cell)s” stands in column %(number)d, which has no name.") % {
            "cell": said,
            "number": index + 1,
        }
        return Fault(reason, record.line, "", "unnamed_column", said)

    def _ragged(self, row: Raw) -> Fault:
        reason = _("The row has %(cells)d cells, but there are %(columns)d columns.")
        counts = {"cells": len(row.cells), "columns": len(self._header.names)}
        return Fault(reason % counts, row.line, code="ragged")

    def _is_total(self, record: Record) -> bool:
        """Tell whether a file's last row only sums up: it names nothing, or says so."""
        said = [cell.strip() for cell in record.cells if cell.strip()]
        if record.skipped or not said:
            return False
        rest = said[1:] if _TOTAL.fullmatch(said[0]) else said
        if not all(_FIGURE.fullmatch(cell) for cell in rest):
            return False
        if len(rest) < len(said):
            return True
        return bool(self._key) and not self._says_key(record)

    def _says_key(self, record: Record) -> bool:
        """Tell whether a cell of the record's key says something, be it wrong."""
        return len(record.cells) != len(self._header.names) or any(
            record.cells[index].strip()
            for name, index, _meanings in self._meanings
            if name in self._key
        )
