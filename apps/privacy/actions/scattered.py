"""What of a person lies where no key leads to him: remembered as hashes, or found by what it says."""

import re
from collections.abc import Iterable
from datetime import datetime

from django.contrib.admin.models import LogEntry
from django.db import connection, transaction
from django.db.models import Q

from apps.core.imports.kinds import of_people
from apps.core.models import KeptAnswer
from apps.events.models import Event, Stray
from apps.files.actions.discarding import discard
from apps.files.actions.resuming import DONE, let_go
from apps.files.actions.watching import clear_abandoned, clear_aside
from apps.files.models import NAMELESS, Batch, Folder, Record
from apps.products.models.holdings import Policy
from apps.profiles.models import Client, ContactPoint, ErasedIdentity, Identifier, Suppression
from apps.profiles.models.suppressions import address_hash
from apps.webhooks.models import Delivery

HARD = Identifier.HARD
WITHOUT_HIM = """
UPDATE events_arrival AS arrival
SET events = (
    SELECT coalesce(jsonb_agg(event ORDER BY place), '[]')
    FROM jsonb_array_elements(arrival.events) WITH ORDINALITY AS sent (event, place)
    WHERE NOT coalesce(event ->> 'core_id', event ->> 'contract') = ANY (%(said)s)
)
WHERE EXISTS (
    SELECT FROM jsonb_array_elements(arrival.events) AS event
    WHERE coalesce(event ->> 'core_id', event ->> 'contract') = ANY (%(said)s)
)
"""


def remember(ids: list[int], *, at: datetime) -> None:
    """Keep as hashes what must not come back by a file: addresses are not written to again."""
    hard = set(
        Identifier.objects.filter(client__in=ids, kind__in=HARD).values_list("kind", "value")
    )
    numbers = Policy.objects.filter(client__in=ids).values_list("number", flat=True)
    hard |= {(str(Identifier.Kind.CONTRACT), number) for number in numbers}
    for kind, value in sorted(hard):
        ErasedIdentity.objects.get_or_create(
            digest=address_hash(kind, value), defaults={"kind": kind, "erased_at": at}
        )
    points = ContactPoint.objects.filter(client__in=ids).exclude(address__endswith=".invalid")
    for point in points.exclude(address__startswith="+999"):
        Suppression.objects.get_or_create(
            address_hash=address_hash(point.channel, point.address),
            client=None,
            lifted_at=None,
            defaults={
                "channel": point.channel, "hint": "•••", "source": "erasure", "made_at": at,
                "reason": Suppression.Reason.ERASED,
            },
        )  # fmt: skip
        Suppression.objects.filter(address_hash=address_hash(point.channel, point.address)).update(
            hint="•••"
        )


def clear(ids: list[int], *, at: datetime) -> None:
    """Clear what says something of him: answers and messages to other systems, files, log lines."""
    said = sorted(_said(ids))
    if said:
        KeptAnswer.objects.filter(_mentioning("body", said)).delete()
        Stray.objects.filter(reference__in=said).delete()
        Record.objects.filter(_mentioning("faults", said)).update(faults=[])
        _take_out_of_arrivals(said)
    events = Event.objects.filter(client__in=ids).values("pk")
    Delivery.objects.filter(event_id__in=events).delete()
    LogEntry.objects.filter(
        content_type__app_label="profiles",
        content_type__model="client",
        object_id__in=[str(pk) for pk in ids],
    ).update(object_repr="•••")
    if said:
        LogEntry.objects.filter(object_repr__in=said).update(object_repr="•••")
    _throw_files_away(at=at)


def _said(ids: list[int]) -> Iterable[str]:
    """Yield the texts by which he could be found: identifiers, addresses, his full name."""
    yield from Identifier.objects.filter(client__in=ids).values_list("value", flat=True)
    yield from ContactPoint.objects.filter(client__in=ids).values_list("address", flat=True)
    for client in Client.objects.filter(pk__in=ids):
        if client.first_name and client.last_name:
            yield str(client)


def _mentioning(column: str, said: list[str]) -> Q:
    """Find the texts as whole words: a client number 12 does not stand in every 2012."""
    mentions = Q()
    for text in said:
        whole = rf"(?<![[:alnum:]_-]){re.escape(text)}(?![[:alnum:]_-])"
        mentions |= Q(**{f"{column}__iregex": whole})
    return mentions


def _take_out_of_arrivals(said: list[str]) -> None:
    """Take his events out of what has just come in; those of others were promised to be kept."""
    with connection.cursor() as cursor:
        cursor.execute(WITHOUT_HIM, {"said": said})


def _throw_files_away(*, at: datetime) -> None:
    """Throw away the received files that name clients: nobody can say which of them name him.

    What landed stands in rows and in the trail; what did not land stays to be seen, without the file
    and the sentences that may cite it.
    """
    done = Batch.objects.filter(state__in=DONE, kind__in=of_people())
    files = set(done.values_list("sha256", flat=True))
    let_go(done.filter(purged_at=None), at=at)
    # Names of files too, for people write into them whom they are about.
    named = done.exclude(faults=[], note="", filename=NAMELESS)
    named.update(faults=[], note="", filename=NAMELESS)
    wanted = Batch.objects.exclude(state__in=DONE)
    folders = list(Folder.objects.filter(kind__in=of_people()))
    transaction.on_commit(lambda: discard(files, unless=wanted))
    transaction.on_commit(lambda: clear_aside(folders))
    transaction.on_commit(clear_abandoned)
