"""The file of clients: who they are, where they are reached, what they agreed to."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from apps.core.imports.columns import (
    NOTHING,
    Choice,
    Day,
    Text,
    TimeOfDay,
    TimeZone,
    Words,
)
from apps.core.imports.resource import Row, Stored, TableResource
from apps.profiles.actions.addresses import Address, replace_addresses
from apps.profiles.actions.consents import (
    SOURCE,
    Answer,
    confirms_withdrawal,
    record_consents,
)
from apps.profiles.actions.duplicates import suggest_duplicates
from apps.profiles.actions.locks import hold_identities
from apps.profiles.imports.addresses import Email, Phone
from apps.profiles.imports.newcomers import ADDRESSES, Newcomers
from apps.profiles.models import (
    Channel,
    Client,
    ConsentRecord,
    ContactPoint,
    Identifier,
    Purpose,
)
from apps.profiles.queries.core_ids import borrowed_ids, own_core_id, stand_ins
from apps.profiles.queries.suppressions import erased_identifiers

CONSENTS = {f"consent_{purpose}": purpose for purpose in Purpose}
EAST = timedelta(hours=14)  # no client's calendar is further ahead of UTC
FIELDS = (
    "first_name", "last_name", "birth_on", "tier", "language", "time_zone",
    "preferred_channel", "quiet_from", "quiet_until",
)  # fmt: skip
ATTRIBUTE = "attr_"
TELLING = frozenset({*ADDRESSES, "first_name", "last_name", "birth_on"})  # who may be one with whom


class ClientResource(TableResource):
    """One row a client, known by the id of the core system."""

    core_id = Text(200, required=True)
    first_name = Text(100)
    last_name = Text(100)
    birth_on = Day()
    tier = Choice(Client.Tier.values)
    language = Choice(code for code, _name in settings.LANGUAGES)
    time_zone = TimeZone()
    phone = Phone()
    email = Email()
    preferred_channel = Choice(Channel.values)
    quiet_from = TimeOfDay()
    quiet_until = TimeOfDay()
    consent_service = Words(Channel.values)
    consent_digest = Words(Channel.values)
    consent_marketing = Words(Channel.values)
    consent_text = Text(50)
    consent_on = Day()

    key = ("core_id",)
    free = {ATTRIBUTE: Text(500)}
    sensitive = frozenset(ADDRESSES)

    class Meta:
        model = Client

    def look_up(self, rows: Sequence[Row]) -> None:
        """Read a row of a merged client as one of whom he was merged into, who has his own row."""
        hold_identities()
        stand_ins_of = stand_ins(row.values.get("core_id", "") for row in rows)
        self.merged = {id(row): row for row in rows if row.values.get("core_id") in stand_ins_of}
        core_ids = (row.values.get("core_id", "") for row in rows)
        self.erased = erased_identifiers(Identifier.Kind.CORE_ID, core_ids)
        self.newcomers = Newcomers(rows)
        for row in self.merged.values():
            row.values["core_id"] = stand_ins_of[row.values["core_id"]]

    def present(self, rows: Sequence[Row]) -> Iterable[Client]:
        return Client.objects.filter(
            identifiers__kind=Identifier.Kind.CORE_ID,
            identifiers__value__in=[row.values.get("core_id", "") for row in rows],
        )

    def stored(self, instances: Sequence[Client]) -> Iterator[Stored]:
        prefetch_related_objects(instances, "identifiers", "contact_points")
        answers = _last_answers(instances)
        several = [client.pk for client in instances if len(client.identifiers.all()) > 1]
        borrowed = borrowed_ids(several) if several else set()
        for client in instances:
            client.answers = answers.get(client.pk, {})  # type: ignore[attr-defined]
            values = _values(client, answers.get(client.pk, {}))
            values["core_id"] = own_core_id(client.identifiers.all(), borrowed)
            yield Stored(client, values)

    def settle(self, row: Row) -> None:
        """Leave alone what the client himself said, which no file knows better."""
        if not (stored := row.stored):
            return
        if id(row) in self.merged:
            self._settle_merged(row, stored)
            return
        client = stored.instance
        for name, channel in ADDRESSES.items():
            if row.values.get(name) in _live(client, channel):
                stored.values[name] = row.values[name]
        stated = client.time_zone_source == Client.TimeZoneSource.STATED
        if stated and row.values.get("time_zone", client.time_zone) != client.time_zone:
            del row.values["time_zone"]
            row.remark("time_zone", _("Left as the client himself stated it."))
        self._settle_consents(row, stored)

    def _settle_merged(self, row: Row, stored: Stored) -> None:
        """Take nothing of a merged client's row but what he withdrew: the other's row says the rest."""
        withdrawn = {
            name: stored.values[name] & row.values[name]
            for name in CONSENTS.keys() & row.values.keys()
            if not stored.values[name] <= row.values[name]
        }
        day = {
            name: row.values[name] for name in ("consent_on",) if withdrawn and name in row.values
        }
        row.values = {"core_id": row.values["core_id"], **withdrawn, **day}
        row.remark(
            "core_id",
            _("This client was merged into %(core_id)s, whose row counts.")
            % {"core_id": row.values["core_id"]},
        )

    def _settle_consents(self, row: Row, stored: Stored) -> None:
        """Keep what was withdrawn, unless the row names a later day on which it was granted."""
        for name in CONSENTS.keys() & row.values.keys():
            own, older = _kept(row, name)
            if own:
                row.remark(
                    name,
                    _("Not granted again, since the client himself withdrew it: %(channels)s.")
                    % {"channels": " ".join(sorted(own))},
                )
            if older:
                row.remark(
                    name,
                    _(
                        "Not granted again, since it was withdrawn later or nobody knows when:"
                        " %(channels)s. Write the day on which the client agreed into consent_on."
                    )
                    % {"channels": " ".join(sorted(older))},
                )
            row.values[name] -= own | older
            # What a file withdrew, this system has not said yet.
            stored.values[name] |= _confirmed(row, name, f"{SOURCE}{self.filename}")
        if not any(row.values.get(name) for name in CONSENTS):
            row.values.pop("consent_text", None)  # no answer to go with it
        elif _is_stale(row) and "consent_text" in row.values:
            row.values["consent_text"] = stored.values["consent_text"]
        if not any(_answers(row, f"{SOURCE}{self.filename}")):
            row.values.pop("consent_on", None)

    def check(self, row: Row) -> None:
        if row.values.get("core_id") in self.erased:
            row.refuse(
                "core_id",
                _(
                    "This person was erased and is not brought back by a file. Leave the row out, or"
                    " ask data protection."
                ),
                "erased_client",
            )
        if row.stored is None:
            for doubt in self.newcomers.doubts(row):
                self.ask(row, *doubt)
        client = row.stored.instance if row.stored else Client()
        quiet_from = row.values.get("quiet_from", client.quiet_from)
        quiet_until = row.values.get("quiet_until", client.quiet_until)
        if quiet_from == quiet_until:
            row.refuse(
                "quiet_until", _("Quiet hours must begin and end at different times."), "same_hours"
            )
        if any(row.values.get(name) for name in CONSENTS) and "consent_text" not in row.values:
            row.refuse(
                "consent_text",
                _("Say which version of the text the client agreed to."),
                "missing_value",
            )

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        for row in rows:
            if (said_on := row.values.get("consent_on")) and said_on > (at + EAST).date():
                row.refuse(
                    "consent_on",
                    _("The client cannot have answered in the future."),
                    "day_in_future",
                )
        fresh = [row for row in rows if row.stored is None]
        for row in fresh:
            row.instance = _changed(Client(created_at=at), row)
        Client.objects.bulk_create([row.instance for row in fresh], batch_size=1000)
        Identifier.objects.bulk_create(
            [
                Identifier(
                    client=row.instance,
                    kind=Identifier.Kind.CORE_ID,
                    value=row.values["core_id"],
                    created_at=at,
                )
                for row in fresh
            ],
            batch_size=1000,
        )
        own = {*FIELDS, *(name for row in rows for name in row.changes if _is_attribute(name))}
        Client.objects.bulk_create(
            [_changed(row.instance, row) for row in rows if row.stored and row.changes & own],
            batch_size=1000,
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=[*FIELDS, "time_zone_source", "attributes"],
        )
        replace_addresses(
            (
                Address(row.instance.pk, channel, row.values[name])
                for row in rows
                for name, channel in ADDRESSES.items()
                if name in row.changes
            ),
            at=at,
        )
        record_consents(
            (answer for row in rows for answer in _answers(row, f"{SOURCE}{filename}"[:100])),
            at=at,
        )
        suggest_duplicates((row.instance.pk for row in rows if row.changes & TELLING), at=at)


def _is_attribute(column: str) -> bool:
    return column.startswith(ATTRIBUTE)


def _changed(client: Client, row: Row) -> Client:
    for name, value in row.values.items():
        if name in FIELDS:
            setattr(client, name, value)
        elif _is_attribute(name):
            client.attributes[name.removeprefix(ATTRIBUTE)] = value
    if "time_zone" in row.changes:
        client.time_zone_source = Client.TimeZoneSource.IMPORTED
    return client


def _live(client: Client, channel: str) -> list[str]:
    """Return the addresses in use, the oldest first."""
    points = sorted(client.contact_points.all(), key=lambda point: point.pk)
    return [
        point.address
        for point in points
        if point.channel == channel and point.state != ContactPoint.State.REMOVED
    ]


def _last_answers(
    clients: Sequence[Client],
) -> dict[int, dict[tuple[str, str], ConsentRecord]]:
    answers: dict[int, dict[tuple[str, str], ConsentRecord]] = {}
    for record in (
        ConsentRecord.objects.filter(client__in=[client.pk for client in clients])
        .order_by("client_id", "purpose", "channel", "-recorded_at", "-pk")
        .distinct("client_id", "purpose", "channel")
    ):
        answers.setdefault(record.client_id, {})[record.purpose, record.channel] = record
    return answers


def _values(client: Client, answers: dict[tuple[str, str], ConsentRecord]) -> dict[str, Any]:
    """Return what is stored of a client, by column; None where a cell stays empty."""
    values: dict[str, Any] = {name: getattr(client, name) or None for name in FIELDS}
    values["quiet_from"], values["quiet_until"] = client.quiet_from, client.quiet_until
    for name, channel in ADDRESSES.items():
        values[name] = next(iter(_live(client, channel)), None)
    for name, purpose in CONSENTS.items():
        values[name] = frozenset(
            channel for (asked, channel), answer in answers.items()
            if asked == purpose and answer.granted
        )  # fmt: skip
    newest = max(answers.values(), key=lambda each: (each.recorded_at, each.pk), default=None)
    values["consent_text"] = newest.text_version if newest else None
    values["consent_on"] = max(
        (each.given_on for each in answers.values() if each.given_on), default=None
    )
    for name, value in client.attributes.items():
        values[f"{ATTRIBUTE}{name}"] = value if isinstance(value, str) else str(value)
    return values


def last_day_of(answer: ConsentRecord) -> date:
    """Return the last day, anywhere, on which the answer may have been given."""
    return answer.given_on or (answer.recorded_at + EAST).date()


def _is_stale(row: Row) -> bool:
    """Tell whether the row is older than the newest answer that a file dated."""
    said_on = row.values.get("consent_on")
    known_on = row.stored.values["consent_on"] if row.stored else None
    return bool(said_on and known_on and said_on < known_on)


def _kept(row: Row, name: str) -> tuple[set[str], set[str]]:
    """Return the channels that the row must not grant: the client's own withdrawals, and others."""
    said_on = row.values.get("consent_on")
    own, older = set(), set()
    for channel in row.values[name]:
        last = row.instance.answers.get((CONSENTS[name], channel))
        if last is None:
            if _is_stale(row):
                older.add(channel)
        elif not last.granted and not last.source.startswith(SOURCE):
            own.add(channel)
        elif not last.granted and (said_on is None or said_on <= last_day_of(last)):
            older.add(channel)
    return own, older


