"""What follows on comparing in sets: groups, what is held, and what the whole brings."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from psycopg import sql

from apps.core.imports import landing
from apps.core.imports.kinds import Kind
from apps.core.imports.staging import Staging
from apps.core.imports.tally import EXAMPLES, Tally


def refuse_groups(kind: Kind, staging: Staging) -> None:
    """Refuse the records of whose group another one was refused."""
    turned = Turn(
        cause="v.fate = 'rejected'",
        others="v.fate <> 'rejected'",
        become="fate = 'rejected', faults = jsonb_build_array("
        "jsonb_build_array('group', '', replace(%(said)s, '{line}', bad.line::text), ''))",
    )
    turned.make(kind, staging, said=landing.left_out(kind, "{line}"))


def hold(kind: Kind, staging: Staging) -> None:
    """Hold the records, with their groups, in which something changes that a second person sees."""
    turned = Turn(
        cause="v.fate = 'changed' AND v.before ?| %(sensitive)s::text[]",
        others="v.fate IN ('new', 'changed')",
        become="fate = 'held', faults = jsonb_build_array("
        "jsonb_build_array('many_changes', '', %(said)s::text, ''))",
    )
    turned.make(
        kind, staging, said=landing.many_changes(), sensitive=sorted(kind.resource.sensitive)
    )


def let_go(staging: Staging) -> None:
    """Let the records land that were held, since a second person released them."""
    with connection.cursor() as cursor:
        cursor.execute(
            staging.query(
                "UPDATE {verdicts} SET faults = NULL,"
                " fate = CASE WHEN before IS NULL THEN 'new' ELSE 'changed' END"
                " WHERE fate = 'held' AND faults -> 0 ->> 0 = ANY (%s)"
            ),
            [list(landing.RELEASABLE)],
        )


@dataclass(frozen=True)
class Turn:
    """What one verdict does to the others of its group."""

    cause: str
    others: str
    become: str

    def make(self, kind: Kind, staging: Staging, **said: Any) -> None:
        """Change the verdicts of the groups that have one like the cause."""
        names = {"verdicts": staging.verdicts, "records": staging.records}
        tables = {key: sql.Identifier(name) for key, name in names.items()}
        cause, become, others = (sql.SQL(text) for text in (self.cause, self.become, self.others))
        group = [name for name in kind.group or kind.resource.key if name in staging.columns]
        cells = [sql.Identifier(staging.cell(name)) for name in group]
        any_cause = sql.SQL("SELECT EXISTS (SELECT FROM {verdicts} AS v WHERE {cause})")
        turn = sql.SQL(
            "UPDATE {verdicts} AS v SET {become} FROM {records} AS record,"
            " (SELECT {group}, min(line) AS line FROM {records}"
            " JOIN {verdicts} AS v USING (number) WHERE {cause} GROUP BY {group}) AS bad"
            " WHERE record.number = v.number AND {others} AND ({own}) = ({bad})"
        )
        with connection.cursor() as cursor:
            cursor.execute(any_cause.format(cause=cause, **tables), said)
            if cursor.fetchone()[0] and cells:
                cursor.execute(
                    turn.format(
                        group=sql.SQL(", ").join(cells),
                        own=sql.SQL(", ").join(sql.SQL("record.{}").format(one) for one in cells),
                        bad=sql.SQL(", ").join(sql.SQL("bad.{}").format(one) for one in cells),
                        cause=cause,
                        become=become,
                        others=others,
                        **tables,
                    ),
                    said,
                )


def counts(staging: Staging) -> Counter[str]:
    """Return the number of verdicts of each fate."""
    with connection.cursor() as cursor:
        cursor.execute(staging.query("SELECT fate, count(*) FROM {verdicts} GROUP BY fate"))
        return Counter(dict(cursor.fetchall()))


def tally(kind: Kind, staging: Staging) -> Tally:
    """Return what the verdicts bring together."""
    whole = Tally(counts=counts(staging))
    with connection.cursor() as cursor:
        cursor.execute(
            staging.query(
                "SELECT name, count(*) FROM {verdicts}, jsonb_object_keys(before) AS name"
                " WHERE fate IN ('changed', 'held') GROUP BY name"
            )
        )
        whole.columns.update(dict(cursor.fetchall()))
        cursor.execute(
            staging.query(
                "SELECT count(*) FROM {verdicts}"
                " WHERE fate IN ('changed', 'held') AND before ?| %s::text[]"
            ),
            [sorted(kind.resource.sensitive)],
        )
        (whole.sensitive,) = cursor.fetchone()
        cursor.execute(
            staging.query(
                "SELECT fate = 'held', count(*),"
                " bit_xor(hashtextextended(concat(number, ' ', before::text), 0))"
                " FROM {verdicts} WHERE fate IN ('new', 'changed', 'held') GROUP BY 1"
            )
        )
        marks = {held: f"{count}:{mark}" for held, count, mark in cursor.fetchall()}
    whole.digest, whole.held_digest = marks.get(False, ""), marks.get(True, "")
    whole.examples = list(_examples(kind, staging))
    return whole


def _examples(kind: Kind, staging: Staging) -> Iterator[dict[str, Any]]:
    cells = [sql.Identifier(staging.cell(name)) for name in staging.columns]
    query = sql.SQL(
        "SELECT line, fate, before, {cells} FROM {verdicts} JOIN {records} AS record USING (number)"
        " WHERE fate IN ('new', 'changed', 'held') LIMIT {limit}"
    ).format(
        cells=sql.SQL(", ").join(cells),
        verdicts=sql.Identifier(staging.verdicts),
        records=sql.Identifier(staging.records),
        limit=EXAMPLES,
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        for line, fate, said, *cells_said in cursor.fetchall():
            before = json.loads(said) if said else {}
            now = dict(zip(staging.columns, cells_said, strict=True))
            changed = before or {name: None for name, cell in now.items() if cell is not None}
            yield {
                "line": line,
                "fate": fate,
                "key": [now.get(name) for name in kind.resource.key],
                "changes": {name: [before.get(name), now.get(name)] for name in sorted(changed)},
            }


def targets(staging: Staging) -> set[int]:
    """Return the primary keys of the stored rows that records mean."""
    with connection.cursor() as cursor:
        cursor.execute(
            staging.query("SELECT array_agg(target) FROM {verdicts} WHERE target IS NOT NULL")
        )
        return set(cursor.fetchone()[0] or ())
