"""What providers tell of messages: kept as it came, then counted in sets.

A receipt may come twice or a thousand times, in any order, before we have noted the provider's
answer, and for messages that nobody knows. So it is kept first, found its message for when there is
one, and the message's state follows from all its receipts together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from django.db import connection, transaction

from apps.messaging.actions.settling import settle
from apps.messaging.models.receipts import Receipt

State = Receipt.State
# A message's answer is noted seconds after its receipt at most; what is looked for longer was sent
# by a sender that died.
SOON, LATE = timedelta(minutes=15), timedelta(days=3)
LONGEST_ID, LONGEST_REASON = 120, 500  # of the columns

KEEP = """
INSERT INTO messaging_receipt
    (provider, provider_id, key, state, reason, occurred_at, received_at)
SELECT %(provider)s, given.provider_id, given.key, given.state, given.reason, given.occurred_at, %(at)s
FROM json_to_recordset(%(words)s) AS given (
    provider_id text, key uuid, state text, reason text, occurred_at timestamptz
)
ORDER BY given.provider_id, given.key, given.state, given.occurred_at
ON CONFLICT DO NOTHING
RETURNING id
"""
# A message by our own key, which nobody else knows, or else by what its provider calls it.
FIND = """
UPDATE messaging_receipt AS receipt SET message_id = coalesce(
    (SELECT id FROM messaging_message WHERE key = receipt.key),
    (SELECT max(message.id) FROM messaging_message AS message
     LEFT JOIN messaging_provider AS carrier ON carrier.id = message.carried_by_id
     WHERE message.provider_id = receipt.provider_id AND message.provider_id <> ''
        AND coalesce(carrier.name, receipt.provider) = receipt.provider)
)
WHERE receipt.message_id IS NULL AND receipt.id = ANY (%s)
"""
FOUND = """
SELECT DISTINCT message_id FROM messaging_receipt WHERE id = ANY (%s) AND message_id IS NOT NULL
"""
APPLY = """
UPDATE messaging_receipt SET applied_at = %(at)s
WHERE message_id = ANY (%(messages)s) AND applied_at IS NULL
"""


@dataclass(frozen=True)
class Word:
    """What a provider said of one message, known by the provider's id, our key, or both."""

    state: str
    provider_id: str = ""
    key: UUID | None = None
    occurred_at: datetime | None = None
    reason: str = ""


def storable(word: Word) -> Word:
    """Leave out what no column holds: one such word must not keep the others from being heard."""
    provider_id, reason = (
        said.replace("\0", "").encode(errors="replace").decode()
        for said in (word.provider_id, word.reason)
    )
    return replace(word, provider_id=provider_id[:LONGEST_ID], reason=reason[:LONGEST_REASON])


@transaction.atomic
def receive(provider: str, words: Sequence[Word], *, at: datetime) -> int:
    """Keep a provider's receipts and count those whose message is known; return how many are new."""
    words = [kept for word in words if (kept := storable(word)).provider_id or kept.key]
    with connection.cursor() as cursor:
        cursor.execute(
            KEEP,
            {"provider": provider, "words": orjson.dumps(words).decode(), "at": at},
        )
        new = [pk for (pk,) in cursor.fetchall()]
    count_receipts(new, at=at)
    return len(new)


def settle_receipts(*, at: datetime, since: timedelta = SOON, limit: int = 5_000) -> int:
    """Count receipts whose message has been found or noted since; return how many were."""
    waiting = Receipt.objects.filter(applied_at=None, received_at__gte=at - since)
    counted = 0
    for pks in _slices(list(waiting.order_by("pk").values_list("pk", flat=True)), limit):
        counted += count_receipts(pks, at=at)
    return counted


@transaction.atomic
def count_receipts(receipts: Sequence[int], *, at: datetime) -> int:
    """Find the messages of receipts and let their states follow; return how many receipts count."""
    if not receipts:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(FIND, [list(receipts)])
        cursor.execute(FOUND, [list(receipts)])
        settled = settle({message for (message,) in cursor.fetchall()}, at=at)
        cursor.execute(APPLY, {"messages": settled, "at": at})
        return int(cursor.rowcount)


def _slices(pks: list[int], size: int) -> list[list[int]]:
    return [pks[first : first + size] for first in range(0, len(pks), size)]
