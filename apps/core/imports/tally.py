"""What a file would bring, or has brought, told in the words of the business."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any

from apps.core.imports.kinds import Kind
from apps.core.imports.resource import Row, TableResource, written
from apps.core.imports.staging import CHANGED, REJECTED

EXAMPLES = 100  # changes that a preview shows one by one


@dataclass
class Tally:
    """Counts by fate, changes by column, sums by currency, and marks of all that lands or waits."""

    counts: Counter[str] = field(default_factory=Counter)
    columns: Counter[str] = field(default_factory=Counter)
    sensitive: int = 0
    sums: dict[tuple[str, str], list[Decimal]] = field(default_factory=dict)  # [before, after]
    examples: list[dict[str, Any]] = field(default_factory=list)
    remarks: list[dict[str, Any]] = field(default_factory=list)
    digest: str = ""  # of what lands; the same records with the same changes give the same
    held_digest: str = ""  # of what waits for a second person, or did before he released it

    @property
    def lands(self) -> int:
        return self.counts["new"] + self.counts["changed"]

    @property
    def diff(self) -> dict[str, Any]:
        """Return what a page shows beside the counts, as plain JSON."""
        return {
            "columns": dict(self.columns),
            "sums": [
                {"column": column, "currency": unit, "before": str(before), "after": str(after)}
                for (column, unit), (before, after) in sorted(self.sums.items())
            ],
            "examples": self.examples,
            "remarks": self.remarks,
        }


def spelled(resource: TableResource, name: str, value: Any) -> str | None:
    column = resource.column(name)
    return None if value is None or column is None else written(column, value)


def spelled_key(resource: TableResource, values: Mapping[str, Any]) -> list[str | None]:
    """Return the values that say which row is meant, as a file writes them."""
    return [spelled(resource, name, values.get(name)) for name in resource.key]


class Counting:
    """Counts the rows of one file as they come out of their landing."""

    def __init__(self, kind: Kind) -> None:
        self.kind, self.resource = kind, kind.resource()
        self.tally = Tally()
        self._sums: dict[tuple[str, str], list[Decimal]] = defaultdict(
            lambda: [Decimal(), Decimal()]
        )
        self._lands, self._waits = sha256(), sha256()
        self._any_lands = self._any_waits = False

    def add(self, row: Row) -> None:
        tally = self.tally
        tally.counts[row.fate] += 1
        tally.remarks += [
            {"line": row.line, "column": each.column, "sentence": each.reason}
            for each in row.remarks[: max(0, EXAMPLES - len(tally.remarks))]
        ]
        if row.fate == REJECTED:
            return
        self._sum(row)
        if not row.changes:
            return
        before = self.before(row)
        mark = f"{row.number} {row.outcome} {sorted(before.items())}\n".encode()
        if row.is_sensitive:
            self._waits.update(mark)
            self._any_waits = True
        elif row.waits is None:
            self._lands.update(mark)
            self._any_lands = True
        tally.sensitive += bool(row.alarms)
        if row.outcome == CHANGED:
            tally.columns.update(row.changes)
        if len(tally.examples) < EXAMPLES:
            tally.examples.append(self._example(row, before))

    def whole(self) -> Tally:
        """Return the tally after the last row."""
        self.tally.sums = dict(self._sums)
        self.tally.digest = self._lands.hexdigest() if self._any_lands else ""
        self.tally.held_digest = self._waits.hexdigest() if self._any_waits else ""
        return self.tally

    def before(self, row: Row) -> dict[str, str | None]:
        """Return how the stored values of what changes are written."""
        if row.stored is None:
            return {}
        return {name: self._written(name, row.stored.values.get(name)) for name in row.changes}

    def _example(self, row: Row, before: dict[str, str | None]) -> dict[str, Any]:
        names = sorted(row.changes)
        return {
            "line": row.line,
            "fate": row.fate,
            "key": spelled_key(self.resource, row.values),
            "changes": {
                name: [before.get(name), self._written(name, row.values.get(name))]
                for name in names
            },
        }

    def _written(self, name: str, value: Any) -> str | None:
        return spelled(self.resource, name, value)

    def _sum(self, row: Row) -> None:
        stored = row.stored.values if row.stored else {}
        now = {**stored, **row.values}
        for column, unit in self.kind.amounts.items():
            for place, values in enumerate((stored, now)):
                if (amount := values.get(column)) is not None:
                    self._sums[column, str(values.get(unit))][place] += amount
