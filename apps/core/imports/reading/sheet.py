"""A sheet's rows, written as they would stand in a text of the same layout."""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal, InvalidOperation

from django.utils.translation import gettext as _

from apps.core.imports.layout import Layout
from apps.core.imports.reading.formats import day_text
from apps.core.imports.reading.markup import finish, markup_parser, unescaped
from apps.core.imports.reading.text import Block, Raw
from apps.core.imports.readings import serial_day
from apps.core.imports.report import Fault

ROWS = 1000  # of one block
MOST_ROWS, MOST_COLUMNS, MOST_IN_CELL = 2**20, 2**14, 2**15  # what a sheet can have

_LETTERS = re.compile("[A-Z]{1,3}")
_DIGITS = 15  # that spreadsheets keep; what is behind them is noise
_LAST_SERIAL = 2958465  # 9999-12-31
_ROUNDED = Context(prec=_DIGITS)


@dataclass
class Styles:
    """The styles, by their index, that show a number as a day or as a time of day."""

    days: set[str] = field(default_factory=set)
    times: set[str] = field(default_factory=set)


class Sheet:
    """Collects rows from the markup of a sheet, which comes in pieces."""

    def __init__(
        self,
        layout: Layout,
        texts: Sequence[str],
        styles: Styles,
        merged: Iterable[tuple[int, int]],
        *,
        is_later: bool,
    ) -> None:
        self._layout, self._texts, self._styles = layout, texts, styles
        self._merged, self._is_later = _united(merged), is_later
        self._parser = markup_parser(self._begin, self._end, self._say)
        self._rows: list[Raw] = []
        self._line = self._column = self._width = 0
        self._cells: list[str] = []
        self._fault = ""
        self._type = self._style = ""
        self._parts: dict[str, list[str]] = {}
        self._part: list[str] | None = None
        self._length = 0
        self._is_sound = False
        self._letters: dict[str, int] = {}

    def fed(self, markup: bytes) -> Iterator[Block]:
        """Take the next piece; yield the rows that are whole."""
        self._parser.Parse(markup)
        if len(self._rows) >= ROWS:
            yield from self._block()

    def ended(self) -> Iterator[Block]:
        finish(self._parser)
        yield from self._block()

    def _block(self) -> Iterator[Block]:
        rows, self._rows = self._rows, []
        if rows:
            yield Block(rows[0].line, rows=rows)

    # --- what the parser meets ---

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if local == "c":
            self._begin_cell(attributes)
        elif local in ("v", "f", "t"):
            if not self._is_sound:
                self._part = self._parts.setdefault(local, [])
        elif local == "row":
            self._begin_row(attributes)
        elif local == "rPh":
            self._is_sound = True

    def _say(self, text: str) -> None:
        if self._part is None:
            return
        self._part.append(text)
        self._length += len(text)
        if self._length > MOST_IN_CELL:
            self._fault, self._part = "huge_cell", None

    def _end(self, name: str) -> None:
        local = name.rpartition(":")[2]
        if local in ("v", "f", "t"):
            self._part = None
        elif local == "c":
            self._end_cell()
        elif local == "row":
            self._end_row()
        elif local == "rPh":
            self._is_sound = False

    # --- rows ---

    def _begin_row(self, attributes: dict[str, str]) -> None:
        said = attributes.get("r", str(self._line + 1))
        line = int(said) if said.isdecimal() and len(said) < 8 else 0
        self._fault = "hidden_row" if attributes.get("hidden") in ("1", "true") else ""
        if not self._line < line <= MOST_ROWS:
            line, self._fault = self._line + 1, "broken_row"
        self._line, self._column, self._cells = line, 0, []

    def _end_row(self) -> None:
        cells = self._cells
        while len(cells) > self._width and not cells[-1].strip():
            cells.pop()
        if self._line <= self._layout.skip_lines or not any(cells):
            return
        self._width = self._width or len(cells)
        cells += [""] * (self._width - len(cells))
        code = self._fault or ("merged_cells" if self._is_merged() else "")
        fault = Fault(_reason(code), self._line, code=code) if code else None
        self._rows.append(Raw(self._line, cells, fault))

    def _is_merged(self) -> bool:
        while self._merged and self._merged[0][1] < self._line:
            self._merged.popleft()
        return bool(self._merged) and self._merged[0][0] <= self._line

    # --- cells ---

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        self._type, self._style = attributes.get("t", "n"), attributes.get("s", "0")
        letters = attributes.get("r", "").rstrip("0123456789")
        column = (
            (self._letters.get(letters) or self._number(letters)) if letters else self._column + 1
        )
        if not self._column < column <= MOST_COLUMNS:
            self._fault, column = "broken_row", self._column + 1
        self._column = column
        self._parts, self._length = {}, 0

    def _number(self, letters: str) -> int:
        number = 0
        if not _LETTERS.fullmatch(letters):
            return number
        for letter in letters:
            number = number * 26 + ord(letter) - ord("A") + 1
        self._letters[letters] = number
        return number

    def _end_cell(self) -> None:
        said = self._text()
        if not said:
            return
        cells = self._cells
        if self._width and self._column > self._width:
            cells += [""] * (self._width - len(cells))  # one too many, however far away it stands
        else:
            cells += [""] * (self._column - 1 - len(cells))
        cells.append(said)

    def _text(self) -> str:
        """Return the cell that is open as it would stand in a text of the layout."""
        parts = {name: "".join(said) for name, said in self._parts.items()}
        value = parts.get("v", "").strip() if self._type != "str" else parts.get("v", "")
        if self._type == "inlineStr":
            return unescaped(parts.get("t", ""))
        if not value:
            uncomputed = "f" in parts and not (self._type == "str" and "v" in parts)
            return f"={parts['f']}" if uncomputed else ""  # refused as any formula is
        if self._type == "n":
            return self._figure(value)
        if self._type == "s":
            return self._shared(value)
        if self._type == "b":
            return "no" if value == "0" else "yes"
        return value.removesuffix("T00:00:00") if self._type == "d" else unescaped(value)

    def _shared(self, index: str) -> str:
        if index.isdecimal() and len(index) < 9 and int(index) < len(self._texts):
            return self._texts[int(index)]
        self._fault = "broken_row"
        return index

    def _figure(self, text: str) -> str:
        try:
            number = Decimal(text)
        except InvalidOperation:
            self._fault = "broken_row"
            return text
        if not number.is_finite():
            return text
        if self._style in self._styles.days and 0 <= number <= _LAST_SERIAL:
            return self._day(number)
        if self._style in self._styles.times and 0 <= number < 1:
            return _time(number)
        return _digits(number).replace(".", self._layout.decimal)

    def _day(self, number: Decimal) -> str:
        day = serial_day(int(number), is_later=self._is_later)
        time = _time(number % 1) if number % 1 else ""
        return day_text(day, time, int(number), self._layout)


