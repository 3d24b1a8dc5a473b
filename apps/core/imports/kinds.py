"""The kinds of files there are; each app registers its own beside their columns."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from django.contrib.auth.models import AbstractBaseUser
from django.utils.functional import Promise

from apps.core.imports.resource import TableResource
from apps.core.imports.staging import Staging

OF_THE_MARKET = ("products", "quotes")  # scopes


class Sets(Protocol):
    """How a kind of which a file may bring a million is compared and landed in sets.

    Both run in one transaction; `staging` says which tables stand ready, and what is in them.
    """

    def compare(self, staging: Staging, *, at: datetime) -> None:
        """Fill `staging.verdicts`, one row for each record without faults; change nothing else.

        Later the file's groups and held columns turn some of the verdicts.
        """

    def land(
        self, staging: Staging, *, at: datetime, filename: str, by: AbstractBaseUser | None
    ) -> None:
        """Store the records whose verdict is new or changed; `compare` ran a moment ago.

        The kind's lock is held since before that comparison, so no other file came between.
        """


@dataclass(frozen=True)
class Brought:
    """What a file has brought that is to be taken back: primary keys by the labels of models."""

    added: Mapping[str, Sequence[int]]
    changed: Mapping[str, Sequence[int]]
    since: datetime


class Months(Protocol):
    """Makes ready what a file's months need; called before the file's own transactions."""

    def __call__(self, months: Collection[str], *, at: datetime) -> None: ...


@dataclass(frozen=True)
class Kind:
    """A kind of file: what its rows are, and what people who bring one are shown and asked."""

    name: str  # as the command line and the API say it
    title: str | Promise
    resource: type[TableResource]
    group: tuple[str, ...] = ()  # records alike in these land together or not at all
    amounts: Mapping[str, str] = field(
        default_factory=dict
    )  # column of an amount → of its currency
    sets: Sets | None = None  # none: in batches, by the resource
    scope: str = "products"  # of which rights a key must have one that brings or reads such a file
    # What was built on the rows of a file without referring to them, in sentences.
    built_on: Callable[[Brought], list[str]] | None = None
    # A column of moments, and what is done for the months (2003-05) in it.
    ahead: tuple[str, Months] | None = None

    @property
    def permissions(self) -> tuple[str, str]:
        """Return what a person needs who brings such a file."""
        meta = self.resource._meta.model._meta
        return (
            f"{meta.app_label}.add_{meta.model_name}",
            f"{meta.app_label}.change_{meta.model_name}",
        )

    @property
    def is_of_people(self) -> bool:
        """Whether such a file names clients; the others tell of the market."""
        return self.scope not in OF_THE_MARKET

    @property
    def lock(self) -> str:
        """Return what files of this kind, and all others of its rows, take turns by."""
        return f"import:{self.resource._meta.model._meta.label}"


KINDS: dict[str, Kind] = {}


def of_people() -> list[str]:
    """Return the kinds of files that name clients."""
    return [kind.name for kind in KINDS.values() if kind.is_of_people]


def register(*kinds: Kind) -> None:
    KINDS.update((kind.name, kind) for kind in kinds)
