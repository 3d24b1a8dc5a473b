"""The base of every import and export of ours: a file lands whole or not at all.

A subclass of `TableResource` declares its columns and says what is stored (`present`, `stored`),
what is wrong with a row (`look_up`, `check`) and how good rows are written (`save`). Reading,
preview, comparison, faults and the export follow from that. The pages of django-import-export
mount such a resource as it is, with `CsvFile` and `XlsxFile` as the formats and `at` among the
arguments of `import_data`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from itertools import islice
from typing import Any

import tablib
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import DataError, IntegrityError, connection, models, transaction
from django.utils.html import format_html
from django.utils.translation import gettext as _
from import_export.resources import Resource
from import_export.results import Error, InvalidRow, Result, RowResult

from apps.core.imports.breaches import refusal
from apps.core.imports.cells import shown
from apps.core.imports.columns import Column
from apps.core.imports.files import Table, as_table, guarded, read_table, unguarded
from apps.core.imports.report import Fault, Report
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
    is_sensitive: bool = False
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

    @property
    def kind(self) -> str:
        if self.faults:
            return str(RowResult.IMPORT_TYPE_INVALID)
        if self.stored is None:
            return str(RowResult.IMPORT_TYPE_NEW)
        return str(RowResult.IMPORT_TYPE_UPDATE if self.changes else RowResult.IMPORT_TYPE_SKIP)


class FileError(Error):
    """A fault of the file as a whole, without the traceback that no marketer reads."""

    traceback = ""


class FileResult(Result):
    """The result that the pages of django-import-export show, and our report on it."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[Fault] = []
        self.remarks: list[Fault] = []

    def refuse(self, fault: Fault) -> None:
        self.faults.append(fault)
        self.append_base_error(FileError(fault))

    def add(self, row: Row, columns: Mapping[str, Column[Any]], *, preview: bool) -> None:
        self.faults += row.faults
        self.remarks += row.remarks
        result = RowResult()
        result.import_type = row.kind
        result.row_values = row.cells
        result.instance = row.instance
        result.add_instance_info(row.instance)
        if row.faults:
            reasons: dict[str, list[str]] = {}
            for fault in row.faults:
                reasons.setdefault(fault.column or NON_FIELD_ERRORS, []).append(fault.reason)
            result.validation_error = ValidationError(reasons)
            cells = tuple(row.cells.get(name, "") for name in columns)
            self.invalid_rows.append(InvalidRow(row.line, result.validation_error, cells))
        elif preview:
            result.diff = [_difference(row, name, column) for name, column in columns.items()]
        self.increment_row_result_total(result)
        self.append_row_result(result)

    def report(self, filename: str, *, dry_run: bool) -> Report:
        return Report(
            filename=filename,
            stored=not (dry_run or self.faults),
            new=self.totals[RowResult.IMPORT_TYPE_NEW],
            changed=self.totals[RowResult.IMPORT_TYPE_UPDATE],
            unchanged=self.totals[RowResult.IMPORT_TYPE_SKIP],
            faults=tuple(self.faults),
            remarks=tuple(self.remarks),
        )


def _difference(row: Row, name: str, column: Column[Any]) -> str:
    after = written(column, row.values.get(name))
    before = written(column, row.stored.values.get(name)) if row.stored else ""
    if row.stored is None or name not in row.changes:
        return format_html("{}", after or before)
    return format_html("<del>{}</del> <ins>{}</ins>", before, after)


def written(column: Column[Any], value: Any) -> str:
    return "" if value is None else column.write(value)


