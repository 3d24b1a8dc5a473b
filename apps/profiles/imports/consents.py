"""The file of consents: one answer of a client to one question, with the day on which he gave it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from apps.core.imports.columns import Choice, Day, Flag, Text
from apps.core.imports.resource import Row, Stored
from apps.profiles.actions.consents import SOURCE, Answer, confirms_withdrawal, record_consents
from apps.profiles.imports.clients import EAST, last_day_of
from apps.profiles.imports.owned import OwnResource
from apps.profiles.models import Channel, ConsentRecord, Purpose


class ConsentResource(OwnResource):
    """One row a question; it says what was answered last, and withdraws nothing that it leaves out."""

    core_id = Text(200, required=True)
    purpose = Choice(Purpose.values, required=True)
    channel = Choice(Channel.values, required=True)
    granted = Flag(required=True)
    text_version = Text(50)
    given_on = Day()

    key = ("core_id", "purpose", "channel")

    class Meta:
        model = ConsentRecord

    def present(self, rows: Sequence[Row]) -> Iterable[ConsentRecord]:
        answers = ConsentRecord.objects.filter(client__in=list(self.owners.values()))
        return answers.order_by("client_id", "purpose", "channel", "-recorded_at", "-pk").distinct(
            "client_id", "purpose", "channel"
        )

    def stored(self, instances: Sequence[ConsentRecord]) -> Iterator[Stored]:
        core_ids = self._core_ids(instances)
        names = ("purpose", "channel", "granted", "text_version", "given_on")
        for answer in instances:
            values: dict[str, Any] = {name: getattr(answer, name) for name in names}
            for core_id in core_ids.get(answer.client_id, []):
                yield Stored(answer, {"core_id": core_id, **values})

    def settle(self, row: Row) -> None:
        """Leave the row nothing to say where it is older than what is known, or not the file's to say."""
        if row.stored is None or "granted" not in row.values:
            return
        last: ConsentRecord = row.instance
        if confirms_withdrawal(row.values["granted"], f"{SOURCE}{self.filename}", last):
            row.stored.values["granted"] = None  # not said by this system yet
            return
        if row.values["granted"] and not last.granted and (why := _why_not(row, last)):
            row.remark("granted", why)
        elif not _says_nothing_new(row, last):
            return
        row.values.update(row.stored.values)

    def check(self, row: Row) -> None:
        super().check(row)
        if row.changes and row.values.get("granted") and not row.values.get("text_version"):
            row.refuse(
                "text_version",
                _("Say which version of the text the client agreed to."),
                "missing_value",
            )

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        for row in rows:
            if (said_on := row.values.get("given_on")) and said_on > (at + EAST).date():
                row.refuse(
                    "given_on", _("The client cannot have answered in the future."), "day_in_future"
                )
        record_consents(
            (
                Answer(
                    client_id=self.owners[row.values["core_id"]],
                    purpose=row.values["purpose"],
                    channel=row.values["channel"],
                    granted=row.values["granted"],
                    text_version=row.values.get("text_version")
                    or (row.instance.text_version if row.stored else ""),
                    source=f"{SOURCE}{filename}"[:100],
                    given_on=row.values.get("given_on"),
                    weighed=row.instance.pk if row.stored else 0,
                )
                for row in rows
            ),
            at=at,
        )


def _why_not(row: Row, last: ConsentRecord) -> str:
    """Return why a withdrawal stands against a row that grants; empty where it does not."""
    said_on: date | None = row.values.get("given_on")
    if not last.source.startswith(SOURCE):
        return _("Not granted again, since the client himself withdrew it: %(channels)s.") % {
            "channels": last.channel
        }
    if said_on is None or said_on <= last_day_of(last):
        return _(
            "Not granted again, since it was withdrawn later or nobody knows when:"
            " %(channels)s. Write the day on which the client agreed into consent_on."
        ) % {"channels": last.channel}
    return ""


def _says_nothing_new(row: Row, last: ConsentRecord) -> bool:
    """Tell whether a row repeats the last answer, or brings an older one with another text."""
    if row.values["granted"] != last.granted:
        return False
    said_on: date | None = row.values.get("given_on")
    if not last.granted and not last.source.startswith(SOURCE):
        return True  # his own withdrawal is never made a file's
    if said_on is not None and last.given_on is not None and said_on != last.given_on:
        return said_on < last.given_on
    if said_on is not None and last.given_on is None and said_on > last_day_of(last):
        return False
    text = row.values.get("text_version", last.text_version)
    return bool(text == last.text_version or not last.granted)
