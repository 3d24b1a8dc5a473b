"""The rows of a workbook's sheet, written as the same table would stand in a CSV file."""

from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import datetime, time
from decimal import Decimal
from itertools import islice
from typing import IO
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from django.utils.translation import gettext as _

from apps.core.imports.cells import shown
from apps.core.imports.layout import Layout
from apps.core.imports.reading.refusals import RefusedFileError, refused
from apps.core.imports.reading.text import Block, Raw

ROWS = 1000  # of one block


def sheet_blocks(stream: IO[bytes], layout: Layout) -> Generator[Block]:
    """Yield the rows of the sheet that the layout names, or of the first."""
    from openpyxl import load_workbook  # noqa: PLC0415 (0.3 s that only workbooks need)

    try:
        with closing(load_workbook(stream, read_only=True, data_only=True)) as book:
            if layout.sheet and layout.sheet not in book.sheetnames:
                raise refused(
                    "sheet_missing",
                    _("The workbook has no sheet “%(name)s”.") % {"name": shown(layout.sheet)},
                )
            sheet = book[layout.sheet] if layout.sheet else next(iter(book.worksheets), None)
            rows = _rows(sheet.iter_rows(values_only=True)) if sheet else iter(())
            below = (row for row in rows if row.line > layout.skip_lines)
            while batch := list(islice(below, ROWS)):
                yield Block(batch[0].line, rows=batch)
    except RefusedFileError:
        raise
    except (BadZipFile, KeyError, OSError, ValueError, SyntaxError, ParseError) as error:
        raise refused("broken_container", _("The file is no workbook that can be read.")) from error


def _rows(sheet: Iterator[tuple[object, ...]]) -> Iterator[Raw]:
    """Yield the rows of a sheet as wide as its line of column names, or as what they hold."""
    width = 0
    for line, row in enumerate(sheet, 1):
        cells = [_text(cell) for cell in row]
        while len(cells) > width and not cells[-1]:
            cells.pop()
        if not width:
            width = len(cells)
        if any(cells):
            yield Raw(line, cells + [""] * (width - len(cells)))


def _text(cell: object) -> str:
    """Return a workbook's cell as it would stand in a CSV file."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    if isinstance(cell, float):
        return f"{Decimal(repr(cell)):f}".removesuffix(".0")  # the digits that the sheet shows
    return "" if cell is None else str(cell)
