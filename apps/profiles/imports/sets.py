"""How a large file of clients is compared and landed: in sets what is plain, exactly what is not."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import OperationalError, connection, transaction
from psycopg import sql
from psycopg.errors import LockNotAvailable
from psycopg.types.json import Jsonb

from apps.core.imports.kinds import KINDS
from apps.core.imports.landing import BATCH, Landing
from apps.core.imports.resource import Row
from apps.core.imports.staging import CHANGED, NEW, Staging
from apps.core.imports.tally import Counting
from apps.profiles.actions.consents import SOURCE
from apps.profiles.actions.duplicates import suggest_selected
from apps.profiles.actions.locks import hold_identities
from apps.profiles.imports.clients import EAST, TELLING
from apps.profiles.imports.comparing import Comparing
from apps.profiles.imports.staged import ANSWERS, INTRICATE, LEFT, MATCHED, TABLES
from apps.profiles.imports.storing import Storing

NAME = "clients"
# Nothing here spills to the disk, and no plan is worth compiling.
SETTINGS = "SET LOCAL work_mem = '128MB'; SET LOCAL jit = off"
# Few are looked up one by one; the planner would hash whole tables for them.
FEW = """
SELECT set_config('random_page_cost', '1.1', true) FROM pg_class AS known, pg_class AS compared
WHERE known.oid = 'profiles_client'::regclass AND compared.oid = %s::regclass
    AND known.reltuples > 10 * compared.reltuples
"""

LANDING = "SELECT set_config('tidings.landing', %s, true)"  # triggers read it

MANY = 10_000  # new clients that change what the planner knows of their tables
LEARN = """
ANALYZE profiles_client (id, last_name, first_name, birth_on),
    profiles_contactpoint (client_id, channel, address, state)
"""
TAKE = """
SELECT min(id), max(id) FROM (
    SELECT nextval(%s::regclass) AS id FROM generate_series(1, %s)
) AS taken
"""


class ClientSets:
    """Compares and lands the staged rows of clients."""

    def compare(self, staging: Staging, *, at: datetime) -> None:
        do, said = Comparing(staging), {"last_day": (at + EAST).date()}
        hold_identities()
        with connection.cursor() as cursor:
            cursor.execute(SETTINGS)
            cursor.execute(f"DROP TABLE IF EXISTS {', '.join(TABLES)}")
            left = _left(staging, do)
            cursor.execute(FEW, [left])
            cursor.execute(staging.query(do.match, records=left), {})
            if cursor.rowcount:
                cursor.execute(f"ANALYZE {MATCHED}")
                cursor.execute(staging.query(do.answers), {})
                cursor.execute(staging.query(do.answers_again), {})
                cursor.execute(f"ANALYZE {ANSWERS}")
                cursor.execute(staging.query(do.judge, records=left), said)
            else:
                cursor.execute(staging.query(do.judge_new, records=left), said)
            cursor.execute(staging.query(do.leave), {})
            cursor.execute(staging.query("ANALYZE {verdicts} (number, fate)"))
        for rows in _intricate(staging):
            _judge(staging, rows, at=at)

    def land(
        self, staging: Staging, *, at: datetime, filename: str, by: AbstractBaseUser | None
    ) -> None:
        do = Storing(staging)
        said: dict[str, Any] = {"at": at, "source": f"{SOURCE}{filename}"[:100], "base": 0}
        with connection.cursor() as cursor:
            cursor.execute(SETTINGS)
            cursor.execute(LANDING, ["sets"])
            cursor.execute(staging.query(do.places), {})
            first, last, all_new = cursor.fetchone()
            if first is not None:
                do = Storing(staging, all_new=all_new)
                said["base"] = _first_of(last - first + 1) - first
                for statement in do.additions():
                    cursor.execute(staging.query(statement), said)
                # What comes is compared with what is known; plans for empty tables would take hours.
                if last - first >= MANY:
                    cursor.execute(LEARN)
            for statement in do.changes():
                cursor.execute(staging.query(statement), said)
            cursor.execute(LANDING, [""])
        landing = Landing(KINDS[NAME], at, filename=filename, by=by, released=True)
        for rows in _intricate(staging, NEW, CHANGED):
            landing.take(rows)
        told = {"told": list(TELLING), "base": said["base"]}
        suggest_selected(do.who_may_be_one, told, at=at)
        _know_unchanged(staging, do)


def _left(staging: Staging, do: Comparing) -> str:
    """Tell what is known as unchanged; return the table of the records that must be compared."""
    with connection.cursor() as cursor:
        cursor.execute(staging.query(do.know), {})
        if not cursor.rowcount:
            return staging.records
        cursor.execute(staging.query("ANALYZE {verdicts} (number)"))
        cursor.execute(staging.query(do.take_left), {})
        cursor.execute(f"ANALYZE {LEFT} (number, faults, {staging.cell('core_id')})")
    return LEFT


def _know_unchanged(staging: Staging, do: Storing) -> None:
    """Know again next time what was found unchanged; whom somebody else changes is left for then."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # He who voids may wait for us: we give in before the database calls it a deadlock.
            cursor.execute("SET LOCAL lock_timeout = '500ms'")
            cursor.execute(staging.query(do.know_again), {})
            cursor.execute(staging.query(do.know_more), {})
            cursor.execute("SET LOCAL lock_timeout = 0")
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise


