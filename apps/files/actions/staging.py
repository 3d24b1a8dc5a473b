"""The staging tables of a large file: filled, checked within the file, read back, dropped."""

import json
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any

from django.db import connection, transaction
from psycopg import sql
from psycopg.types.json import Jsonb

from apps.core.imports import landing
from apps.core.imports.canonical import Part
from apps.core.imports.columns import Column
from apps.core.imports.kinds import Kind
from apps.core.imports.reading.records import Record
from apps.core.imports.resource import Row
from apps.core.imports.staging import Staging
from apps.files.actions.outcomes import Outcome, fault_cells, passed_over, said_again
from apps.files.actions.progress import Teller

MONTH = 7  # characters of 2026-11, as moments are written
FETCHED = 2_000  # records that one trip to the database brings
# A table that an earlier version left has no digests.
WHOLE = """
SELECT obj_description(attrelid) FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attname = 'digest'
"""

# Which keys several records have; of most files none.
TWICE = """
CREATE TEMP TABLE files_twice AS
SELECT {key}, min(line) AS first, max(line) AS last, min(number) AS number, false AS alike
FROM {records} WHERE NOT passed GROUP BY {key} HAVING count(*) > 1
"""
ALIKE = """
UPDATE files_twice SET alike = true WHERE number IN (
    SELECT twice.number FROM files_twice AS twice JOIN {records} AS one ON ({own}) = ({other})
    WHERE NOT one.passed GROUP BY twice.number
    HAVING count(DISTINCT ({cells}, 0)) = 1 AND bool_and(one.faults IS NULL)
)
"""
SKIP_REPEATED = """
UPDATE {records} AS one SET passed = true,
    faults = replace(%s, '{{line}}', twice.first::text)::jsonb
FROM files_twice AS twice
WHERE twice.alike AND NOT one.passed AND ({own}) = ({other}) AND one.number > twice.number
"""
REFUSE_REPEATED = """
UPDATE {records} AS one SET faults = coalesce(one.faults, '[]') || jsonb_build_array(
    jsonb_build_array('duplicate_key', %s::text, replace(%s, '{{line}}',
        (CASE WHEN one.line = twice.first THEN twice.last ELSE twice.first END)::text), {value}))
FROM files_twice AS twice
WHERE NOT twice.alike AND NOT one.passed AND ({own}) = ({other})
"""

Columns = list[tuple[str, Column[Any]]]


def known_columns(kind: Kind, names: Iterable[str]) -> Columns:
    """Return the columns that the reader has found in a file, by name."""
    resource = kind.resource()
    return [(name, column) for name in names if (column := resource.column(name))]


def _quoted(cell: str | None) -> str:
    return "" if cell is None else '"' + cell.replace('"', '""') + '"'