def _united(spans: Iterable[tuple[int, int]]) -> deque[tuple[int, int]]:
    """Return spans of lines in order, those that touch each other as one."""
    united: deque[tuple[int, int]] = deque()
    for first, last in sorted(spans):
        if united and first <= united[-1][1]:
            first, last = united[-1][0], max(last, united.pop()[1])  # noqa: PLW2901
        united.append((first, last))
    return united


def _time(part: Decimal) -> str:
    seconds = round(part * 86400)
    minutes, second = divmod(seconds, 60)
    said = f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"
    return f"{said}:{second:02d}" if second else said


def _digits(number: Decimal) -> str:
    """Return a number as a sheet shows it at its widest; shortened, if digits may be lost."""
    shown = _ROUNDED.plus(number)
    if not -_DIGITS < shown.adjusted() < _DIGITS:
        return f"{shown:E}" if shown else "0"
    text = f"{shown:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _reason(code: str) -> str:
    if code == "hidden_row":
        return _("The row is hidden in the sheet; show it, or delete it.")
    if code == "merged_cells":
        return _("Cells of the row are merged; a cell must stand in each row and column.")
    if code == "huge_cell":
        return _("A cell has more than %(most)d characters.") % {"most": MOST_IN_CELL}
    return _("The row is damaged; save the workbook anew.")
