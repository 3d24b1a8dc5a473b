"""The file of contacts: further addresses of clients, and what other systems know them by."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from apps.core.imports.columns import Choice, Text
from apps.core.imports.resource import Row, Stored
from apps.profiles.actions.conflicts import Claim, hold_claims
from apps.profiles.actions.consents import SOURCE
from apps.profiles.actions.duplicates import suggest_duplicates
from apps.profiles.actions.locks import lock_clients
from apps.profiles.imports.addresses import Email, Phone
from apps.profiles.imports.newcomers import contract_of_erased
from apps.profiles.imports.owned import OwnResource
from apps.profiles.models import ADDRESSED, Channel, ContactPoint, Identifier
from apps.profiles.queries.suppressions import erased_identifiers

State = ContactPoint.State
IDENTIFIERS = (str(Identifier.Kind.CONTRACT), str(Identifier.Kind.COOKIE))
FAILED = {State.UNREACHABLE, State.BOUNCED}  # what was sent there says so
GOOD = {State.VALID, State.UNCONFIRMED}
ADDRESSES = {str(Channel.SMS): Phone(), str(Channel.EMAIL): Email()}


class ContactResource(OwnResource):
    """One row a contract number, cookie or address; it stands beside those that are known."""

    core_id = Text(200, required=True)
    kind = Choice([*IDENTIFIERS, *dict(ADDRESSED)], required=True)
    value = Text(200, required=True)
    state = Choice(State.values)

    key = ("core_id", "kind", "value")

    class Meta:
        model = ContactPoint

    def look_up(self, rows: Sequence[Row]) -> None:
        super().look_up(rows)
        for row in rows:
            column = ADDRESSES.get(row.values.get("kind", ""))
            if column and "value" in row.values:
                try:
                    row.values["value"] = column.read(row.values["value"])
                except ValueError as error:
                    row.refuse("value", str(error), code=getattr(error, "code", column.code))
        numbers = [
            row.values.get("value", "") for row in rows if row.values.get("kind") in IDENTIFIERS
        ]
        self.erased = erased_identifiers(Identifier.Kind.CONTRACT, numbers)
        held = Identifier.objects.filter(kind__in=IDENTIFIERS, value__in=numbers)
        self.holders = {(each.kind, each.value): each.client_id for each in held}
        live = ContactPoint.objects.filter(client__in=self.owners.values(), channel__in=ADDRESSES)
        self.reached = set(live.exclude(state=State.REMOVED).values_list("client_id", "channel"))

    def present(self, rows: Sequence[Row]) -> Iterable[ContactPoint | Identifier]:
        values = [row.values.get("value", "") for row in rows]
        owners = list(self.owners.values())
        yield from ContactPoint.objects.filter(client__in=owners, address__in=values)
        yield from Identifier.objects.filter(
            client__in=owners, kind__in=IDENTIFIERS, value__in=values
        )

    def stored(self, instances: Sequence[ContactPoint | Identifier]) -> Iterator[Stored]:
        core_ids = self._core_ids(instances)
        for instance in instances:
            values: dict[str, Any] = {}
            if isinstance(instance, ContactPoint):
                values |= {"kind": instance.channel, "value": instance.address}
                values["state"] = instance.state
            else:
                values |= {"kind": instance.kind, "value": instance.value}
            for core_id in core_ids.get(instance.client_id, []):
                yield Stored(instance, {"core_id": core_id, **values})

    def settle(self, row: Row) -> None:
        """Call nothing good that failed, as files of clients do; leave what the client confirmed."""
        if row.stored is None or not isinstance(row.instance, ContactPoint):
            return
        if row.instance.state in FAILED and row.values.get("state") in GOOD:
            del row.values["state"]
        elif row.values.get("state") == State.REMOVED and row.instance.verified_at:
            del row.values["state"]
            row.remark("state", _("Left, since the client himself confirmed this address."))

    def check(self, row: Row) -> None:
        super().check(row)
        kind, value = row.values.get("kind"), row.values.get("value")
        if kind in IDENTIFIERS and "state" in row.values:
            row.refuse(
                "state",
                _("Only an address has a state; leave this cell empty."),
                "not_for_this_kind",
            )
        holder = self.holders.get((str(kind), str(value)))
        if holder and not row.faults and holder != self.owners[row.values["core_id"]]:
            row.wait("value", _("Another client already has this identifier."), code="conflict")
        elif kind == Identifier.Kind.CONTRACT and value in self.erased and row.stored is None:
            self.ask(row, "value", contract_of_erased(), "erased_person")

    def alarms(self, row: Row) -> set[str]:
        """Count an address that comes to another one, of which the newest is written to, or goes."""
        kind, state = row.values["kind"], row.values.get("state")
        if not row.changes or kind not in ADDRESSES:
            return set()
        if state == State.REMOVED:
            return {"state"} if row.stored else set()
        fresh = row.stored is None or row.instance.state == State.REMOVED
        owner = self.owners.get(row.values["core_id"])
        return {"value"} if fresh and (owner, kind) in self.reached else set()

    def hold(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        """Put identifiers that another client has into the queue of contradictions."""
        hold_claims(
            (
                Claim(
                    self.owners[row.values["core_id"]], row.values["kind"], row.values["value"],
                    f"{SOURCE}{filename}", row.line, row.cells,
                )
                for row in rows if row.waits and row.waits.code == "conflict"
            ),
            at=at,
        )  # fmt: skip

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        lock_clients({self.owners[row.values["core_id"]] for row in rows})
        for row in rows:
            if row.stored is None:
                row.instance = self._made(row, at)
            else:
                row.instance.state = row.values.get("state", row.instance.state)
        fresh = [row.instance for row in rows if row.stored is None]
        points = [each for each in fresh if isinstance(each, ContactPoint)]
        ContactPoint.objects.bulk_create(points, batch_size=1000)
        Identifier.objects.bulk_create(
            [each for each in fresh if isinstance(each, Identifier)], batch_size=1000
        )
        changed = [row.instance for row in rows if row.stored]
        ContactPoint.objects.bulk_update(changed, ["state"], batch_size=1000)
        suggest_duplicates({each.client_id for each in (*points, *changed)}, at=at)

    def _made(self, row: Row, at: datetime) -> ContactPoint | Identifier:
        client, kind = self.owners[row.values["core_id"]], row.values["kind"]
        value = row.values["value"]
        if kind in IDENTIFIERS:
            return Identifier(client_id=client, kind=kind, value=value, created_at=at)
        state = row.values.get("state", State.VALID)
        return ContactPoint(
            client_id=client, channel=kind, address=value, state=state, created_at=at
        )
