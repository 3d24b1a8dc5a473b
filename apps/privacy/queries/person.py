"""All that is known of one person, as the register says where it lies."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db.models import BinaryField, Field
from django.utils.text import capfirst

from apps.core.models import Change
from apps.privacy.manifest.tables import READING, TABLES, Table
from apps.privacy.queries.trail import model_of, persons, rows_of, trail_of

SAYS_NOTHING: tuple[Any, ...] = (None, "", [], {})
AT_ONCE = 5000  # rows that are gathered while somebody waits; more are left to the clock


def gathered(client_id: int) -> dict[str, Any]:
    """Return every row about a person, table by table, and the trail of their changes."""
    ids = persons(client_id)
    return {
        "client": client_id,
        "issuer": settings.ISSUER_NAME,
        "tables": [
            {"table": table.label, "rows": list(_rows(table, ids))}
            for table in READING
            if table.label not in OWN
        ],
        "trail": [_line(change) for change in trail_of(client_id).iterator(2000)],
    }


OWN = {"privacy.PersonExport"}  # an export does not hold the exports before it


def size(client_id: int) -> int:
    ids = persons(client_id)
    return sum(rows_of(table, ids).count() for table in TABLES)


def shown_fields(table: Table) -> list[Field[Any, Any]]:
    """Return what a person is told of a table: all but keys of ours and the names of staff."""
    return [
        field
        for field in model_of(table)._meta.concrete_fields
        if not isinstance(field, BinaryField) and not _is_staff(field)
    ]


def _is_staff(field: Field[Any, Any]) -> bool:
    related = field.related_model
    return related is not None and related._meta.label == settings.AUTH_USER_MODEL


def _rows(table: Table, client_ids: list[int]) -> Iterator[dict[str, Any]]:
    names = [field.attname for field in shown_fields(table) if field.name != "content"]
    yield from rows_of(table, client_ids).order_by("pk").values(*names).iterator(2000)


def _line(change: Change) -> dict[str, Any]:
    return {
        "at": change.at, "table": change.table_name, "row": change.row_id, "kind": change.kind,
        "through": change.channel, "why": change.reason,
        "before": change.before, "after": change.after,
    }  # fmt: skip


def in_sections(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield an export's tables as a page shows them: titles in words, columns that say something."""
    by_label = {table.label: table for table in TABLES}
    for part in content["tables"]:
        if not part["rows"]:
            continue
        table = by_label[part["table"]]
        fields = [
            field
            for field in shown_fields(table)
            if any(row.get(field.attname) not in SAYS_NOTHING for row in part["rows"])
        ]
        yield {
            "title": capfirst(str(model_of(table)._meta.verbose_name_plural)),
            "headers": [capfirst(str(field.verbose_name)) for field in fields],
            "rows": [[row.get(field.attname) for field in fields] for row in part["rows"]],
        }
