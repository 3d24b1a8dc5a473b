"""A text as rows of cells, in blocks of whole lines, each row with the line on which it begins."""

import csv
import io
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import IO

from django.utils.translation import gettext as _

from apps.core.imports.report import Fault

BLOCK = 2**15  # characters read at once; bigger ones leave the cache and take a tenth longer
MOST = 2**20  # characters of one row, so that no row takes up the memory


@dataclass(slots=True)
class Raw:
    """A row as the file writes it; with a fault where its cells cannot be told."""

    line: int
    cells: list[str]
    fault: Fault | None = None


@dataclass(slots=True)
class Block:
    """Neighbouring rows: as `text`, where each line that is not blank is a row, or as `rows`."""

    line: int  # of the first row
    text: str = ""  # holds no quotation mark
    rows: list[Raw] = field(default_factory=list)
    delimiter: str = ""
    number: int = 0  # of the first row among the file's records
    is_end: bool = False  # holds the last row of the file, and nothing else

    @property
    def is_plain(self) -> bool:
        return bool(self.text)

    def __len__(self) -> int:
        if not self.is_plain:
            return len(self.rows)
        return sum(map(bool, self.text.split("\n")))

    def all_rows(self) -> list[Raw]:
        if not self.is_plain:
            return self.rows
        return [
            Raw(line, text.split(self.delimiter))
            for line, text in enumerate(self.text.split("\n"), self.line)
            if text
        ]

    def after_first(self) -> "Block":
        """Return the rows but the first."""
        if not self.is_plain:
            rows = self.rows[1:]
            return Block(rows[0].line if rows else self.line, rows=rows)
        blank = len(self.text) - len(self.text.lstrip("\n"))
        _first, _end, rest = self.text[blank:].partition("\n")
        return Block(self.line + blank + 1, rest if rest.strip("\n") else "", [], self.delimiter)

    def before_last(self) -> "Block":
        """Return the rows but the last."""
        if not self.is_plain:
            return Block(self.line, rows=self.rows[:-1])
        text, _end, _last = self.text.rstrip("\n").rpartition("\n")
        return Block(self.line, text if text.strip("\n") else "", [], self.delimiter)

    def last(self) -> "Block":
        row = self.all_rows()[-1]
        return Block(row.line, rows=[row], is_end=True)


def text_blocks(stream: IO[bytes], encoding: str, delimiter: str, *, skip: int) -> Generator[Block]:
    """Yield a text's rows: every line belongs to one of them, but blank lines, which are none.

    Behind a quotation mark that is nowhere closed nothing is certain: one row stands for all that
    follows, and its fault says so.
    """
    text = io.TextIOWrapper(stream, encoding, errors="strict", newline=None)
    try:
        lines = _Lines(text, delimiter)
        lines.skip(skip)
        yield from lines.blocks()
    finally:
        text.detach()  # the stream belongs to the caller


class _Lines:
    """The lines that are read and not yet told apart."""

    def __init__(self, text: IO[str], delimiter: str) -> None:
        self.line = 1  # of the first that is held
        self._text, self._delimiter = text, delimiter
        self._held, self._ended = "", False

    def blocks(self) -> Iterator[Block]:
        while text := self._whole_lines():
            if "\n" not in text and not self._ended:
                yield self._too_long()
            elif '"' in text:
                yield from self._quoted(text)
            else:
                if text.strip("\n"):
                    yield Block(self.line, text, [], self._delimiter)
                self._take(text)

    def skip(self, count: int) -> None:
        for _each in range(count):
            text = self._whole_lines()
            self._take(text[: text.find("\n") + 1] or text)

    def _more(self) -> bool:
        """Read on; tell whether there was anything."""
        chunk = self._text.read(BLOCK)
        self._held += chunk
        self._ended = not chunk
        return not self._ended

    def _whole_lines(self) -> str:
        """Return lines that end, or the last one of the file, or the beginning of one too long."""
        while "\n" not in self._held and len(self._held) <= MOST and self._more():
            pass
        whole = "" if self._ended else self._held[: self._held.rfind("\n") + 1]
        return whole or self._held

    def _is_all(self, text: str) -> bool:
        """Tell whether nothing more will be read behind a text that is held."""
        return len(text) > MOST or (not self._more() and self._held == text)

    def _take(self, text: str) -> None:
        self._held = self._held[len(text) :]
        self.line += text.count("\n")

    def _too_long(self) -> Block:
        """Pass over a line that is longer than any row."""
        begins, start = self.line, self._held[:200]
        while "\n" not in self._held:
            self._held = ""
            if not self._more():
                break
        self._take(self._held[: self._held.find("\n") + 1])
        reason = _("The row has more than %(most)d characters.") % {"most": MOST}
        return Block(begins, rows=[Raw(begins, [start], Fault(reason, begins, code="huge_row"))])

    def _quoted(self, text: str) -> Iterator[Block]:
        """Yield the rows of lines that hold quotation marks; leave what is not closed in them."""
        feed = _Feed(text)
        reader = csv.reader(feed, delimiter=self._delimiter, strict=True)
        block, begins, going = Block(self.line), 0, True
        while going:
            try:
                for cells in reader:
                    if cells:
                        block.rows.append(Raw(self.line + begins, cells))
                    begins = reader.line_num
                going = False
            except csv.Error as error:
                if feed.ended or reader.line_num > begins + 1:
                    going = False
                else:
                    block.rows.append(self._faulty(feed.last, self.line + begins, error))
                    begins = reader.line_num
        open_text = feed.from_line(begins)
        self._take(text.removesuffix(open_text))
        if block.rows:
            yield block
        if open_text and (not feed.ended or self._is_all(open_text)):
            yield self._unclosed()

    def _faulty(self, text: str, line: int, error: csv.Error) -> Raw:
        if "field limit" in str(error):
            reason = _("A cell has more than %(most)d characters.") % {
                "most": csv.field_size_limit()
            }
            return Raw(line, [text[:200]], Fault(reason, line, code="huge_cell"))
        reason = _(
            "The row cannot be read: a quotation mark is missing or one too many (%(error)s)."
        )
        cells = text.removesuffix("\n").split(self._delimiter)
        return Raw(line, cells, Fault(reason % {"error": error}, line, code="stray_quote"))

    def _unclosed(self) -> Block:
        """Let one row stand for everything from a quotation mark on that is not closed."""
        begins, start = self.line, self._held[:200].partition("\n")[0]
        last = begins
        while self._held:
            last = self.line + self._held.removesuffix("\n").count("\n")
            self._take(self._held)
            self._more()
        reason = _(
            "A quotation mark opens on this line and is not closed as it should be: nothing from here"
            " to the end of the file (line %(last)d) could be read."
        )
        fault = Fault(reason % {"last": last}, begins, code="unclosed_quote")
        return Block(begins, rows=[Raw(begins, start.split(self._delimiter), fault)])


class _Feed:
    """Hands lines to a csv reader and knows whether it asked for more than there are."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text)
        self._text = text
        self.last, self.ended = "", False

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.last = line
            yield line
        self.ended = True

    def from_line(self, index: int) -> str:
        """Return the text from a line on, counted from 0."""
        at = 0
        for _each in range(index):
            at = self._text.find("\n", at) + 1 or len(self._text)
        return self._text[at:]
