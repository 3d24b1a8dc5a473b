"""A marketer's CSV file: bytes to cells with their line numbers, and cells that no sheet computes."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from import_export.formats import base_formats

from apps.core.imports.report import Fault

MAX_BYTES = 64 * 2**20  # about 400,000 clients; a file is read into memory whole
SEPARATORS = ",;\t"  # what spreadsheets write, by country; the first wins a tie

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


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
        text = _decoded(content)
    except ValueError as error:
        return Table(faults=[Fault(str(error))])
    table = Table()
    records = _records(text, table.faults)
    table.headers = [cell.strip() for cell in next(records, (1, []))[1]]
    table.rows = list(records)
    if not table.faults and not table.headers:
        table.faults.append(Fault(_("The file is empty.")))
    elif not table.faults and not table.rows:
        table.faults.append(Fault(_("The file has a line of column names, but no row.")))
    return table


def _decoded(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise ValueError(
            _("The file is larger than %(size)d MB; split it.") % {"size": MAX_BYTES // 2**20}
        )
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError(_("The file is in UTF-16; save it as “CSV UTF-8”."))
    if content.startswith(b"PK\x03\x04"):
        raise ValueError(_("The file is a workbook; save it as “CSV UTF-8”."))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            _("The file is not in UTF-8 (see line %(line)d); save it as “CSV UTF-8”.")
            % {"line": line}
        ) from error


def _records(text: str, faults: list[Fault]) -> Iterator[tuple[int, list[str]]]:
    """Yield the records that are not blank, each with the line on which it begins."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(SEPARATORS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        reason = _(
            "The row cannot be read: a quotation mark is missing or one too many (%(error)s)."
        )
        faults.append(Fault(reason % {"error": error}, line=begins))


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