class Staged:
    """A large file in its tables."""

    def __init__(
        self, kind: Kind, batch_id: int, columns: tuple[str, ...], delimiter: str = ","
    ) -> None:
        self.kind, self.columns = kind, columns
        self.staging = Staging(batch_id, columns)
        self.records = self.passed = self.repeated = 0  # those repeated are passed over, too
        self.delimiter = delimiter  # of the file, whose lines are copied as they are
        self._known = known_columns(kind, columns)
        self._form = blake2b(json.dumps([delimiter, *columns]).encode(), digest_size=4).hexdigest()

    def fill(self, parts: Iterable[Part], tell: Teller) -> None:
        """Stage all records and refuse those that the file itself contradicts."""
        drop(self.staging.batch)
        with transaction.atomic(), connection.cursor() as cursor:
            cells = [
                sql.SQL("{} text").format(sql.Identifier(self.staging.cell(name)))
                for name in self.columns
            ]
            cursor.execute(
                sql.SQL(
                    "CREATE UNLOGGED TABLE {}"
                    " (number int, line int, faults jsonb, passed bool, digest uuid, {})"
                ).format(sql.Identifier(self.staging.records), sql.SQL(", ").join(cells))
            )
            columns = sql.Literal(json.dumps(self.columns))
            cursor.execute(
                sql.SQL("COMMENT ON TABLE {} IS {}").format(
                    sql.Identifier(self.staging.records), columns
                )
            )
            self._copy(cursor, parts, tell)
            self._analyze(cursor)
            self._refuse_repeated(cursor)
            self._refuse_groups(cursor)

    def _copy(self, cursor: Any, parts: Iterable[Part], tell: Teller) -> None:
        """Copy all records: raw lines with their numbers before them, the others cell by cell."""
        names = [sql.Identifier(self.staging.cell(name)) for name in self.columns]
        copied = sql.SQL(
            "COPY {} (number, line, faults, passed, digest, {}) FROM STDIN (FORMAT csv, DELIMITER {})"
        ).format(sql.Identifier(self.staging.records), sql.SQL(", ").join(names), self.delimiter)
        between, digest = self.delimiter, self._digest
        with cursor.copy(copied) as copy:
            for raw, records in parts:
                lines = [
                    f"{number}{between}{line}{between}{between}f{between}{digest(text)}{between}{text}\n"
                    for number, line, text in raw
                ]
                copy.write("".join(lines))
                copy.write("".join(map(self._spelled, records)))
                self.records += len(raw) + len(records)
                self.passed += sum(bool(record.skipped) for record in records)
                tell(self.records)

    def _spelled(self, record: Record) -> str:
        """Return a record as a line of our own."""
        faults = passed_over(record) if record.skipped else fault_cells(record.faults)
        said = (
            None if (value := record.values.get(name)) is None else column.write(value)
            for name, column in self._known
        )
        cells = (
            str(record.number),
            str(record.line),
            json.dumps(faults) if faults else None,
            "t" if record.skipped else "f",
        )
        text = self.delimiter.join(map(_quoted, said))
        return self.delimiter.join([*map(_quoted, cells), self._digest(text), text]) + "\n"

    def _digest(self, text: str) -> str:
        """Return a UUID of what a record says: of its columns' names, and of its cells."""
        if self.kind.sets is None:
            return ""
        return self._form + blake2b(text.encode(), digest_size=12).hexdigest()

    def _names(self, columns: Iterable[str], table: str = "") -> list[sql.Composable]:
        return [sql.Identifier(*filter(None, (table, self.staging.cell(name)))) for name in columns]

    def _analyze(self, cursor: Any) -> None:
        """Tell the planner what records are joined and chosen by; of all their columns it costs 1 s."""
        names = [name for name in self.kind.resource.key if name in self.columns]
        own = map(sql.Identifier, ("number", "faults", "passed"))
        columns = [*own, *self._names(names)]
        analyze = sql.SQL("ANALYZE {} ({})")
        cursor.execute(
            analyze.format(sql.Identifier(self.staging.records), sql.SQL(", ").join(columns))
        )

    def _refuse_repeated(self, cursor: Any) -> None:
        """Refuse records of one key; of those that are alike in every cell the first one counts."""
        key = self.kind.resource.key
        if not set(key) <= set(self.columns):
            return
        names: dict[str, sql.Composable] = {
            "records": sql.Identifier(self.staging.records),
            "key": sql.SQL(", ").join(self._names(key)),
            "cells": sql.SQL(", ").join(self._names(self.columns, "one")),
            "value": self._names(key, "one")[0],
            "own": sql.SQL(", ").join(self._names(key, "one")),
            "other": sql.SQL(", ").join(self._names(key, "twice")),
        }
        cursor.execute(sql.SQL(TWICE).format(**names))
        if cursor.rowcount:
            cursor.execute(sql.SQL(ALIKE).format(**names))
            again = [json.dumps(said_again("{line}"))]
            cursor.execute(sql.SQL(SKIP_REPEATED).format(**names), again)
            self.repeated = cursor.rowcount
            self.passed += self.repeated
            said = [key[0], landing.repeated("{line}")]
            cursor.execute(sql.SQL(REFUSE_REPEATED).format(**names), said)
        cursor.execute("DROP TABLE files_twice")

    def _refuse_groups(self, cursor: Any) -> None:
        group = self.kind.group or self.kind.resource.key
        if not set(group) <= set(self.columns):
            return
        refuse = sql.SQL(
            "UPDATE {records} AS one SET faults = jsonb_build_array(jsonb_build_array("
            " 'group', '', replace(%s, '{{line}}', bad.line::text), ''))"
            " FROM (SELECT {group}, min(line) AS line FROM {records}"
            " WHERE faults IS NOT NULL AND NOT passed GROUP BY {group}) AS bad"
            " WHERE one.faults IS NULL AND ({own}) = ({other})"
        ).format(
            records=sql.Identifier(self.staging.records),
            group=sql.SQL(", ").join(self._names(group)),
            own=sql.SQL(", ").join(self._names(group, "one")),
            other=sql.SQL(", ").join(self._names(group, "bad")),
        )
        cursor.execute(refuse, [landing.left_out(self.kind, "{line}")])

    # --- read back ---

    def batches(self) -> Iterator[list[Row]]:
        """Yield the good rows, whole groups together; inside a transaction."""
        yield from self._read(sql.SQL("faults IS NULL"))

    def refused(self) -> Iterator[list[Row]]:
        yield from self._read(sql.SQL("faults IS NOT NULL AND NOT passed"))

    def _read(self, condition: sql.SQL) -> Iterator[list[Row]]:
        order = [name for name in self.kind.group if name in self.columns]
        query = sql.SQL(
            "SELECT number, line, {cells} FROM {records} WHERE {condition} ORDER BY {order}"
        ).format(
            cells=sql.SQL(", ").join(self._names(self.columns)),
            records=sql.Identifier(self.staging.records),
            condition=condition,
            order=sql.SQL(", ").join([*self._names(order), sql.Identifier("number")]),
        )
        with connection.chunked_cursor() as cursor:
            cursor.execute(query)
            yield from landing.batches(self._rows(cursor), self.kind)

    def _rows(self, cursor: Any) -> Iterator[Row]:
        resource = self.kind.resource()
        columns = known_columns(self.kind, self.columns)
        while fetched := cursor.fetchmany(FETCHED):
            for number, line, *cells in fetched:
                values = {
                    name: None if cell is None else column.read(cell)
                    for (name, column), cell in zip(columns, cells, strict=True)
                    if cell is not None or resource.blank_clears
                }
                said = {name: cell or "" for name, cell in zip(self.columns, cells, strict=True)}
                yield Row(line, said, values, number=number)

    def total(self, column: str) -> str | None:
        if column not in self.columns:
            return None
        with connection.cursor() as cursor:
            cell = self._names([column])[0]
            cursor.execute(
                sql.SQL(
                    "SELECT coalesce(sum({}::numeric), 0) FROM {}"
                    " WHERE NOT passed OR faults->0->>0 = 'repeated'"
                ).format(cell, sql.Identifier(self.staging.records))
            )
            return str(cursor.fetchone()[0])

    def months(self, column: str) -> set[str]:
        """Return the months of a column of moments, in the records that are good so far."""
        if column not in self.columns:
            return set()
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    "SELECT DISTINCT left({cell}, {length}) FROM {records}"
                    " WHERE faults IS NULL AND {cell} IS NOT NULL"
                ).format(
                    cell=self._names([column])[0],
                    length=MONTH,
                    records=sql.Identifier(self.staging.records),
                )
            )
            return {month for (month,) in cursor.fetchall()}

    def store(self) -> None:
        """Keep what did not simply land, in place of what was kept of the batch before."""
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM files_record WHERE batch_id = %s", [self.staging.batch])
            for found in (
                "SELECT %s, number, line, CASE WHEN passed THEN 'skipped' ELSE 'rejected' END,"
                " faults->0->>0, faults FROM {records} WHERE faults IS NOT NULL",
                "SELECT %s, number, line, fate, v.faults->0->>0, v.faults FROM {verdicts} AS v"
                " JOIN {records} AS record USING (number) WHERE fate IN ('rejected', 'held')",
            ):
                cursor.execute(
                    self.staging.query(
                        "INSERT INTO files_record (batch_id, number, line, fate, code, faults) "
                        + found
                    ),
                    [self.staging.batch],
                )


