"""The staged records of clients as SQL sees them: which columns a file has, and cells with types."""

from collections.abc import Iterator
from dataclasses import dataclass

from apps.core.imports.staging import Staging
from apps.profiles.imports.clients import ATTRIBUTE, CONSENTS, FIELDS
from apps.profiles.imports.newcomers import ADDRESSES

MOST_PAIRS = 50  # that a function of the database takes
TYPES = {"birth_on": "date", "consent_on": "date", "quiet_from": "time", "quiet_until": "time"}
# Tables of one transaction, from its comparison to its end.
LEFT, MATCHED, ANSWERS = "clients_left", "clients_matched", "clients_answers"
INTRICATE, CHANGED = "clients_intricate", "clients_changed"
TABLES = (LEFT, MATCHED, ANSWERS, INTRICATE, CHANGED)


@dataclass(frozen=True)
class StagedClients:
    """The columns of one file; a cell is NULL where it says nothing."""

    staging: Staging

    def cell(self, name: str) -> str:
        """Return a column's cell with its type; NULL where the file has no such column."""
        if name not in self.staging.columns:
            return f"NULL::{TYPES.get(name, 'text')}"
        cell = f"record.{self.staging.cell(name)}"
        return f"{cell}::{TYPES[name]}" if name in TYPES else cell

    def has(self, name: str) -> bool:
        return name in self.staging.columns

    @property
    def fields(self) -> list[str]:
        return [name for name in FIELDS if self.has(name)]

    @property
    def attributes(self) -> list[str]:
        return [name for name in self.staging.columns if name.startswith(ATTRIBUTE)]

    @property
    def addresses(self) -> list[str]:
        return [name for name in ADDRESSES if self.has(name)]

    @property
    def consents(self) -> list[str]:
        return [name for name in CONSENTS if self.has(name)]

    @property
    def said_attributes(self) -> str:
        if not self.attributes:
            return "'{{}}'::jsonb"
        parts = (
            ", ".join(f"{key_of(name)}, {self.cell(name)}" for name in some)
            for some in _batched(self.attributes, MOST_PAIRS)
        )
        return " || ".join(f"jsonb_strip_nulls(jsonb_build_object({each}))" for each in parts)


def _batched(names: list[str], count: int) -> Iterator[list[str]]:
    return (names[first : first + count] for first in range(0, len(names), count))


def key_of(name: str) -> str:
    """Return an attribute's name as SQL; its header let neither quotes nor backslashes through."""
    return f"'{name.removeprefix(ATTRIBUTE)}'"
