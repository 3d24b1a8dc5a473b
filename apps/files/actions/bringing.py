"""A file from its bytes to its end in one call, for shells that wait for it."""

import io
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import IO, Any

from django.db import transaction

from apps.files.actions.progress import Hearer
from apps.files.actions.receiving import keep, receive
from apps.files.actions.turns import alone
from apps.files.actions.working import work
from apps.files.models import Batch

State = Batch.State
STALE = timedelta(days=1)  # what was killed longer ago is not what somebody waits for now


def bring(
    content: bytes | IO[bytes], *, at: datetime, hear: Hearer | None = None, **options: Any
) -> Batch:
    """Receive a file and check it, or land it where it is `confirmed`; the batch says what came of it.

    The options are those of `receive`.
    """
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    options = {"origin": Batch.Origin.COMMAND, **options}
    with ExitStack() as mine:
        with transaction.atomic():
            batch = receive(stream, at=at, state=State.CHECKING, **options)
            mine.enter_context(alone(batch.pk))  # before anybody else can see it
        work(batch.pk, at=at, hear=hear)
    batch.refresh_from_db()
    return batch


def go_on(
    content: IO[bytes], *, at: datetime, hear: Hearer | None = None, **options: Any
) -> Batch | None:
    """Finish a file whose bringing was killed, and return its batch; None if there is none.

    One that landed without anybody's having been told counts as well: the answer stays the same.
    """
    digest, _size = keep(content)
    mapping, confirmed = options.get("mapping"), options.get("confirmed", False)
    alike = Batch.objects.filter(
        kind=options["kind"],
        sha256=digest,
        origin=Batch.Origin.COMMAND,
        mapping=mapping,
        controls=dict(options.get("controls") or {}),
        confirmed_at__isnull=not confirmed,
        reported_at=None,
        received_at__gt=at - STALE,
    ).exclude(state__in=[State.RECEIVED, State.WAITING, State.UNDOING, State.UNDONE])
    for batch in alike.order_by("pk"):
        if batch.state in Batch.WORKING and not work(batch.pk, at=at, hear=hear):
            continue  # somebody else is at it
        batch.refresh_from_db()
        return batch
    return None


def mark_reported(batch_id: int, *, at: datetime) -> None:
    """Note that whoever brought the file has been told what came of it."""
    Batch.objects.filter(pk=batch_id).update(reported_at=at)
