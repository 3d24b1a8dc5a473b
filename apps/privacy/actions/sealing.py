"""Taking the values of an erased person out of the audit trail, whose lines stay."""

from datetime import datetime
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

from apps.privacy.manifest.tables import Table
from apps.privacy.queries.holding import goes
from apps.privacy.queries.trail import followed, model_of

# The one change that the trail allows, in a transaction that says so.
SEAL = """
UPDATE core_change AS line
SET sealed_at = %(at)s,
    before = (
        SELECT jsonb_object_agg(key, CASE WHEN key = ANY (%(columns)s) THEN 'null' ELSE value END)
        FROM jsonb_each(before)
    ),
    after = (
        SELECT jsonb_object_agg(key, CASE WHEN key = ANY (%(columns)s) THEN 'null' ELSE value END)
        FROM jsonb_each(after)
    )
WHERE table_name = %(table)s
    AND (row_id = ANY (%(pks)s) OR kind = 'removed' AND before -> 'client_id' = ANY (%(clients)s))
    AND (before ?| %(columns)s OR after ?| %(columns)s)
"""


def seal(ids: list[int], kept: dict[str, list[Any]], *, limited: bool, at: datetime) -> None:
    """Leave of each line who changed which columns, when and why, and none of the values."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('tidings.sealing', 'on', true)")
        for table in followed():
            if columns := personal_columns(table, limited=limited):
                cursor.execute(
                    SEAL,
                    {
                        "table": model_of(table)._meta.db_table, "columns": columns, "at": at,
                        "pks": kept[table.label],
                        "clients": [Jsonb(each) for each in ids],
                    },
                )  # fmt: skip
        cursor.execute("SELECT set_config('tidings.sealing', '', true)")


def personal_columns(table: Table, *, limited: bool) -> list[str]:
    meta = model_of(table)._meta
    return [
        str(meta.get_field(name).column)  # type: ignore[union-attr]
        for name, rule in table.fields.items()
        if goes(rule, limited=limited)
    ]
