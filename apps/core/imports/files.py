"""A marketer's file: bytes to cells with their line numbers, and cells that no sheet computes."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from typing import Any
from zipfile import BadZipFile

import tablib
from django.utils.translation import gettext as _
from import_export.formats import base_formats

from apps.core.imports.report import Fault

MAX_BYTES = 64 * 2**20  # about 400,000 clients; a file is read into memory whole
SEPARATORS = ",;\t"  # what spreadsheets write, by country; the first wins a tie

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


class _UnreadableError(ValueError):
    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.fault = Fault(reason, line)


@dataclass
class Table:
    """The cells of a file; `rows` are (number of the line on which the row begins, cells)."""

    headers: list[str] = field(default_factory=list)
    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def guarded(text: str) -> str:
    """Return the text so that a spreadsheet shows it: one apostrophe before what it would compute."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def unguarded(text: str) -> str:
    """Return the text that `guarded` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def read_table(content: bytes) -> Table:
    """Read a CSV file in UTF-8; whatever is wrong with it becomes a fault of the table."""
    try:
        return _table(_records(_decoded(content)))
    except _UnreadableError as error:
        return Table(faults=[error.fault])


def read_workbook(content: bytes) -> Table:
    """Read the first sheet of a workbook; its formulas count as the values last computed."""
    from openpyxl import load_workbook  # noqa: PLC0415 (0.3 s that only workbooks need)

    try:
        _refuse_large(content)
        with closing(load_workbook(io.BytesIO(content), read_only=True, data_only=True)) as book:
            rows = book.worksheets[0].iter_rows(values_only=True) if book.worksheets else ()
            return _table(_cells(rows))
    except _UnreadableError as error:
        return Table(faults=[error.fault])
    except (BadZipFile, KeyError, OSError, ValueError, SyntaxError):
        return Table(faults=[Fault(_("The file is no workbook that can be read."))])


def _cells(rows: Iterable[Sequence[object]]) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a sheet as wide as its line of column names, or as what they hold."""
    width = 0
    for line, row in enumerate(rows, 1):
        cells = [_text(cell) for cell in row]
        while len(cells) > width and not cells[-1]:
            cells.pop()
        if not width:
            width = len(cells)
        yield line, cells + [""] * (width - len(cells))


def as_table(dataset: Table | tablib.Dataset) -> Table:
    """Return what another reader made of a file as a table; its rows begin on line 2."""
    if isinstance(dataset, Table):
        return dataset
    records = [dataset.headers or [], *dataset]
    return _table((line, [_text(cell) for cell in cells]) for line, cells in enumerate(records, 1))


def _table(records: Iterable[tuple[int, list[str]]]) -> Table:
    """Make a table of records, of which the first that is not blank names the columns."""
    table = Table()
    try:
        for line, cells in records:
            if not any(cell.strip() for cell in cells):
                continue
            if table.headers:
                table.rows.append((line, cells))
            else:
                table.headers = [cell.strip() for cell in cells]
    except _UnreadableError as error:
        table.faults.append(error.fault)
    if not table.faults and not table.headers:
        table.faults.append(Fault(_("The file is empty.")))
    elif not table.faults and not table.rows:
        table.faults.append(Fault(_("The file has a line of column names, but no row.")))
    return table


def _text(cell: object) -> str:
    """Return a workbook's cell as it would stand in a CSV file."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    if isinstance(cell, float):
        return f"{Decimal(repr(cell)):f}".removesuffix(".0")  # the digits that the sheet shows
    return "" if cell is None else str(cell)


def _refuse_large(content: bytes) -> None:
    if len(content) > MAX_BYTES:
        most = MAX_BYTES // 2**20
        raise _UnreadableError(_("The file is larger than %(most)d MB; split it.") % {"most": most})


def _decoded(content: bytes) -> str:
    _refuse_large(content)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _UnreadableError(_("The file is in UTF-16; save it as “CSV UTF-8”."))
    if content.startswith(b"PK\x03\x04"):
        raise _UnreadableError(_("The file is a workbook; save it as “CSV UTF-8”."))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _UnreadableError(
            _("This is not in UTF-8; save the file as “CSV UTF-8”."), line
        ) from error


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the records, each with the line on which it begins."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(SEPARATORS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in reader:
            yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        reason = _(
            "The row cannot be read: a quotation mark is missing or one too many (%(error)s)."
        )
        raise _UnreadableError(reason % {"error": error}, begins) from error


class CsvFile(base_formats.CSV):
    """The format of our imports and exports: lines are counted, and nothing is decoded by guess."""

    def is_binary(self) -> bool:
        return True

    def get_read_mode(self) -> str:
        return "rb"

    def create_dataset(self, in_stream: bytes, **kwargs: Any) -> Table:
        return read_table(in_stream)

    def export_data(self, dataset: Any, **kwargs: Any) -> bytes:
        # With the mark, spreadsheets open the file as UTF-8.
        return str(super().export_data(dataset, **kwargs)).encode("utf-8-sig")


class XlsxFile(base_formats.XLSX):
    """A workbook's first sheet, read as if it had been saved as a CSV file."""

    def create_dataset(self, in_stream: bytes) -> Table:
        return read_workbook(in_stream)
