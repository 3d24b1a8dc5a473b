"""Sealing what was handed over, and telling later whether anything was changed since."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import chain
from typing import cast

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from apps.messaging.models.archive import Sealed
from apps.messaging.models.outbox import Message
from apps.profiles.models.suppressions import address_hash

# Nobody hands a message over under a moment older than this: batches end long before.
SETTLED = timedelta(minutes=10)
FIRST = bytes(32)  # what the first row is sealed onto
BATCH = 5_000
OVERLOOKED = timedelta(days=30)  # what has not been sealed for so long is looked for once a day
LOCK = 7_311_905  # of whoever seals, one at a time


@dataclass(frozen=True)
class Breach:
    """A message that is not as it was sent, or a row that is not as it was sealed."""

    sealed_id: int
    message_id: int
    is_cleared: bool = False  # its text was taken away, as an erasure does
    is_chain: bool = False  # the archive itself was changed


@transaction.atomic
def seal(*, at: datetime, limit: int = BATCH) -> int:
    """Seal the next messages that were handed over; return how many were.

    They are taken in the order in which they were handed over, some minutes later, when no sender
    can be about to hand over another one before them. One that its provider never got, as it said
    when it was asked, is handed over anew: it is sealed already, as the same words.
    """
    return seal_since(settled_until(at), at=at, limit=limit)


@transaction.atomic
def seal_overlooked(*, at: datetime, limit: int = BATCH) -> int:
    """Seal what was handed over before what is sealed, by a clock that was behind another."""
    return seal_since(at - OVERLOOKED, at=at, limit=limit)


def settled_until(at: datetime) -> datetime | None:
    """Return when the last sealed message was handed over, but for those of a clock that was ahead."""
    known = Sealed.objects.filter(handed_at__lt=at - SETTLED).order_by("-pk")
    return known.values_list("handed_at", flat=True).first()


def seal_since(since: datetime | None, *, at: datetime, limit: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    last = Sealed.objects.order_by("pk").last()
    messages = due_since(since, at=at).select_related("contact_point")[:limit]
    rows, digest = [], bytes(last.digest) if last else FIRST
    for message in messages:
        point = message.contact_point
        row = Sealed(
            message=message,
            handed_at=cast("datetime", message.handed_at),  # only such are due
            address_hash=address_hash(point.channel, point.address),
            words=words_of(message),
        )
        row.digest = digest = digest_of(row, digest)
        rows.append(row)
    Sealed.objects.bulk_create(rows)
    return len(rows)


def due_since(since: datetime | None, *, at: datetime) -> QuerySet[Message]:
    """Find what to seal, in its order.

    Both bounds stand alone, so that the index of blocks finds the few in which anything was handed
    over since; joined by an OR they would have the whole table read, once a minute.
    """
    sealed = Exists(Sealed.objects.filter(message=OuterRef("pk")))
    due = Message.objects.filter(~sealed, handed_at__lt=at - SETTLED)
    if since is not None:
        due = due.filter(handed_at__gte=since)
    return due.order_by("handed_at", "pk")


def breaches() -> Iterator[Breach]:
    """Go through the archive from its beginning and name whatever is not as it was."""
    digest, last = FIRST, 0
    while rows := list(
        Sealed.objects.filter(pk__gt=last).select_related("message").order_by("pk")[:BATCH]
    ):
        for row in rows:
            digest = digest_of(row, digest)
            if bytes(row.digest) != digest:
                yield Breach(row.pk, row.message_id, is_chain=True)
                digest = bytes(row.digest)  # one break is told once
            elif not is_as_sent(row):
                cleared = not (row.message.subject or row.message.body)
                yield Breach(row.pk, row.message_id, is_cleared=cleared)
        last = rows[-1].pk


def is_as_sent(row: Sealed) -> bool:
    """Say whether the message of a row still says what was sent."""
    return bytes(row.words) == words_of(row.message)


def words_of(message: Message) -> bytes:
    """Hash what a message said: which wording, its subject and its text."""
    return sealed_of(message.channel, message.wording_id, message.subject, message.body)


def digest_of(row: Sealed, before: bytes) -> bytes:
    told = (row.message_id, row.handed_at.timestamp(), bytes(row.address_hash).hex())
    return sha256(before + bytes(row.words) + sealed_of(*told)).digest()


def sealed_of(*values: object) -> bytes:
    """Hash values; each with its length, so that none runs into the next."""
    parts = (str(value).encode() for value in values)
    return sha256(
        b"".join(chain.from_iterable((len(part).to_bytes(8, "big"), part) for part in parts))
    ).digest()
