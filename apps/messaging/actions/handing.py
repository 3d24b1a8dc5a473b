"""Handing letters to a carrier: in small groups, each looked at again and marked just before.

A group is marked as handed over by one statement that also sees whether anything has changed since
it was claimed: a stop, an address that was stopped, lost or is another client's, a consent
withdrawn, a result corrected, its sending or its provider paused. Letters leave within half a
second of that, or are looked at anew.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction
from psycopg import Cursor

from apps.messaging.actions.claims import LEASE, Watch, survive_crashes
from apps.messaging.actions.letters import Ready
from apps.messaging.actions.providers import Pace
from apps.messaging.channels import Letter
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider
from apps.messaging.wording import segments
from apps.profiles.models import Channel
from apps.profiles.models.suppressions import address_hash

FRESH = 0.5  # seconds after which a marked letter is looked at again; a STOP takes effect in one
QUICK = 0.1  # seconds in which a group should have left; one that was quicker is followed by more
MOST = 250  # letters a group, which are unknown at worst when a sender dies
PATIENCE = 20  # seconds a batch may take: a fraction of the lease; its rest goes back

LEFT = 0.8  # of a lease that a marked letter has at least

MARK = """
UPDATE messaging_message AS message SET
    handed_at = coalesce(message.handed_at, %(at)s), subject = asked.subject, body = asked.body,
    parts = asked.parts, cost = asked.cost, leased_until = CASE
        WHEN message.leased_until < %(fresh)s THEN %(until)s ELSE message.leased_until
    END
FROM json_to_recordset(convert_from(%(asked)s, 'UTF8')::json) AS asked (
    id bigint, attempts smallint, address_hash bytea, subject text, body text, parts smallint,
    cost integer
)
CROSS JOIN messaging_notice AS notice
WHERE message.id = asked.id AND message.attempts = asked.attempts AND message.state = 'claimed'
    AND notice.id = message.notice_id
    AND EXISTS (
        SELECT FROM profiles_contactpoint AS point
        WHERE point.id = message.contact_point_id AND point.client_id = notice.client_id
            AND (point.state = 'valid'
                OR point.state = 'unconfirmed' AND point.id = notice.contact_point_id)
    )
    AND (notice.deadline_at IS NULL OR notice.deadline_at >= %(at)s)
    AND EXISTS (SELECT FROM messaging_provider WHERE id = %(provider)s AND is_open)
    AND NOT EXISTS (
        SELECT FROM messaging_stop WHERE released_at IS NULL AND (
            scope IN ('global', 'issuer') OR scope = 'channel' AND value = message.channel
        )
    )
    AND (notice.sending_id IS NULL OR EXISTS (
        SELECT FROM messaging_sending WHERE id = notice.sending_id AND state = 'running'
    ))
    AND NOT EXISTS (
        SELECT FROM profiles_suppression AS stopped
        WHERE stopped.address_hash = asked.address_hash AND stopped.lifted_at IS NULL
            AND (stopped.client_id IS NULL OR stopped.client_id = notice.client_id)
    )
    AND coalesce((
        SELECT template.purpose = '' OR template.kind = 'security' OR (
            SELECT granted FROM profiles_consentrecord AS consent
            WHERE consent.client_id = notice.client_id AND consent.purpose = template.purpose
                AND consent.channel = message.channel
            ORDER BY consent.recorded_at DESC, consent.id DESC LIMIT 1
        ) FROM messaging_template AS template WHERE template.id = notice.template_id
    ), FALSE)
    AND NOT EXISTS (
        SELECT FROM products_observationresult AS newer
        WHERE newer.supersedes_id = notice.result_id
    )
    AND (notice.result_id IS NOT NULL OR NOT EXISTS (
        SELECT FROM messaging_correctedresult AS told
        JOIN products_observationresult AS newer ON newer.supersedes_id = told.result_id
        WHERE told.notice_id = notice.id
    ))
