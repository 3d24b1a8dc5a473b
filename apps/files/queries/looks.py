"""The beginning of a file: its header as it is, and its first rows as a layout reads them."""

import re
from collections.abc import Mapping as Named
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from django.db.models import F

from apps.core.imports.columns import Column
from apps.core.imports.kinds import Kind
from apps.core.imports.layout import DELIMITERS, ENCODINGS, Layout
from apps.core.imports.reading.cells import EMPTY
from apps.core.imports.reading.header import OWN_NAMES
from apps.core.imports.reading.records import Record
from apps.core.imports.reading.refusals import RefusedFileError
from apps.core.imports.reading.sources import opened_source
from apps.core.imports.reading.table import CANONICAL, Opened, open_table
from apps.core.imports.report import Fault
from apps.core.imports.resource import written
from apps.core.imports.suggesting import suggest_layout
from apps.files.models import Batch, Mapping

PREAMBLE = 5  # lines that may stand above the names of the columns
KEPT = 20  # mappings of a kind that are tried on a new file
ROWS = 6  # shown of a file
LOOKED_AT = 50  # rows in which examples of cells are sought
READ = 200  # bytes of a text in letters that nobody named
SAMPLES = 20  # different cells of a column


@dataclass(frozen=True)
class Cell:
    """What a cell is read as, or as it came where it is refused, and then why."""

    text: str
    wrong: str = ""


@dataclass(frozen=True)
class First:
    """The first rows under a layout; where that reads no file of the kind, why not."""

    columns: list[str] = field(default_factory=list)
    rows: list[tuple[int, list[Cell]]] = field(default_factory=list)
    refused: list[tuple[int, str, str]] = field(default_factory=list)  # line, column, why
    faults: tuple[Fault, ...] = ()

    @property
    def any_good(self) -> bool:
        """Tell whether a row can be read: where none can, the layout is the fault, not the rows."""
        return len({line for line, _column, _why in self.refused}) < len(self.rows)

    @property
    def missing(self) -> list[str]:
        """Return the needed columns that nothing is said of."""
        return [fault.column for fault in self.faults if fault.code == "column_missing"]

    @property
    def others(self) -> list[Fault]:
        return [fault for fault in self.faults if fault.code != "column_missing"]


def readings(path: Path) -> dict[str, str]:
    """Return how a text begins in each of the encodings in which it reads as text, the likeliest first."""
    with opened_source(path) as source:
        first = next((line for line in source.stream if line.strip()), b"")[:READ]
    found: dict[str, str] = {}
    for encoding in ENCODINGS:
        text = first.decode(encoding, errors="replace").strip()
        if text.replace("\t", " ").isprintable() and "\ufffd" not in text:
            found.setdefault(text, encoding)
    return {found[text]: text for text in sorted(found, key=_oddness)}


def _oddness(text: str) -> int:
    """Count what words seldom have: capitals after small letters, accents, signs between letters."""
    odd = sum(one.islower() and other.isupper() for one, other in pairwise(text))
    odd += sum("\u0080" <= sign < "\u0400" for sign in text)
    return odd + len(re.findall(r"\w[^\w\s,;:|.\"'()-]+\w", text))


@dataclass(frozen=True)
class Top:
    """The names of a file's columns, each with some different cells below it."""

    names: dict[str, list[str]]
    delimiter: str  # empty for a workbook


def top_of(path: Path, layout: Layout) -> Top:
    """Return how a file begins, its columns told apart by the sign that gives the most of them.

    Raises RefusedFileError where the file is no table, or not in the layout's encoding.
    """
    bare = _bare(layout)
    found: list[Top] = []
    for delimiter in (bare.delimiter,) if bare.delimiter else DELIMITERS:
        with open_table(path, columns={}, layout=replace(bare, delimiter=delimiter)) as opened:
            found.append(Top(_samples(opened), opened.delimiter))
    top = max(found, key=lambda top: len(top.names))
    return top if len(top.names) > 1 else replace(top, delimiter=bare.delimiter)


