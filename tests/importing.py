"""Brings a small file in by a resource alone, whole or not at all, and says what came of it."""

from dataclasses import dataclass
from itertools import chain

from django.db import connection, transaction

from apps.core.imports.kinds import Kind
from apps.core.imports.landing import Landing, refuse_groups, refuse_repeated
from apps.core.imports.reading.refusals import RefusedFileError
from apps.core.imports.reading.table import EMPTY, open_table
from apps.core.imports.report import Fault
from apps.core.imports.resource import Row
from apps.core.imports.staging import CHANGED, NEW, UNCHANGED


@dataclass(frozen=True)
class Report:
    """The outcome of one file: nothing of it is stored while it has a single fault."""

    filename: str
    stored: bool = False
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    faults: tuple[Fault, ...] = ()
    remarks: tuple[Fault, ...] = ()

    @property
    def ok(self):
        return not self.faults

    def __str__(self):
        return "\n".join(f"{self.filename}, {said}" for said in (*self.faults, *self.remarks))


def import_file(resource, content, *, filename, at, dry_run=False):
    """Land a file's rows in one transaction, which is undone where any of them is refused."""
    kind = Kind("tried", "", resource)
    try:
        rows = _rows(resource, content)
    except RefusedFileError as refusal:
        return Report(filename, faults=refusal.faults)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [kind.lock])
        again = {row.number for row, _line in refuse_repeated(kind, rows)}
        rows = [row for row in rows if row.number not in again]
        refuse_groups(kind, rows)
        good = [row for row in rows if not row.faults]
        landing = Landing(kind, at, filename=filename, released=True)
        rows = [row for row in rows if row.faults] + landing.take(good)
        rows.sort(key=lambda row: row.number)
        waits = tuple(row.waits for row in rows if row.waits)  # for a person: here is none
        faults = (*chain.from_iterable(row.faults for row in rows), *waits)
        transaction.set_rollback(bool(faults) or dry_run)
    fates = [row.fate for row in rows]
    return Report(
        filename,
        not (faults or dry_run),
        *(fates.count(fate) for fate in (NEW, CHANGED, UNCHANGED)),
        faults,
        tuple(chain.from_iterable(row.remarks for row in rows)),
    )


def _rows(resource, content):
    one = resource()
    blank = None if one.blank_clears else EMPTY
    with open_table(content, columns=one.fields, free=one.free, key=one.key, blank=blank) as table:
        feeds = table.header.feeds
        return [
            Row(
                record.line,
                {
                    name: cell
                    for fed, cell in zip(feeds, record.cells, strict=False)
                    for name in fed
                },
                record.values,
                record.faults,
                number=record.number,
            )
            for record in table.records()
            if not record.skipped
        ]
