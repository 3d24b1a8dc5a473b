"""Rows of a file that are spelled as we would spell them: one pattern tells, and they stay raw.

Nearly all of a million clients' lines are. Their match costs a twentieth of what reading their cells
does; all others go the exact way, and both arrive in the same spelling.
"""

import re
from collections.abc import Iterator

from apps.core.imports.layout import Layout
from apps.core.imports.reading.formats import rewriting
from apps.core.imports.reading.records import Record
from apps.core.imports.reading.table import Opened
from apps.core.imports.reading.text import Block

WIDEST = 60  # columns; to compile the pattern of more takes longer than it ever saves
RawLine = tuple[int, int, str]  # number, line, text
Part = tuple[list[RawLine], list[Record]]  # neighbouring rows: what may stay raw, and the others


def pattern_of(opened: Opened, layout: Layout) -> re.Pattern[str] | None:
    """Return what such a line looks like; None where the layout lets no line stay as it is."""
    header, delimiter = opened.header, opened.delimiter
    names = [fed[0] for fed in header.feeds if len(fed) == 1]
    if not delimiter or layout.constants or names != list(header.columns) or len(names) > WIDEST:
        return None
    cells = []
    for name, column in header.columns.items():
        is_rewritten = name in layout.transforms or rewriting(layout, column.format)
        if column.canonical is None or is_rewritten:
            return None
        cells.append(column.canonical if column.required else f"(?:{column.canonical})?+")
    between = re.escape(delimiter)
    is_header = f"{re.escape(delimiter.join(header.names))}$"
    return re.compile(f"(?!{is_header}|{between}*$){between.join(cells)}")


def raw_and_read(opened: Opened, layout: Layout) -> Iterator[Part]:
    """Yield, block by block, the lines that may stay raw and the records of all others."""
    pattern = pattern_of(opened, layout)
    for block in opened.blocks():
        if pattern and block.is_plain:
            raw, rest = _parted(block, pattern)
            yield raw, opened.read_lines(rest) if rest else []
        else:
            yield [], opened.read(block)


def _parted(block: Block, pattern: re.Pattern[str]) -> tuple[list[RawLine], list[RawLine]]:
    raw: list[RawLine] = []
    rest: list[RawLine] = []
    matches, number = pattern.fullmatch, block.number
    for line, text in enumerate(block.text.split("\n"), block.line):
        if text:
            (raw if matches(text) else rest).append((number, line, text))
            number += 1
    return raw, rest
