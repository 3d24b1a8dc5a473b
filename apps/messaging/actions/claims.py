"""Taking messages for one sender: by provider, with a lease, under a number that fences others off.

A claim is named by message and `attempts`. Whoever claims it later has another number, and nothing
that the first one writes under his own is taken any more.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction

from apps.messaging.models.content import Template, TemplateVersion
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider

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
    messages = list(
        Message.objects.filter(pk__in=pks)
        .select_related("notice__client", "contact_point")
        .order_by("send_after", "pk")
    )
    templates = Template.objects.in_bulk({message.notice.template_id for message in messages})
    wordings = TemplateVersion.objects.in_bulk({message.wording_id for message in messages})
    for message in messages:
        message.notice.template = templates[message.notice.template_id]
        message.wording = wordings[message.wording_id]
    return messages


def release_expired(at: datetime) -> None:
    """Give back to the queue what a dead sender had not handed over: nothing of it has left."""
    with connection.cursor() as cursor:
        cursor.execute(RELEASE, {"at": at})


def survive_crashes() -> None:
    """Let this commit wait for the disk, whatever the server's own setting is."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = on")
