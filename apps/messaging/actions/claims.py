"""Taking messages for one sender: by provider, with a lease, under a number that fences others off.

A claim is named by message and `attempts`. Whoever claims it later has another number, and nothing
that the first one writes under his own is taken any more.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.db.models import Model
from django.db.models.base import ModelState

from apps.messaging.models.content import Template, TemplateVersion
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.providers import Provider
from apps.profiles.models import Client, ContactPoint

LEASE = timedelta(minutes=5)  # far longer than a batch and the time-outs of every carrier
LEAVES = timedelta(seconds=30)  # letters are written, then a batch hands over for 20 at most

# What belongs to a sending that is halted, or is not let out yet by its ramp, is set aside: it would
# stand before all others at every claim. A notice that one provider may have been given goes to it
# alone.
CLAIM = """
WITH due AS (
    SELECT message.id, coalesce(
        sending.state <> 'running' OR mod(notice.id, 100) >= sending.released, FALSE
    ) AS held
    FROM messaging_message AS message
    JOIN messaging_notice AS notice ON notice.id = message.notice_id
    LEFT JOIN messaging_sending AS sending ON sending.id = notice.sending_id
    WHERE message.state = 'queued' AND message.channel = %(channel)s
        AND message.send_after <= %(at)s
        AND (message.carried_by_id IS NULL OR message.carried_by_id = %(provider)s)
        AND (%(scheme)s = '' OR EXISTS (
            SELECT FROM profiles_contactpoint AS point
            WHERE point.id = message.contact_point_id
                AND starts_with(point.address, %(scheme)s || ':')
        ))
    ORDER BY message.send_after LIMIT %(limit)s
    FOR UPDATE OF message SKIP LOCKED
)
UPDATE messaging_message AS message SET
    state = CASE WHEN due.held THEN 'held' ELSE 'claimed' END,
    attempts = message.attempts + CASE WHEN due.held THEN 0 ELSE 1 END,
    leased_until = CASE WHEN due.held THEN NULL ELSE %(until)s END,
    carried_by_id = CASE WHEN due.held THEN message.carried_by_id ELSE %(provider)s END
FROM due WHERE message.id = due.id
RETURNING message.id, due.held
"""
RELEASE = """
UPDATE messaging_message SET state = 'queued', leased_until = NULL, carried_by_id = NULL
WHERE id IN (
    SELECT id FROM messaging_message
    WHERE state = 'claimed' AND leased_until < %(at)s AND handed_at IS NULL
    FOR UPDATE SKIP LOCKED
)
"""
# What sending takes of a message and of what belongs to it: few columns cost less than half of all.
LOADED: dict[str, tuple[type[Model], tuple[str, ...]]] = {
    "message": (Message, (
        "id", "notice_id", "number", "step", "is_beside", "channel", "contact_point_id", "carried_by_id", "language",
        "wording_id", "state", "reason", "key", "attempts", "deferrals", "send_after", "handed_at",
        "subject", "body",
    )),
    "notice": (Notice, (
        "id", "client_id", "template_id", "subject", "result_id", "sending_id", "contact_point_id",
        "values", "priority", "segment", "hold_out", "deadline_at",
    )),
    "client": (Client, ("id", "first_name", "tier", "time_zone", "quiet_from", "quiet_until")),
    "point": (ContactPoint, ("id", "client_id", "channel", "address", "state")),
}  # fmt: skip
COLUMNS = ", ".join(f'{name}."{field}"' for name, (_, fields) in LOADED.items() for field in fields)
LOAD = f"""
SELECT {COLUMNS} FROM messaging_message AS message
JOIN messaging_notice AS notice ON notice.id = message.notice_id
JOIN profiles_client AS client ON client.id = notice.client_id
JOIN profiles_contactpoint AS point ON point.id = message.contact_point_id
WHERE message.id = ANY(%s) ORDER BY message.send_after, message.id
"""  # noqa: S608 (our own names)


@dataclass(frozen=True)
class Watch:
    """The moment at which a sender looked at the clock, and what has passed since.

    A lease that ran from that moment, many batches ago, might be over while a letter is on its way:
    who then asked the provider would hear that it never came, and send another.
    """

    at: datetime
    begun: float = field(default_factory=time.monotonic)

    @property
    def now(self) -> datetime:
        return self.at + timedelta(seconds=time.monotonic() - self.begun)

    @property
    def lease(self) -> datetime:
        return self.now + LEASE

    @property
    def gone(self) -> datetime:
        """Return by when what is looked at now has left, or was given back."""
        return self.now + LEAVES


def claim(
    provider: Provider, *, at: datetime, limit: int, watch: Watch | None = None
) -> tuple[list[int], int]:
    """Take messages for this sender alone, and commit; return them and how many were looked at."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        survive_crashes()
        cursor.execute(
            CLAIM,
            {
                "channel": provider.channel,
                "scheme": provider.scheme,
                "provider": provider.pk,
                "at": at,
                "until": (watch or Watch(at)).lease,
                "limit": limit,
            },
        )
        rows = cursor.fetchall()
    return [pk for pk, held in rows if not held], len(rows)


def loaded(pks: Collection[int]) -> list[Message]:
    """Read claimed messages with all that is needed to send them.

    Many share a template and a wording: these are read once, and not made anew for each message.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOAD, [list(pks)])
        loaded = [tuple(built(row)) for row in cursor.fetchall()]
    templates = Template.objects.in_bulk({notice.template_id for _, notice, *_ in loaded})
    wordings = TemplateVersion.objects.in_bulk({message.wording_id for message, *_ in loaded})
    for message, notice, client, point in loaded:
        notice.values = orjson.loads(notice.values)
        template = templates[notice.template_id]
        # As if read with them; setting each asks whether it may belong there.
        belongs = {"notice": notice, "contact_point": point}
        message._state.fields_cache = {**belongs, "wording": wordings[message.wording_id]}  # noqa: SLF001
        notice._state.fields_cache = {"client": client, "template": template}  # noqa: SLF001
    return [message for message, *_others in loaded]


def built(row: Sequence[Any]) -> Iterator[Any]:
    """Make instances of a row's columns, ten times faster than their classes do.

    A field that was not read is read when somebody asks for it, as after `only`.
    """
    first = 0
    for model, fields in LOADED.values():
        last = first + len(fields)
        one, state = model.__new__(model), ModelState()
        state.adding, state.db = False, DEFAULT_DB_ALIAS
        one.__dict__.update(zip(fields, row[first:last], strict=True), _state=state)
        yield one
        first = last


def release_expired(at: datetime) -> None:
    """Give back to the queue what a dead sender had not handed over: nothing of it has left."""
    with connection.cursor() as cursor:
        cursor.execute(RELEASE, {"at": at})


def survive_crashes() -> None:
    """Let this commit wait for the disk, whatever the server's own setting is."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = on")
