"""What clients agreed to: answers recorded in order, none behind the client's back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from apps.profiles.actions.locks import lock_clients
from apps.profiles.models import ConsentRecord

SOURCE = "file:"  # how the source of an answer begins that a file brought, or another system
CALL = f"{SOURCE}api:"  # … that another system brought, which no undoing of a file takes back


@dataclass(frozen=True)
class Answer:
    """What a client said to one question; `source` is the form, the call or the file.

    `given_on` is the day of the answer where a file says so. `weighed` is the id of the answer that
    whoever read the file compared this one with (0: there was none); without it the client himself
    is asked just now.
    """

    client_id: int
    purpose: str
    channel: str
    granted: bool
    text_version: str
    source: str
    given_on: date | None = None
    weighed: int | None = None


@transaction.atomic
def record_consents(answers: Iterable[Answer], *, at: datetime) -> int:
    """Record the answers that differ from the client's last one; return how many did.

    A withdrawal that came in since an answer was weighed stands against it.
    """
    given = {(each.client_id, each.purpose, each.channel): each for each in answers}
    client_ids = {each.client_id for each in given.values()}
    lock_clients(client_ids)
    last = {
        (record.client_id, record.purpose, record.channel): record
        for record in ConsentRecord.objects.filter(client_id__in=client_ids)
        .order_by("client_id", "purpose", "channel", "-recorded_at", "-pk")
        .distinct("client_id", "purpose", "channel")
    }
    fresh = [
        ConsentRecord(
            client_id=each.client_id,
            purpose=each.purpose,
            channel=each.channel,
            granted=each.granted,
            text_version=each.text_version,
            source=each.source,
            given_on=each.given_on,
            recorded_at=at,
        )
        for key, each in given.items()
        if _is_news(each, last.get(key))
    ]
    ConsentRecord.objects.bulk_create(fresh, batch_size=1000)
    return len(fresh)


def _is_news(answer: Answer, last: ConsentRecord | None) -> bool:
    if last is None or confirms_withdrawal(answer.granted, answer.source, last):
        return True
    if answer.weighed not in {None, last.pk} and not last.granted:
        return False
    if answer.weighed is None and not answer.granted and last.source.startswith(SOURCE):
        return True  # his own word stands when the file is undone, and against later ones
    said = (answer.granted, answer.text_version)
    again = answer.given_on and (last.given_on is None or answer.given_on > last.given_on)
    return bool(again) or (last.granted, last.text_version) != said


def confirms_withdrawal(granted: bool, source: str, last: ConsentRecord) -> bool:  # noqa: FBT001
    """Tell whether a system withdraws what a file withdrew: it must stand when the file is undone."""
    by_file = last.source.startswith(SOURCE) and not last.source.startswith(CALL)
    return not granted and not last.granted and by_file and source.startswith(CALL)


def record_consent(answer: Answer, *, at: datetime) -> bool:
    """Record one answer; False where the client's last one was the same."""
    return record_consents([answer], at=at) == 1