class TableResource(Resource):
    """Columns of a file that mean rows of a model; see the top of this module."""

    key: tuple[str, ...] = ()  # the columns that say which row is meant
    free: Mapping[str, Column[Any]] = {}  # columns that begin so may be added at will
    saves_unchanged = False  # `save` is given the unchanged rows too
    blank_clears = False  # an empty cell: nothing is said (or, if True, there is none)
    by: AbstractBaseUser | None = None  # who brings the file; nobody where a machine does

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

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        """Write rows that are new or changed (or all), giving new ones their `instance`.

        A ValidationError, a refused row or a refusal of the database undoes all.
        """
        raise NotImplementedError

    def hold(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        """Write down where a person decides on rows that wait; those of too many changes need none."""

    # --- import ---

    @classmethod
    def get_result_class(cls) -> type[FileResult]:
        return FileResult

    def import_data_inner(
        self,
        dataset: Table | tablib.Dataset,
        dry_run: bool,
        raise_errors: bool,
        using_transactions: bool,
        collect_failed_rows: bool,
        *,
        at: datetime,
        file_name: str = "",
        by: AbstractBaseUser | None = None,
        **kwargs: Any,
    ) -> FileResult:
        self.by = by
        result = FileResult()
        table = as_table(dataset)
        columns = self._columns(table, result)
        for fault in table.faults:
            result.refuse(fault)
        if result.faults:
            return result
        if not dry_run:
            self._take_turns()
        rows = [self._read(columns, line, cells) for line, cells in table.rows]
        self._compare(rows)
        if not any(row.faults for row in rows):
            self._save(rows, result, at=at, filename=file_name)
        result.diff_headers = list(columns)
        result.total_rows = len(rows)
        for row in rows:
            result.add(row, columns, preview=dry_run)
        return result

    def _columns(self, table: Table, result: FileResult) -> dict[str, Column[Any]]:
        """Return the file's columns by name; refuse unknown, double and missing ones."""
        columns: dict[str, Column[Any]] = {}
        if not table.headers:
            return columns
        headers = [name.lower() if name.lower() in self.fields else name for name in table.headers]
        missing = [
            name for name, column in self.fields.items() if column.required and name not in headers
        ]
        for name in headers:
            column = self.column(name)
            if name in columns:
                result.refuse(Fault(_("The column is there twice."), 1, shown(name)))
            elif column is None:
                result.refuse(Fault(self._unknown(name), 1, shown(name)))
            else:
                columns[name] = column
        for name in missing:
            result.refuse(Fault(_("This column is missing."), 1, name))
        return columns

    def column(self, name: str) -> Column[Any] | None:
        column: Column[Any] | None
        for prefix, column in self.free.items():
            if re.fullmatch(rf"{prefix}[\w .-]{{1,60}}", name):
                return column
        column = self.fields.get(name)
        return column

    def _unknown(self, name: str) -> str:
        near = get_close_matches(name, self.fields, n=1, cutoff=0.5)
        if near:
            return _("There is no such column; did you mean “%(near)s”?") % {"near": near[0]}
        return _("There is no such column; there are: %(columns)s.") % {
            "columns": ", ".join(self.fields)
        }

    def _take_turns(self) -> None:
        """Let one file of a kind land at a time: each is compared with what the last one stored."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
                [f"import:{self._meta.model._meta.label}"],
            )

    def _read(self, columns: Mapping[str, Column[Any]], line: int, cells: list[str]) -> Row:
        row = Row(line, dict(zip(columns, cells, strict=False)))
        if len(cells) != len(columns):
            row.refuse(
                "",
                _("The row has %(cells)d cells, but there are %(columns)d columns.")
                % {"cells": len(cells), "columns": len(columns)},
            )
            return row
        for name, column in columns.items():
            if text := unguarded(row.cells[name].strip()):
                try:
                    row.values[name] = column.read(text)
                except ValueError as error:
                    row.refuse(name, str(error))
            elif column.required:
                row.refuse(name, _("This cell must not be empty."))
            elif self.blank_clears:
                row.values[name] = None
        return row

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

    def _compare(self, rows: Sequence[Row]) -> None:
        seen: dict[tuple[Any, ...], int] = {}
        for row in rows:
            key = self._key(row.values)
            if key is not None and (first := seen.setdefault(key, row.line)) != row.line:
                row.refuse(self.key[0], _("Already on line %(line)d.") % {"line": first})
        self.compare(rows)

    def _save(self, rows: list[Row], result: FileResult, *, at: datetime, filename: str) -> None:
        due = [row for row in rows if row.changes or self.saves_unchanged]
        try:
            with transaction.atomic():
                if due:
                    self.save(due, at=at, filename=filename)
                    connection.check_constraints()  # the deferred ones too, while we can answer
                if any(row.faults for row in rows):
                    transaction.set_rollback(True)
        except ValidationError as error:
            result.refuse(Fault(" ".join(error.messages)))
        except (IntegrityError, DataError) as error:
            result.refuse(Fault(refusal(error)))

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


def import_file(
    resource_class: type[TableResource],
    content: bytes,
    *,
    filename: str,
    at: datetime,
    dry_run: bool = False,
) -> Report:
    """Store a CSV file whole, or report why not; with `dry_run` only say what would happen.

    A file that is already stored changes nothing. Whatever the bytes are, the answer is a report.
    """
    result = resource_class().import_data(
        read_table(content), dry_run=dry_run, file_name=filename, at=at
    )
    return result.report(filename, dry_run=dry_run)  # type: ignore[no-any-return]
