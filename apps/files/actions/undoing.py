"""A landed file taken back by the trail of its changes, as long as nothing was built on them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, connection, models, transaction
from django.utils.translation import gettext as _
from psycopg import sql

from apps.core import audit
from apps.core.imports.kinds import Brought
from apps.files.actions.turns import take_turn
from apps.files.models import Batch

State = Batch.State
NAMED = 3  # rows that a sentence names; of more it says how many

# By table: the rows that the batch added, and those that it changed or removed. What was touched last
# comes first: it may refer to what was there before.
TOUCHED = """
SELECT table_name, kind, range_agg(rows)::text, array_agg(DISTINCT row_id)
FROM (
    SELECT id, table_name, kind, row_id, unnest(coalesce(rows, '{}')) AS rows
    FROM core_change WHERE batch = %(batch)s AND kind = 'added'
    UNION ALL
    SELECT id, table_name, kind, row_id, NULL FROM core_change
    WHERE batch = %(batch)s AND kind <> 'added'
) AS change GROUP BY table_name, kind ORDER BY max(id) DESC
"""
# What was undone in between left nothing behind: its changes and their undoing cancel each other.
LATER = """
SELECT later.row_id, count(*) OVER () FROM core_change AS later
WHERE later.table_name = %(table)s AND later.id > %(first)s
    AND later.batch IS DISTINCT FROM %(batch)s
    AND NOT EXISTS (
        SELECT FROM files_batch WHERE files_batch.id = later.batch AND state = 'undone'
    )
    AND (later.row_id <@ %(added)s::int8multirange OR later.row_id = ANY(%(changed)s))
