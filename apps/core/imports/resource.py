"""The base of every import and export of ours: columns that mean rows of a model.

A subclass of `TableResource` declares its columns and says what is stored (`present`, `stored`),
what is wrong with a row (`look_up`, `check`) and how good rows are written (`save`). Reading, landing,
faults and the export follow from that; the pages of exports are those of django-import-export.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

import tablib
from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from import_export.resources import Resource

from apps.core.imports.cells import shown
from apps.core.imports.columns import Column
from apps.core.imports.files import guarded
from apps.core.imports.report import Fault
from apps.core.imports.staging import CHANGED, HELD, NEW, REJECTED, UNCHANGED

EXPORT_BATCH = 2000  # rows whose related rows are fetched together


@dataclass
class Stored:
    """What the database holds of one row: the instance, and its values by column."""

    instance: Any
    values: dict[str, Any]


@dataclass
class Row:
    """A record of a file: the values of the cells that say something, and what becomes of it."""

    line: int
    cells: dict[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    remarks: list[Fault] = field(default_factory=list)
    stored: Stored | None = None
    instance: Any = None  # the stored one, or the one that `save` makes of the row
    changes: set[str] = field(default_factory=set)
    number: int = 0
    waits: Fault | None = None  # why a second person must look first
    alarms: set[str] = field(default_factory=set)  # columns of which a second person sees many
    is_sensitive: bool = False  # lands only with what a second person sees
    said: dict[str, Any] = field(default_factory=dict)  # the values before they were settled

    def __post_init__(self) -> None:
        self.said = self.said or dict(self.values)

    def anew(self) -> "Row":
        """Return the row as it was read."""
        return Row(self.line, self.cells, dict(self.said), number=self.number, said=self.said)

    def refuse(self, column: str, reason: str, code: str = "invalid") -> None:
        value = shown(self.cells.get(column, ""))
        self.faults.append(Fault(reason, self.line, column, code, value))

    def remark(self, column: str, said: str) -> None:
        self.remarks.append(Fault(said, self.line, column))

    def wait(self, column: str, reason: str, code: str = "doubtful") -> None:
        self.waits = Fault(reason, self.line, column, code, shown(self.cells.get(column, "")))

    @property
    def outcome(self) -> str:
        """Return what comparing says: NEW, CHANGED or UNCHANGED."""
        if self.stored is None:
            return NEW
        return CHANGED if self.changes else UNCHANGED

    @property
    def fate(self) -> str:
        if self.faults:
            return REJECTED
        return HELD if self.waits else self.outcome


def written(column: Column[Any], value: Any) -> str:
    return "" if value is None else column.write(value)


class TableResource(Resource):
    """Columns of a file that mean rows of a model; see the top of this module."""

    key: tuple[str, ...] = ()  # the columns that say which row is meant
    free: Mapping[str, Column[Any]] = {}  # columns that begin so may be added at will
    sensitive: frozenset[str] = frozenset()  # many changes of these wait for a second person
    saves_unchanged = False  # `save` is given the unchanged rows too
    blank_clears = False  # an empty cell: nothing is said (or, if True, there is none)
    by: AbstractBaseUser | None = None  # who brings the file; nobody where a machine does
    filename = ""  # or api: and the name of a key
    released = False  # by a second person, who has seen what was asked

    @classmethod
    def get_display_name(cls) -> str:
        return str(cls._meta.model._meta.verbose_name_plural)

    def get_queryset(self) -> models.QuerySet[Any]:
        return self._meta.model.objects.order_by("pk")  # type: ignore[no-any-return]

    # --- what a subclass says ---

    def look_up(self, rows: Sequence[Row]) -> None:
        """Fetch, in a few queries for the whole file, what `check` compares with."""

    def present(self, rows: Sequence[Row]) -> Iterable[Any]:
        """Return the stored instances that the rows may mean."""
        raise NotImplementedError

    def stored(self, instances: Sequence[Any]) -> Iterator[Stored]:
        """Yield what is stored of the instances, in a few queries for all of them."""
        raise NotImplementedError

    def settle(self, row: Row) -> None:
        """Make the row's values comparable with the stored ones; `row.stored` is known."""

    def check(self, row: Row) -> None:
        """Refuse what is wrong with the row beyond single cells; `row.changes` are known."""

    def alarms(self, row: Row) -> set[str]:
        """Return the columns by which the row is one of those of which many wait."""
        return row.changes & self.sensitive if row.stored else set()

    def ask(self, row: Row, column: str, reason: str, code: str) -> None:
        """Hold a row until a second person has released it; its code is one of RELEASABLE."""
        row.is_sensitive = True
        if not self.released:
            row.wait(column, reason, code)

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        """Write rows that are new or changed (or all), giving new ones their `instance`.

        A ValidationError, a refused row or a refusal of the database undoes all.
        """
        raise NotImplementedError

    def hold(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        """Write down where a person decides on rows that wait; those of too many changes need none."""

    # --- import ---

    def column(self, name: str) -> Column[Any] | None:
        column: Column[Any] | None
        for prefix, column in self.free.items():
            if re.fullmatch(rf"{prefix}[\w .-]{{1,60}}", name):
                return column
        column = self.fields.get(name)
        return column

    def _key(self, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        key = tuple(values.get(name) for name in self.key)
        return None if None in key else key

    def compare(self, rows: Sequence[Row]) -> None:
        """Tell rows from the stored ones, and check them all."""
        self.look_up(rows)
        known = {self._key(stored.values): stored for stored in self.stored([*self.present(rows)])}
        for row in rows:
            key = self._key(row.values)
            if key is None:
                continue
            row.stored = known.get(key)
            row.instance = row.stored and row.stored.instance
            self.settle(row)
            row.changes = {
                name
                for name, value in row.values.items()
                if row.stored is None or row.stored.values.get(name) != value
            }
            self.check(row)
            row.alarms = self.alarms(row)

    # --- export ---

    def export(self, queryset: models.QuerySet[Any] | None = None, **kwargs: Any) -> tablib.Dataset:
        """Return the rows in the columns of the import; what a sheet would compute is guarded."""
        found = iter((self.get_queryset() if queryset is None else queryset).iterator(EXPORT_BATCH))
        rows = [
            stored.values
            for batch in iter(lambda: list(islice(found, EXPORT_BATCH)), [])
            for stored in self.stored(batch)
        ]
        columns = self._export_columns(rows, kwargs.get("export_fields"))
        dataset = tablib.Dataset(headers=list(columns))
        for values in rows:
            dataset.append(
                [guarded(written(column, values.get(name))) for name, column in columns.items()]
            )
        return dataset

    def _export_columns(
        self, rows: Iterable[Mapping[str, Any]], chosen: Sequence[str] | None
    ) -> dict[str, Column[Any]]:
        columns = {
            name: column for name, column in self.fields.items() if not chosen or name in chosen
        }
        if not chosen:
            for name in sorted({name for values in rows for name in values} - columns.keys()):
                if column := self.column(name):
                    columns[name] = column
        return columns
