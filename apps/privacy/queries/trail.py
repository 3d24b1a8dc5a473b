"""The audit trail of one client: what was changed in every row of his, by whom and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Model, Q, QuerySet

from apps.core.audit import audited_tables
from apps.core.models import Change, ChangeQuerySet
from apps.privacy.manifest.tables import TABLES, Table

RECENT = 8  # lines on a client's page, which has more to show; the list has all
FOLLOWED = 2000  # rows of one table that a trail looks through; his newest, where he has more


def model_of(table: Table) -> type[Model]:
    return apps.get_model(table.label)


def rows_of(table: Table, client_ids: Iterable[int]) -> QuerySet[Any]:
    """Return the rows of a table that are about these clients."""
    ids = list(client_ids)
    wanted = Q()
    for path in table.paths:
        wanted |= Q(**{f"{path}__in": ids})
    rows: QuerySet[Any] = QuerySet(model_of(table))
    return rows.filter(wanted)


def persons(client_id: int) -> list[int]:
    """Return the ids under which somebody is known: his own, and of those merged into him."""
    table = next(each for each in TABLES if each.label == "profiles.Client")
    return sorted(rows_of(table, [client_id]).values_list("pk", flat=True))


def followed() -> list[Table]:
    """Return the tables of clients that the trail follows, clients first."""
    known = audited_tables()
    return [each for each in reversed(TABLES) if model_of(each)._meta.db_table in known]


def trail_of(client_id: int) -> ChangeQuerySet:
    """Return the lines about a client's rows, also of rows that are no more, newest first."""
    ids = persons(client_id)
    wanted = Q(kind=Change.Kind.REMOVED, before__client_id__in=ids)
    for table in followed():
        name = model_of(table)._meta.db_table
        pks = list(rows_of(table, ids).order_by("-pk").values_list("pk", flat=True)[:FOLLOWED])
        if pks:
            wanted |= Q(table_name=name) & (Q(row_id__in=pks) | Q(rows__meets=runs(pks)))
    return Change.objects.filter(wanted).order_by("-pk")


def runs(pks: Iterable[int]) -> list[tuple[int, int]]:
    """Return ids as runs from one to the one behind the last."""
    found: list[tuple[int, int]] = []
    for pk in sorted(pks):
        if found and found[-1][1] == pk:
            found[-1] = (found[-1][0], pk + 1)
        else:
            found.append((pk, pk + 1))
    return found


@dataclass(frozen=True)
class Line:
    """One line of the trail as people read it."""

    change: Change
    what: str
    values: list[tuple[str, Any, Any]]


def told(change: Change) -> Line:
    """Name a line's table and columns as pages name them."""
    model = next(
        (each for each in apps.get_models() if each._meta.db_table == change.table_name), None
    )
    names = {
        field.column: str(field.verbose_name)
        for field in (model._meta.concrete_fields if model else ())
    }
    before, after = change.before or {}, change.after or {}
    values = [
        (names.get(column, column), before.get(column), after.get(column))
        for column in sorted({*before, *after})
    ]
    return Line(change, str(model._meta.verbose_name) if model else change.table_name, values)
