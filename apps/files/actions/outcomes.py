"""What became of each record of a file: on its way from a landing to the tables that keep it."""

import pickle
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, NamedTuple

from django.db import connection
from django.utils.translation import gettext as _
from psycopg.types.json import Jsonb

from apps.core.imports import landing
from apps.core.imports.reading.records import Record as Read
from apps.core.imports.report import Fault
from apps.core.imports.resource import Row
from apps.core.imports.staging import HELD, REJECTED

IN_MEMORY = 2**22  # bytes; what a transaction that is rolled back found waits on the disk
PASSED = "skipped"


class Outcome(NamedTuple):
    number: int
    line: int
    fate: str
    before: dict[str, str | None] | None
    faults: list[list[str]] | None  # [[code, column, sentence, value], …]
    target: int | None


class Outcomes:
    """Outcomes in the order in which they come; they outlive the transaction that found them."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 (see close)

    def write(self, outcomes: Sequence[Outcome]) -> None:
        pickle.dump([tuple(each) for each in outcomes], self._file)

    def clear(self) -> None:
        self._file.seek(0)
        self._file.truncate()

    def close(self) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Outcome]:
        self._file.seek(0)
        while True:
            try:
                batch = pickle.load(self._file)  # noqa: S301 (our own, of a moment ago)
            except EOFError:
                return
            yield from (Outcome(*each) for each in batch)


def outcome_of(row: Row, before: dict[str, str | None]) -> Outcome:
    faults = fault_cells(row.faults or ([row.waits] if row.waits else []))
    target = row.stored.instance.pk if row.stored else None
    return Outcome(row.number, row.line, row.fate, before or None, faults or None, target)


def fault_cells(faults: Iterable[Fault]) -> list[list[str]]:
    """Return faults as they are stored."""
    return [[each.code, each.column, each.reason, each.value] for each in faults]


def passed_over(record: Read) -> list[list[str]]:
    """Return why a record says nothing by itself, as faults are stored."""
    reasons = {
        "blank": _("The row is empty."),
        "totals": _("The row only sums up the others."),
        "header_again": _("The row names the columns once more."),
    }
    return [[record.skipped, "", reasons.get(record.skipped, record.skipped), ""]]


def said_again(line: int | str) -> list[list[str]]:
    """Return why a record is passed over that repeats another one, as faults are stored."""
    return [["repeated", "", landing.said_before(line), ""]]


def store(batch_id: int, outcomes: Iterable[Outcome]) -> None:
    """Keep what did not simply land, in place of what was kept of the batch before."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM files_record WHERE batch_id = %s", [batch_id])
        with cursor.copy(
            "COPY files_record (batch_id, number, line, fate, code, faults) FROM STDIN"
        ) as copy:
            for each in outcomes:
                faults = each.faults or []
                if faults and each.fate in {REJECTED, HELD, PASSED}:
                    code = faults[0][0]
                    copy.write_row(
                        (batch_id, each.number, each.line, each.fate, code, Jsonb(faults))
                    )