def _confirmed(row: Row, name: str, source: str) -> set[str]:
    """Return the channels whose withdrawal by a file the row confirms as another system's word."""
    asked = ((channel, row.instance.answers.get((CONSENTS[name], channel))) for channel in Channel)
    return {
        channel.value
        for channel, last in asked
        if last and confirms_withdrawal(channel in row.values[name], source, last)
    }


def _answers(row: Row, source: str) -> Iterator[Answer]:
    """Yield what is new: channels granted or withdrawn, and what was answered anew.

    A dated `none` counts even where nobody ever asked: an older file must not grant it afterwards.
    """
    client: Client = row.instance
    stored = getattr(client, "answers", {})
    said_on = row.values.get("consent_on")
    text = row.values.get("consent_text")
    for name in CONSENTS.keys() & row.values.keys():
        for channel in Channel.values:
            last: ConsentRecord | None = stored.get((CONSENTS[name], channel))
            after = channel in row.values[name]
            if (last and confirms_withdrawal(after, source, last)) or _says_more(
                row, last, granted=after, refused=row.cells[name].strip() == NOTHING
            ):
                yield Answer(
                    client_id=client.pk,
                    purpose=CONSENTS[name],
                    channel=channel,
                    granted=after,
                    text_version=text or (last.text_version if last else ""),
                    source=source,
                    given_on=said_on,
                    weighed=last.pk if last else 0,
                )


def _says_more(row: Row, last: ConsentRecord | None, *, granted: bool, refused: bool) -> bool:
    """Tell whether a row says of a question what is not stored; `refused`: it grants no channel."""
    said_on = row.values.get("consent_on")
    if last is None:
        return granted or (refused and said_on is not None)
    if last.granted != granted:
        return True
    known = row.stored.values if row.stored else {}
    text = known.get("consent_text")
    if granted and row.values.get("consent_text", text) != text:
        return True
    if not granted and not last.source.startswith(SOURCE):
        return False  # his own withdrawal is never made a file's
    return said_on is not None and said_on > max(
        known.get("consent_on") or date.min, last_day_of(last)
    )