def _first_of(count: int) -> int:
    """Take neighbouring ids for as many new clients; return the first.

    Whoever makes a client at the same moment may take one of them, then others are taken.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence('profiles_client', 'id')")
        (sequence,) = cursor.fetchone()
        while True:
            cursor.execute(TAKE, [sequence, count])
            first, last = cursor.fetchone()
            if last - first + 1 == count:
                return int(first)


def _judge(staging: Staging, rows: list[Row], *, at: datetime) -> None:
    """Find by trying what becomes of rows, and write down nothing but that."""
    kind = KINDS[NAME]
    counting = Counting(kind)
    with transaction.atomic():
        done = Landing(kind, at).take(rows)
        transaction.set_rollback(True)
    verdicts: list[Any] = []
    for row in done:
        before = counting.before(row) or None
        told = row.faults or ([row.waits] if row.waits else [])
        faults = [[each.code, each.column, each.reason, each.value] for each in told]
        target = row.stored.instance.pk if row.stored else None
        verdicts.append((row.fate, _json(before), _json(faults), target, row.number))
    with connection.cursor() as cursor:
        cursor.executemany(
            staging.query(
                "UPDATE {verdicts} SET fate = %s, before = %s, faults = %s, target = %s"
                " WHERE number = %s"
            ),
            verdicts,
        )


def _json(said: Any) -> Jsonb | None:
    return Jsonb(said) if said else None


def _intricate(staging: Staging, *fates: str) -> Iterator[list[Row]]:
    """Yield the rows that the exact resource must look at; of these fates, where some are named."""
    last = 0
    resource = KINDS[NAME].resource()
    columns = [(name, found) for name in staging.columns if (found := resource.column(name))]
    query = sql.SQL(
        "SELECT number, line, {cells} FROM {records} AS record JOIN {verdicts} USING (number)"
        " WHERE number > %s AND number IN (SELECT number FROM {intricate})"
        " AND (fate = ANY (%s) OR %s) ORDER BY number LIMIT %s"
    ).format(
        cells=sql.SQL(", ").join(sql.Identifier(staging.cell(name)) for name in staging.columns),
        records=sql.Identifier(staging.records),
        verdicts=sql.Identifier(staging.verdicts),
        intricate=sql.Identifier(INTRICATE),
    )
    while True:
        with connection.cursor() as cursor:
            cursor.execute(query, [last, list(fates), not fates, BATCH])
            found = cursor.fetchall()
        if not found:
            return
        rows = []
        for number, line, *cells in found:
            said = {name: cell or "" for name, cell in zip(staging.columns, cells, strict=True)}
            values = {name: column.read(said[name]) for name, column in columns if said[name]}
            rows.append(Row(line, said, values, number=number))
        last = rows[-1].number
        yield rows
