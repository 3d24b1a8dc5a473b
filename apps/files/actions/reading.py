"""A batch's file as rows: a small one in memory, a large one in staging tables."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain

from apps.core.imports import landing
from apps.core.imports.canonical import Part, raw_and_read
from apps.core.imports.kinds import Kind
from apps.core.imports.layout import Layout
from apps.core.imports.reading.cells import EMPTY
from apps.core.imports.reading.records import Record
from apps.core.imports.reading.table import Opened, open_table
from apps.core.imports.resource import Row, written
from apps.core.imports.staging import REJECTED
from apps.files.actions.outcomes import (
    PASSED,
    Outcome,
    fault_cells,
    passed_over,
    said_again,
)
from apps.files.actions.progress import Teller
from apps.files.actions.staging import MONTH, Columns, Staged, known_columns
from apps.files.models import Batch

SMALL = landing.BATCH  # records that are not worth a table


def opened(batch: Batch) -> AbstractContextManager[Opened]:
    """Open a batch's file; raises RefusedFileError where it is no table of its kind."""
    resource = batch.of.resource
    return open_table(
        batch.path,
        columns=resource.fields,
        free=resource.free,
        key=resource.key,
        layout=Layout.from_json(batch.layout),
        blank=None if resource.blank_clears else EMPTY,
    )


def row_of(record: Record, columns: Columns) -> Row:
    """Return a record as its resource takes it, its cells in the spelling of their columns."""
    cells = {name: written(column, record.values.get(name)) for name, column in columns}
    return Row(record.line, cells, dict(record.values), list(record.faults), number=record.number)


class InMemory:
    """A small file, whole."""

    def __init__(self, kind: Kind, columns: Sequence[str], records: Sequence[Record]) -> None:
        self.kind, self.columns = kind, tuple(columns)
        self.skipped = [record for record in records if record.skipped]
        known = known_columns(kind, columns)
        self.rows = [row_of(each, known) for each in records if not each.skipped]
        again = landing.refuse_repeated(kind, self.rows)
        self.again = {row.number: (row, line) for row, line in again}
        self.rows = [row for row in self.rows if row.number not in self.again]
        self.records, self.repeated = len(records), len(again)
        self.passed = len(self.skipped) + self.repeated
        landing.refuse_groups(kind, self.rows)

    def batches(self) -> Iterator[list[Row]]:
        if good := [row for row in self.rows if not row.faults]:
            yield good

    def refused(self) -> Iterator[list[Row]]:
        """Yield the rows that are refused already, as far as their cells mean something."""
        yield [row for row in self.rows if row.faults]

    def total(self, column: str) -> str | None:
        if column not in self.columns:
            return None
        rows = chain(self.rows, (row for row, _line in self.again.values()))
        return str(sum(row.said.get(column) or 0 for row in rows))

    def months(self, column: str) -> set[str]:
        """Return the months of a column of moments, in the records that are good so far."""
        good = (row.cells.get(column) for row in self.rows if not row.faults)
        return {cell[:MONTH] for cell in good if cell}

    def outcomes(self) -> Iterator[Outcome]:
        """Yield what became of the records that are not among the batches."""
        for record in self.skipped:
            yield Outcome(record.number, record.line, PASSED, None, passed_over(record), None)
        for row, line in self.again.values():
            yield Outcome(row.number, row.line, PASSED, None, said_again(line), None)
        for row in self.rows:
            if row.faults:
                yield Outcome(row.number, row.line, REJECTED, None, fault_cells(row.faults), None)


def read(batch: Batch, table: Opened, tell: Teller) -> InMemory | Staged:
    """Read a file's records and check them against each other."""
    parts = raw_and_read(table, Layout.from_json(batch.layout))
    first: list[Part] = []
    count = 0
    while count <= SMALL and (part := next(parts, None)):
        first.append(part)
        count += len(part[0]) + len(part[1])
    columns = tuple(table.header.columns)
    if count <= SMALL:
        records = [each for raw, found in first for each in (*table.read_lines(raw), *found)]
        return InMemory(batch.of, columns, sorted(records, key=lambda record: record.number))
    staged = Staged(batch.of, batch.pk, columns, table.delimiter or ",")
    staged.fill(chain(first, parts), tell)
    return staged
