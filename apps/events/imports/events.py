"""Files of events and of purchases: each row stands on a timeline for ever, so none is ever changed."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from apps.core import money
from apps.core.imports.cells import RefusedCellError
from apps.core.imports.columns import Column, Currency, Number, Text
from apps.core.imports.resource import Row, Stored, TableResource
from apps.events.actions import Fact, record
from apps.events.envelope import (
    AHEAD,
    LONGEST_ID,
    LONGEST_REFERENCE,
    LONGEST_SUBJECT,
    PURCHASE,
    NotAnEventError,
    Span,
    check_kind,
    check_properties,
    read_moment,
)
from apps.events.models import Event
from apps.profiles.models import Identifier

PROPERTY = "prop_"
HISTORY = Span(datetime(2000, 1, 1, tzinfo=UTC), datetime(2199, 12, 31, tzinfo=UTC))


class Moment(Column[datetime]):
    """A moment with its zone, like 2026-03-02T12:00:00Z."""

    code = "wrong_moment"

    def parse(self, text: str) -> datetime:
        try:
            return read_moment(text, HISTORY)
        except NotAnEventError as error:
            raise RefusedCellError(error.code, error.reason) from error

    def write(self, value: datetime) -> str:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Kind(Column[str]):
    """A kind of event that is nobody's own."""

    code = "wrong_kind"

    def parse(self, text: str) -> str:
        try:
            check_kind(text)
        except NotAnEventError as error:
            raise RefusedCellError(error.code, error.reason) from error
        if text == PURCHASE:
            raise RefusedCellError(
                "reserved_kind", _("Purchases have a file of their own, with amounts.")
            )
        return text


class TimelineResource(TableResource):
    """Rows that are events of the client in `core_id`; the first column of the key names each."""

    source = ""  # how source keys of such events begin

    class Meta:
        model = Event

    def look_up(self, rows: Sequence[Row]) -> None:
        said = {row.values["core_id"] for row in rows if "core_id" in row.values}
        known = Identifier.objects.filter(kind=Identifier.Kind.CORE_ID, value__in=said)
        self.clients = dict(known.values_list("value", "client_id"))

    def present(self, rows: Sequence[Row]) -> Iterable[Event]:
        names = {row.values[self.key[0]] for row in rows if self.key[0] in row.values}
        return Event.objects.filter(source_key__in=[f"{self.source}{name}" for name in names])

    def stored(self, instances: Sequence[Event]) -> Iterator[Stored]:
        prefetch_related_objects(instances, "client__identifiers")
        for event in instances:
            known = {
                each.value for each in event.client.identifiers.all() if each.kind == "core_id"
            }
            values = {
                self.key[0]: event.source_key.removeprefix(self.source),
                "core_id": min(known, default=None),
                "occurred_at": event.occurred_at,
                **self.told(event),
            }
            yield Stored(
                event, {name: value for name, value in values.items() if value is not None}
            )

    def told(self, event: Event) -> dict[str, Any]:
        """Return what else the columns say of a stored event."""
        raise NotImplementedError

    def properties(self, row: Row) -> dict[str, Any]:
        raise NotImplementedError

    def check(self, row: Row) -> None:
        core_id = row.values.get("core_id", "")
        if core_id and core_id not in self.clients:
            row.refuse(
                "core_id", _("Nobody knows this client; bring clients first."), "unknown_client"
            )
        elif row.stored and row.changes:
            row.refuse(
                self.key[0],
                _("This already names another event, and what has happened is not changed."),
                "known_otherwise",
            )

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        for row in rows:
            if row.values["occurred_at"] > at + AHEAD:
                row.refuse("occurred_at", _("This moment lies in the future."), "day_in_future")
        if any(row.faults for row in rows):
            return
        record(
            Fact(
                client_id=self.clients[row.values["core_id"]],
                kind=row.values.get("kind", PURCHASE),
                subject=row.values.get("subject")
                or f"client:{self.clients[row.values['core_id']]}",
                occurred_at=row.values["occurred_at"],
                source_key=f"{self.source}{row.values[self.key[0]]}",
                properties=self.properties(row),
            )
            for row in rows
        )


class EventResource(TimelineResource):
    """One row an event, known by an id that no other event of any system has."""

    id = Text(LONGEST_ID, required=True)
    core_id = Text(LONGEST_REFERENCE, required=True)
    kind = Kind(required=True)
    subject = Text(LONGEST_SUBJECT)
    occurred_at = Moment(required=True)

    key = ("id",)
    free = {PROPERTY: Text(500)}
    source = "given:"

    class Meta:
        model = Event

    def told(self, event: Event) -> dict[str, Any]:
        own = event.subject == f"client:{event.client_id}"
        return {
            "kind": event.kind,
            "subject": None if own else event.subject,
            **{f"{PROPERTY}{name}": str(value) for name, value in event.properties.items()},
        }

    def properties(self, row: Row) -> dict[str, Any]:
        return {
            name.removeprefix(PROPERTY): value
            for name, value in row.values.items()
            if name.startswith(PROPERTY)
        }

    def check(self, row: Row) -> None:
        super().check(row)
        try:
            check_properties(self.properties(row))
        except NotAnEventError as error:
            row.refuse(PROPERTY, error.reason, code=error.code)


class PurchaseResource(TimelineResource):
    """One row a purchase, known by its number; amounts in whole units, like 1250.00."""

    number = Text(LONGEST_ID, required=True)
    core_id = Text(LONGEST_REFERENCE, required=True)
    product = Text(LONGEST_ID, required=True)
    amount = Number(digits=16, places=3, above=0, required=True)
    currency = Currency(required=True)
    occurred_at = Moment(required=True)

    key = ("number",)
    source = "purchase:"

    class Meta:
        model = Event

    def told(self, event: Event) -> dict[str, Any]:
        said = event.properties
        return {
            "product": said["product"],
            "amount": money.major_units(said["amount"], money.decimals(said["currency"])),
            "currency": said["currency"],
        }

    def properties(self, row: Row) -> dict[str, Any]:
        places = money.decimals(row.values["currency"])
        return {
            "number": row.values["number"],
            "product": row.values["product"],
            "amount": money.minor_units(row.values["amount"], places),
            "currency": row.values["currency"],
        }

    def check(self, row: Row) -> None:
        super().check(row)
        currency = row.values.get("currency", "")
        if row.faults or not currency:
            return
        try:
            self.properties(row)
        except ValueError:
            row.refuse(
                "amount",
                _("%(amount)s is finer than %(currency)s allows: at most %(places)d decimals.")
                % {
                    "amount": row.values["amount"],
                    "currency": currency,
                    "places": money.decimals(currency),
                },
                "too_many_decimals",
            )
