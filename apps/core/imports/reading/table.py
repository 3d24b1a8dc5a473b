"""A file opened as a table: its header, and its records one after another."""

import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import chain, count
from pathlib import Path
from types import TracebackType
from typing import IO

from django.utils.translation import gettext as _

from apps.core.imports.layout import DELIMITERS, Layout
from apps.core.imports.reading.cells import EMPTY
from apps.core.imports.reading.encodings import encoding_of
from apps.core.imports.reading.header import Columns, Header, read_header
from apps.core.imports.reading.records import Reader, Record
from apps.core.imports.reading.refusals import RefusedFileError, refused
from apps.core.imports.reading.sources import Source, opened_source
from apps.core.imports.reading.text import Block, Raw, text_blocks
from apps.core.imports.reading.workbook import sheet_blocks

CANONICAL = Layout()

_SAID_DELIMITER = re.compile(r'"?sep=([,;\t|])"?[\r\n]')  # what spreadsheets take, too
_QUOTED = {"stray_quote", "unclosed_quote"}


class Opened:
    """A table whose header is known; its records are read once, in order. Close it, or use `with`.

    Who has a faster way for rows of the usual form takes `blocks` instead of `records`: of a plain
    block each line of its text that is not blank is a record, counted from the block's number, and
    `read` or `read_lines` tell of the others what they mean.
    """

    def __init__(
        self,
        header: Header,
        blocks: Iterator[Block],
        reader: Reader,
        delimiter: str,
        stack: ExitStack,
    ) -> None:
        self.header, self.delimiter = header, delimiter
        self._blocks, self._reader, self._stack = blocks, reader, stack

    def records(self) -> Iterator[Record]:
        """Yield every record of the file, a block of them in memory at a time."""
        for block in self.blocks():
            yield from self.read(block)

    def blocks(self) -> Iterator[Block]:
        """Yield neighbouring rows together; the file's last row comes in a block of its own."""
        number = 1
        for block in _with_last_alone(self._blocks):
            block.number = number
            number += len(block)
            yield block

    def read(self, block: Block) -> list[Record]:
        """Return what the rows of a block mean."""
        return self._reader.records(block.all_rows(), count(block.number), is_end=block.is_end)

    def read_lines(self, lines: Iterable[tuple[int, int, str]]) -> list[Record]:
        """Return what some lines of plain blocks mean: the number of each, its line and its text."""
        told = [*lines]
        rows = [Raw(line, text.split(self.delimiter)) for _number, line, text in told]
        return self._reader.records(rows, [number for number, _line, _text in told])

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> "Opened":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_table(
    file: bytes | Path | IO[bytes],
    *,
    columns: Columns,
    free: Columns | None = None,
    key: Sequence[str] = (),
    layout: Layout = CANONICAL,
    blank: object = EMPTY,
) -> Opened:
    """Open a file as a table of these columns; raise RefusedFileError where it is none.

    `free` are columns that begin so, `key` the columns that say which row is meant, `blank` the
    value of an empty cell, where it is to say something.
    """
    with ExitStack() as stack:
        source = stack.enter_context(opened_source(file))
        if source.is_workbook:
            delimiter, blocks = "", sheet_blocks(source.stream, layout)
        else:
            delimiter, blocks = _delimited(source, columns, free or {}, layout)
        stack.callback(blocks.close)
        header, rest = _headed(blocks, columns, free or {}, layout)
        if header.faults:
            raise RefusedFileError(*header.faults)
        first = next(rest, None)
        if first is None:
            raise refused("no_rows", _("The file has a line of column names, but no row."))
        reader = Reader(header, layout, key, blank)
        return Opened(header, chain([first], rest), reader, delimiter, stack.pop_all())
    raise AssertionError  # unreachable: no context above swallows an exception


def _delimited(
    source: Source, columns: Columns, free: Columns, layout: Layout
) -> tuple[str, Generator[Block]]:
    """Take the delimiter that yields the required names, of several the one that yields more."""
    encoding = encoding_of(source.stream, layout.encoding)
    begins = source.stream.tell()
    said = _SAID_DELIMITER.match(source.stream.read(16).decode(encoding, "replace"))
    declared = layout.delimiter or (said[1] if said else "")
    skip = layout.skip_lines or (1 if said else 0)

    def blocks(delimiter: str) -> Generator[Block]:
        source.stream.seek(begins)
        return text_blocks(source.stream, encoding, delimiter, skip=skip)

    tried: list[tuple[bool, int, str]] = []
    refusals: list[RefusedFileError] = []
    for delimiter in declared or DELIMITERS:
        try:
            with closing(blocks(delimiter)) as rows:
                header, _rest = _headed(rows, columns, free, layout)
            tried.append((not header.lacks_required, header.known, delimiter))
        except RefusedFileError as refusal:
            if not {fault.code for fault in refusal.faults} <= _QUOTED:
                raise
            refusals.append(refusal)  # a quotation mark before what is no delimiter here
    if not tried:
        raise refusals[0]
    best = max(tried, key=lambda each: each[:2])[2]
    return best, blocks(best)


def _headed(
    blocks: Iterator[Block], columns: Columns, free: Columns, layout: Layout
) -> tuple[Header, Iterator[Block]]:
    """Read the first row that says something as the header; return it with what stands below."""
    for block in blocks:
        rest = block
        for row in block.all_rows():
            rest = rest.after_first()
            if row.fault:
                raise RefusedFileError(row.fault)
            if any(cell.strip() for cell in row.cells):
                header = read_header(row.line, row.cells, columns, free, layout)
                return header, chain([rest] if len(rest) else [], blocks)
    raise refused("empty", _("The file is empty."))


def _with_last_alone(blocks: Iterable[Block]) -> Iterator[Block]:
    held: Block | None = None
    for block in blocks:
        if held is not None:
            yield held
        held = block
    if held is not None:
        if len(before := held.before_last()):
            yield before
        yield held.last()