RETURNING message.id
"""


def mark(
    batch: Sequence[Ready], provider: Provider, *, at: datetime, watch: Watch | None = None
) -> set[int]:
    """Note under our claims that these letters go out now; return the messages that may.

    Old leases begin anew, so that nobody asks for them while they are on their way. A fresh one
    stays as it is: a message that is indexed by nothing that changes is updated in half the time.

    The others are ours no longer, or something changed a moment ago: nothing of them has left.
    """
    asked = [noted(ready, provider) for ready in batch]
    watch = watch or Watch(at)
    row = {
        "at": at,
        "until": watch.lease,
        "fresh": watch.now + LEASE * LEFT,
        "provider": provider.pk,
        "asked": orjson.dumps(asked),
    }
    # Bound by the server: written into the statement, the texts would be read three times more.
    with (
        transaction.atomic(),
        connection.wrap_database_errors,
        Cursor(connection.connection) as cursor,
    ):
        survive_crashes()
        cursor.execute(MARK, row)
        return {pk for (pk,) in cursor.fetchall()}


def noted(ready: Ready, provider: Provider) -> dict[str, Any]:
    """Return what is stored of a letter, and by what its address is known."""
    message, point = ready.message, ready.message.contact_point
    parts = parts_of(ready)
    return {
        "id": message.id,
        "attempts": message.attempts,
        "address_hash": f"\\x{address_hash(point.channel, point.address).hex()}",
        "subject": ready.subject,
        "body": ready.body,
        "parts": parts,
        "cost": parts * provider.cost,
    }


def parts_of(ready: Ready) -> int:
    return segments(ready.letter.text) if ready.message.channel == Channel.SMS else 1


class Batch:
    """Letters for one carrier, marked as it takes them; it knows which were taken and which not."""

    def __init__(
        self,
        ready: Sequence[Ready],
        provider: Provider,
        *,
        at: datetime,
        watch: Watch | None = None,
    ) -> None:
        self.provider = provider
        self.at = at
        self.watch = watch or Watch(at)
        self.pace = Pace(provider)
        self.waiting = deque(ready)
        self.taken: dict[UUID, Message] = {}
        self.marked: dict[UUID, tuple[float, Ready]] = {}  # when each of those was looked at
        self.refused: list[Message] = []  # something has changed since they were claimed
        self.end = time.monotonic() + PATIENCE

    def letters(self) -> Iterator[Letter]:
        """Yield letters that may go out at this very moment."""
        size = max(1, self.provider.window)
        while self.waiting:
            if not (allowed := self.pace.take(min(size, len(self.waiting)), until=self.end)):
                return
            group = [self.waiting.popleft() for _ in range(allowed)]
            begun = time.monotonic()
            marked = mark(group, self.provider, at=self.at, watch=self.watch)
            self.refused += [ready.message for ready in group if ready.message.id not in marked]
            self.waiting.extendleft(
                ready for ready in reversed(group) if ready.message.id in marked
            )
            for _ in marked:
                if time.monotonic() - begun > FRESH or not self.end:
                    break
                ready = self.waiting.popleft()
                self.taken[ready.letter.key] = ready.message
                self.marked[ready.letter.key] = begun, ready
                yield ready.letter
            size = min(size * 2, MOST) if time.monotonic() - begun < QUICK else max(1, size // 2)

    def may_leave(self, letter: Letter) -> bool:
        """Say whether a letter that was taken may leave still; it is looked at anew where that is old.

        One that may not has not been handed over.
        """
        begun, ready = self.marked[letter.key]
        if time.monotonic() - begun <= FRESH:
            return True
        if mark([ready], self.provider, at=self.at, watch=self.watch):
            return True
        self.refused.append(self.taken.pop(letter.key))
        return False

    def stop(self) -> None:
        """Hand over no more."""
        self.end = 0

    @property
    def unasked(self) -> list[Message]:
        """Return the messages that the carrier did not take."""
        return [ready.message for ready in self.waiting]
