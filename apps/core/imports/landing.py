"""Records on their way into a table by its resource: batch by batch, a group whole or not at all."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from apps.core.imports.breaches import refusal
from apps.core.imports.kinds import Kind
from apps.core.imports.resource import Row, TableResource

# Why a record waits that lands once a second person has released it.
RELEASABLE = ("many_changes", "erased_person", "look_alike")
BATCH = 5_000  # records compared and saved together


class _RefusedError(Exception):
    """Some rows of an attempt are refused: everything that it wrote goes."""


@dataclass
class Landing:
    """Lands the batches of one file inside the caller's transaction.

    Rows that are refused leave with their group, the others land. Where it is `holding`, a change
    that alarms is not stored but waits for a second person, with its group; once `released`, it is.
    """

    kind: Kind
    at: datetime
    filename: str = ""
    by: Any = None
    holding: bool = False
    released: bool = False
    resource: TableResource = field(init=False)

    def __post_init__(self) -> None:
        self.resource = self.kind.resource()
        self.resource.by, self.resource.filename = self.by, self.filename
        self.resource.released = self.released

    def take(self, rows: Sequence[Row]) -> list[Row]:
        """Land what is good of some whole groups; return all rows as they came to be."""
        done: list[Row] = []
        while rows:
            rows = [row.anew() for row in rows]
            try:
                with transaction.atomic():
                    self._attempt(rows)
            except _RefusedError:
                refuse_groups(self.kind, rows)
                done += [row for row in rows if row.faults]
                rows = [row for row in rows if not row.faults]
            except (ValidationError, IntegrityError, DataError) as error:
                return done + self._take_halves(rows, error)
            else:
                return done + list(rows)
        return done

    def _attempt(self, rows: Sequence[Row]) -> None:
        self.resource.compare(rows)
        if any(row.faults for row in rows):
            raise _RefusedError
        if waiting := [row for row in rows if row.waits]:
            self.resource.hold(waiting, at=self.at, filename=self.filename)
        if self.holding:
            self._hold(rows)
        due = [row for row in rows if self._is_due(row)]
        if due:
            self.resource.save(due, at=self.at, filename=self.filename)
            connection.check_constraints()  # the deferred ones too, while we can answer
        if any(row.faults for row in rows):
            raise _RefusedError

    def _is_due(self, row: Row) -> bool:
        return row.waits is None and bool(row.changes or self.resource.saves_unchanged)

    def _hold(self, rows: Sequence[Row]) -> None:
        """Hold what alarms with its group; what waits for another reason waits for that alone."""
        held = {self._group(row) for row in rows if row.alarms}
        for row in rows:
            if row.changes and row.waits is None and self._group(row) in held:
                row.is_sensitive = True
                if not self.released:
                    row.wait(min(row.alarms, default=""), many_changes(), code="many_changes")

    def _take_halves(
        self, rows: Sequence[Row], error: ValidationError | IntegrityError | DataError
    ) -> list[Row]:
        """Find the group that the database or the resource will not take; the others land."""
        groups: dict[Hashable, list[Row]] = defaultdict(list)
        for row in rows:
            groups[self._group(row)].append(row)
        if len(groups) == 1:
            alone = [row.anew() for row in rows]
            for row in alone:
                row.refuse("", _reason(error), code="refused")
            return alone
        those = list(groups.values())
        middle = len(those) // 2
        return [
            row
            for half in (those[:middle], those[middle:])
            for row in self.take([row for group in half for row in group])
        ]

    def _group(self, row: Row) -> Hashable:
        return group_of(self.kind, row)


def group_of(kind: Kind, row: Row) -> Hashable:
    """Return what the rows that land together share; a row that says nothing of it stands alone."""
    said = tuple(row.said.get(name) for name in kind.group or kind.resource.key)
    return row.number if None in said else said


def refuse_repeated(kind: Kind, rows: Iterable[Row]) -> list[tuple[Row, int]]:
    """Refuse all rows that say the same key, since nobody knows which of them is meant.

    Where they are alike in every cell, all is known: those that follow the first are returned, each
    with its line, to be passed over.
    """
    alike: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        key = tuple(row.said.get(name) for name in kind.resource.key)
        if None not in key:
            alike[key].append(row)
    again: list[tuple[Row, int]] = []
    for first, *others in alike.values():
        if all(row.cells == first.cells and not row.faults for row in (first, *others)):
            again += ((row, first.line) for row in others)
            continue
        for row in others:
            row.refuse(kind.resource.key[0], repeated(first.line), code="duplicate_key")
        if others:
            first.refuse(kind.resource.key[0], repeated(others[-1].line), code="duplicate_key")
    return again


def repeated(line: int | str) -> str:
    return _("Also on line %(line)s; nobody knows which of them is meant.") % {"line": line}


def said_before(line: int | str) -> str:
    return _("Line %(line)s says the same in every cell, and counts.") % {"line": line}


def refuse_groups(kind: Kind, rows: Iterable[Row]) -> None:
    """Refuse the rows whose group has a refused one."""
    alike: dict[Hashable, list[Row]] = defaultdict(list)
    for row in rows:
        alike[group_of(kind, row)].append(row)
    for group in alike.values():
        if lines := [row.line for row in group if row.faults]:
            for row in group:
                if not row.faults:
                    row.refuse("", left_out(kind, lines[0]), code="group")


def many_changes() -> str:
    return _("Waits for a second person, since so many phones or e-mails change at once.")


def left_out(kind: Kind, line: int | str) -> str:
    return _("Left out with line %(line)s, which has the same %(columns)s and is refused.") % {
        "line": line,
        "columns": ", ".join(kind.group or kind.resource.key),
    }


def batches(rows: Iterable[Row], kind: Kind) -> Iterator[list[Row]]:
    """Yield rows that come group by group in batches that split no group."""
    batch: list[Row] = []
    for row in rows:
        if len(batch) >= BATCH and group_of(kind, row) != group_of(kind, batch[-1]):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _reason(error: ValidationError | IntegrityError | DataError) -> str:
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    return refusal(error)
