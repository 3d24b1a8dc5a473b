"""What the files of things that belong to a client have in common: the owner, found by core id."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from django.db.models import Model
from django.utils.translation import gettext as _

from apps.core.imports.resource import Row, TableResource
from apps.products.imports.markets import said, unknown
from apps.profiles.actions.conflicts import Claim, hold_claims
from apps.profiles.actions.locks import hold_identities
from apps.profiles.models import Client, Identifier

BATCH = 2_000  # rows a statement


class OwnedResource(TableResource):
    """Rows with a column `core_id` that names their client; a row never changes its client."""

    def look_up(self, rows: Sequence[Row]) -> None:
        hold_identities()
        self.owners: dict[str, int] = dict(
            Identifier.objects.filter(
                kind=Identifier.Kind.CORE_ID, value__in=said(rows, "core_id")
            ).values_list("value", "client_id")
        )

    def settle(self, row: Row) -> None:
        same_owner(row, self.owners)

    def check(self, row: Row) -> None:
        core_id = row.values.get("core_id")
        if core_id and core_id not in self.owners:
            row.refuse("core_id", unknown(_("client"), core_id, ()), "unknown_client")
        elif row.stored and "core_id" in row.changes:
            row.wait("core_id", _("This already belongs to another client."), code="conflict")

    def hold(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        hold_claims(contradictions(rows, self.owners, filename), at=at)

    def owner(self, row: Row) -> int:
        return self.owners[row.values["core_id"]]


def same_owner(row: Row, owners: Mapping[str, int]) -> None:
    """Let a row name the owner by any of his ids: who was merged with another has both."""
    core_id = row.values.get("core_id", "")
    if row.stored and owners.get(core_id) == row.stored.instance.client_id:
        row.stored.values["core_id"] = core_id


def contradictions(
    rows: Iterable[Row], owners: Mapping[str, int], filename: str
) -> Iterator[Claim]:
    """Yield what rows claim for other clients than those who hold it, by its number."""
    source = filename if filename.startswith("api:") else f"file:{filename}"
    for row in rows:
        claimant = owners.get(row.values.get("core_id", ""))
        contradicts = row.waits is not None and row.waits.code == "conflict"
        if contradicts and row.stored and claimant and "number" in row.values:
            yield Claim(
                client_id=claimant,
                kind=Identifier.Kind.CONTRACT,
                value=row.values["number"],
                source=source,
                line=row.line,
                claimed=row.cells,
                holder_id=row.stored.instance.client_id,
            )


def core_id(client: Client) -> str | None:
    """Return the client's id in the core system; his identifiers are prefetched."""
    kind = Identifier.Kind.CORE_ID
    ids = (each for each in client.identifiers.all() if each.kind == kind)
    first = min(ids, key=lambda each: each.pk, default=None)
    return first.value if first else None


def given(row: Row, *names: str) -> dict[str, object]:
    """Return those of the columns that the row says something in."""
    return {name: row.values[name] for name in names if row.values.get(name) is not None}


def assign(instance: Model, values: dict[str, object]) -> None:
    for name, value in values.items():
        setattr(instance, name, value)


def write(model: type[Model], rows: Iterable[Row], fields: Sequence[str]) -> None:
    """Store the rows' instances: new ones whole, known ones in the fields that a file may change."""
    listed = list(rows)
    rows_of = model.objects  # type: ignore[attr-defined]
    rows_of.bulk_create([row.instance for row in listed if not row.stored], BATCH)
    rows_of.bulk_update([row.instance for row in listed if row.stored], fields, BATCH)