def whole(kind: Kind, batch_id: int, records: int) -> Staged | None:
    """Return the tables of a batch if they hold all of its records: a crash empties them."""
    with connection.cursor() as cursor:
        bare = Staging(batch_id, ())
        cursor.execute(WHOLE, [bare.records])
        if not (found := cursor.fetchone()):
            return None
        (said,) = found
        cursor.execute(bare.query("SELECT count(*), count(*) FILTER (WHERE passed) FROM {records}"))
        count, passed = cursor.fetchone()
    if count != records:
        return None
    staged = Staged(kind, batch_id, tuple(json.loads(said)))
    staged.records, staged.passed = count, passed
    return staged


def create_verdicts(staging: Staging) -> None:
    """Make an empty table of verdicts, in place of one that was there."""
    drop_verdicts(staging)
    with connection.cursor() as cursor:
        cursor.execute(
            staging.query(
                "CREATE UNLOGGED TABLE {verdicts}"
                " (number int, fate text, before jsonb, faults jsonb, target bigint)"
            )
        )


def drop_verdicts(staging: Staging) -> None:
    with connection.cursor() as cursor:
        cursor.execute(staging.query("DROP TABLE IF EXISTS {verdicts}"))


def keep_verdicts(staging: Staging) -> None:
    """Let the verdicts of a landing take the place of the preview's."""
    with connection.cursor() as cursor:
        final = Staging(staging.batch, staging.columns)
        cursor.execute(final.query("DROP TABLE IF EXISTS {verdicts}"))
        cursor.execute(
            staging.query("ALTER TABLE {verdicts} RENAME TO {final}", final=final.verdicts)
        )


def write_verdicts(staging: Staging, outcomes: Iterable[Outcome]) -> None:
    """Keep what a pass by batches found, as comparing in sets leaves it."""
    create_verdicts(staging)
    with (
        connection.cursor() as cursor,
        cursor.copy(staging.query("COPY {verdicts} FROM STDIN")) as copy,
    ):
        for each in outcomes:
            before, faults = (Jsonb(said) if said else None for said in (each.before, each.faults))
            copy.write_row((each.number, each.fate, before, faults, each.target))


def drop(batch_id: int) -> None:
    """Let the staging tables of a batch go; without any, nothing happens."""
    with connection.cursor() as cursor:
        for staging in (Staging(batch_id, ()), Staging(batch_id, (), landing=True)):
            cursor.execute(staging.query("DROP TABLE IF EXISTS {records}, {verdicts}"))