ORDER BY later.row_id LIMIT 1
"""


def undo(batch_id: int, *, by: AbstractBaseUser | None, at: datetime) -> bool:
    """Order that a landed file is taken back; `work` does it, or says what stands in the way."""
    landed = Batch.objects.filter(pk=batch_id, state=State.LANDED)
    return bool(landed.update(state=State.UNDOING, undone_by=by, undone_at=at, note=""))


def take_back(batch: Batch, *, at: datetime) -> None:
    """Take back all that a file did, or nothing where something was built on it."""
    try:
        with (
            transaction.atomic(),
            audit.context(
                by=batch.undone_by,
                reason=_("undone: %s") % batch.reference,
                batch=batch.pk,
                channel="file",
                at=at,
            ),
        ):
            take_turn(batch.of)
            trail = Trail(batch)
            trail.hold()
            reasons = list(trail.built_on())
            if not reasons:
                trail.reverse()
                Batch.objects.filter(pk=batch.pk).update(state=State.UNDONE, undone_at=at)
                return
    except IntegrityError as error:
        reasons = [_("Something refers to it: %s") % str(error).splitlines()[0]]
    Batch.objects.filter(pk=batch.pk).update(
        state=State.LANDED,
        note=" ".join([_("It cannot be undone."), *reasons]),
        undone_by=None,
        undone_at=None,
    )


class Trail:
    """The changes of one batch."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.models = {
            model._meta.db_table: model for model in apps.get_models(include_auto_created=True)
        }
        self.added: dict[str, str] = {}  # by table, as PostgreSQL writes a multirange
        self.changed: dict[str, list[int]] = {}
        self.removed: dict[str, list[int]] = {}
        for table, kind, rows, ids in self._asked(TOUCHED):
            if kind == "added":
                self.added[table] = rows
            else:
                (self.changed if kind == "changed" else self.removed)[table] = ids

    def _asked(self, query: str | sql.Composed, **values: Any) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(query, {"batch": self.batch.pk, **values})
            return list(cursor.fetchall()) if cursor.description else []

    def hold(self) -> None:
        """Lock the rows that the batch touched: nobody changes them between the look and the deed."""
        within = "unnest(%(rows)s::int8multirange) AS run JOIN {table} ON {key} >= lower(run) AND {key} < upper(run)"
        among = "{table} WHERE {key} = ANY(%(rows)s)"
        for touched, where in ((self.added, within), (self.changed, among)):
            for table, rows in sorted(touched.items()):
                key = sql.Identifier(table, _key(self.models[table]))
                statement = sql.SQL(
                    f"SELECT count(*) FROM (SELECT FROM {where} ORDER BY {{key}}"  # noqa: S608
                    " FOR UPDATE OF {table}) AS held"
                )
                self._asked(statement.format(table=sql.Identifier(table), key=key), rows=rows)

    # --- what stands in the way ---

    def built_on(self) -> Iterator[str]:
        """Yield what was done since to the rows that the batch touched, in sentences."""
        ((first, last, sealed),) = self._asked(
            "SELECT min(id), max(id), count(sealed_at) FROM core_change WHERE batch = %(batch)s"
        )
        if built_on := self.batch.of.built_on:
            yield from built_on(self._brought())
        if first is None:
            yield _("Nothing is known of what it changed.")
            return
        if sealed:
            yield _("The data of a person in it were erased.")
        for table in sorted({*self.added, *self.changed, *self.removed}):
            yield from self._changed_since(table, last)
        for table in sorted(self.added):
            yield from self._referred(table)

    def _changed_since(self, table: str, last: int) -> Iterator[str]:
        found = self._asked(
            LATER,
            table=table,
            first=last,
            added=self.added.get(table, "{}"),
            changed=[*self.changed.get(table, ()), *self.removed.get(table, ())],
        )
        if found:
            ((row_id, count),) = found
            reason = _("Changed since: %(count)d times %(rows)s, such as %(name)s.")
            yield reason % self._named(table, row_id, count)

    def _referred(self, table: str) -> Iterator[str]:
        """Yield which rows that others made refer to rows that the batch added."""
        for referring, column, key in _references(self.models[table]):
            query = sql.SQL(
                "SELECT {referring}.{key}, count(*) OVER () FROM unnest(%(added)s::int8multirange)"
                " AS run JOIN {referring} ON {column} >= lower(run) AND {column} < upper(run)"
                " WHERE NOT {referring}.{key} <@ %(own)s::int8multirange LIMIT 1"
            ).format(
                referring=sql.Identifier(referring),
                key=sql.Identifier(key),
                column=sql.Identifier(referring, column),
            )
            own = self.added.get(referring, "{}")
            for row_id, count in self._asked(query, added=self.added[table], own=own):
                reason = _("Built on it since: %(count)d %(rows)s, such as %(name)s.")
                yield reason % self._named(referring, row_id, count)

    def _named(self, table: str, row_id: int, count: int) -> dict[str, Any]:
        model = self.models[table]
        row = model.objects.filter(pk=row_id).first()  # type: ignore[attr-defined]
        return {
            "count": count,
            "rows": model._meta.verbose_name_plural,
            "name": f"“{row}”" if row else row_id,
        }

    def _brought(self) -> Brought:
        label = {table: model._meta.label for table, model in self.models.items()}
        added = {
            label[table]: [
                row_id
                for low, high in self._asked(
                    "SELECT lower(run), upper(run) FROM unnest(%(rows)s::int8multirange) AS run",
                    rows=rows,
                )
                for row_id in range(low, high)
            ]
            for table, rows in self.added.items()
        }
        changed = {label[table]: ids for table, ids in self.changed.items()}
        since = self.batch.landed_at or self.batch.received_at
        return Brought(added, changed, since)

    # --- the way back ---

    def reverse(self) -> None:
        """Take the added rows out and write the former values of the others."""
        # Rows that are only ever added may go for this, and for nothing else.
        self._asked("SELECT set_config('tidings.undoing', %(batch)s::text, true)")
        for table in self.removed:
            self._put_back(table)
        for table in self.changed:
            self._write_former(table)
        for table, rows in self.added.items():
            key = sql.Identifier(_key(self.models[table]))
            statement = sql.SQL(
                "DELETE FROM {table} USING unnest(%(rows)s::int8multirange) AS run"
                " WHERE {table}.{key} >= lower(run) AND {table}.{key} < upper(run)"
            )
            self._asked(statement.format(table=sql.Identifier(table), key=key), rows=rows)
        connection.check_constraints()

    def _put_back(self, table: str) -> None:
        statement = sql.SQL(
            "INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, before)).*"
            " FROM core_change WHERE batch = %(batch)s AND table_name = %(table)s"
            " AND kind = 'removed' AND NOT row_id <@ %(added)s::int8multirange"
        ).format(table=sql.Identifier(table))
        self._asked(statement, table=table, added=self.added.get(table, "{}"))

    def _write_former(self, table: str) -> None:
        """Write what each column held before the batch changed it for the first time."""
        columns = self._asked(
            "SELECT DISTINCT name FROM core_change, jsonb_object_keys(before) AS name"
            " WHERE batch = %(batch)s AND table_name = %(table)s AND kind = 'changed'",
            table=table,
        )
        assignment = sql.SQL(
            "{column} = CASE WHEN former.held ? {name} THEN"
            " (jsonb_populate_record(NULL::{table}, former.held)).{column} ELSE {table}.{column} END"
        )
        statement = sql.SQL(
            "WITH first AS (SELECT DISTINCT ON (row_id, name) row_id, name, value"
            " FROM core_change, jsonb_each(before) AS said (name, value)"
            " WHERE batch = %(batch)s AND table_name = %(table)s AND kind = 'changed'"
            " ORDER BY row_id, name, id),"
            " former AS (SELECT row_id, jsonb_object_agg(name, value) AS held FROM first"
            " GROUP BY row_id)"
            " UPDATE {table} SET {assignments} FROM former WHERE {table}.{key} = former.row_id"
        ).format(
            table=sql.Identifier(table),
            key=sql.Identifier(_key(self.models[table])),
            assignments=sql.SQL(", ").join(
                assignment.format(
                    table=sql.Identifier(table),
                    column=sql.Identifier(name),
                    name=sql.Literal(name),
                )
                for (name,) in columns
            ),
        )
        self._asked(statement, table=table)


def _references(model: type[models.Model]) -> Iterator[tuple[str, str, str]]:
    """Yield table, column and primary key of every row that can refer to a row of a model."""
    for other in apps.get_models(include_auto_created=True):
        for field in other._meta.local_fields:
            if field.is_relation and field.related_model is model and other._meta.managed:
                yield other._meta.db_table, str(field.column), _key(other)


def _key(model: type[models.Model]) -> str:
    return str(model._meta.pk.column)