def _bare(layout: Layout) -> Layout:
    """Return what of a layout tells cells apart, and nothing of what they mean."""
    return Layout(
        ignores_others=True,
        encoding=layout.encoding,
        delimiter=layout.delimiter,
        sheet=layout.sheet,
        skip_lines=layout.skip_lines,
    )


def _samples(opened: Opened) -> dict[str, list[str]]:
    samples: dict[str, list[str]] = {
        name: [] for name in opened.header.names if name and name not in OWN_NAMES
    }
    rows = (row for block in opened.blocks() for row in block.all_rows())
    for row in islice(rows, LOOKED_AT):
        for name, cell in zip(opened.header.names, row.cells, strict=False):
            seen = samples.get(name, [])
            if (text := cell.strip()) and text not in seen and len(seen) < SAMPLES:
                seen.append(text)
    return samples


def first_rows(path: Path, kind: Kind, layout: Layout) -> First:
    """Return a file's first rows as they would be read."""
    resource = kind.resource
    try:
        with open_table(
            path,
            columns=resource.fields,
            free=resource.free,
            key=resource.key,
            layout=layout,
            blank=None if resource.blank_clears else EMPTY,
        ) as opened:
            columns = opened.header.columns
            records = list(islice(opened.records(), ROWS))
            refused = [
                (record.line, fault.column, fault.reason)
                for record in records
                for fault in record.faults
            ]
            return First(list(columns), [_row(record, columns) for record in records], refused)
    except RefusedFileError as refusal:
        return First(faults=refusal.faults)


def _row(record: Record, columns: Named[str, Column[Any]]) -> tuple[int, list[Cell]]:
    wrong = {fault.column: fault for fault in record.faults}
    return record.line, [
        Cell(wrong[name].value, wrong[name].reason)
        if name in wrong
        else Cell(written(column, record.values.get(name)))
        for name, column in columns.items()
    ]


def suggested(kind: Kind, top: Top, layout: Layout) -> Layout:
    """Return a layout for a file that nobody described, in the letters that a layout says."""
    found = suggest_layout(
        list(top.names),
        top.names,
        columns=kind.resource.fields,
        free=kind.resource.free,
        encoding=layout.encoding,
        delimiter=top.delimiter,
    )
    return replace(found, sheet=layout.sheet, skip_lines=layout.skip_lines)


def below_preamble(path: Path, layout: Layout) -> tuple[Top, Layout]:
    """Return how a file begins; lines above its names, like a title, are found where nobody said.

    Raises RefusedFileError.
    """
    top = top_of(path, layout)
    if len(top.names) > 1 or layout.skip_lines:
        return top, layout
    for lines in range(1, PREAMBLE + 1):
        lower = replace(layout, skip_lines=lines, delimiter="")
        try:
            below = top_of(path, lower)
        except RefusedFileError:
            break
        if len(below.names) > 1:
            return below, lower
    return top, layout


def known_way(batch: Batch) -> Mapping | Layout | None:
    """Return how a file is read, if nobody has to be asked.

    That is as a source's last one with the same columns was, or as ours are written. Raises
    RefusedFileError where the file is no table, or in letters that are not said.
    """
    if mapping := _kept_way(batch):
        return mapping
    first = first_rows(batch.path, batch.of, CANONICAL)
    if not first.faults:
        return CANONICAL if first.any_good else None
    top_of(batch.path, CANONICAL)
    return None


def _kept_way(batch: Batch) -> Mapping | None:
    """Return the mapping of the same kind under which the file has the columns it was made for."""
    kept = Mapping.objects.filter(kind=batch.kind).exclude(header=[])
    seen: dict[tuple[Any, ...], list[str]] = {}
    for mapping in kept.order_by(F("used_at").desc(nulls_last=True), "-pk")[:KEPT]:
        layout = Layout.from_json(mapping.layout)
        form = (layout.encoding, layout.delimiter, layout.sheet, layout.skip_lines)
        if form not in seen:
            try:
                seen[form] = sorted(top_of(batch.path, layout).names)
            except RefusedFileError:
                seen[form] = []
        if seen[form] == mapping.header:
            return mapping
    return None
