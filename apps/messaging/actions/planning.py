"""From what we mean to tell to how: each queued notice gets one message, or a verdict why not.

Batches go by key up to a bound that is frozen when a round begins: any number may plan at once, and
in one round nobody is asked twice.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Max, Min

from apps.messaging.actions import deciding, reserving
from apps.messaging.actions.notices import hide_addresses
from apps.messaging.actions.withdrawing import displace
from apps.messaging.gate import PATIENCE, Refusal
from apps.messaging.models.outbox import Notice
from apps.messaging.models.queue import QueuedNotice

WAITING = ", ".join(f"'{reason}'" for reason in PATIENCE)
# Keys come of a secret: PostgreSQL asks the system for each random one, which takes longer than the
# row. Whoever was queued again keeps the message that he has: nothing is said twice. His notice is
# locked, so that nobody makes one meanwhile; the unique key would refuse it, but to have it asked
# about each row costs a sixth of the writing. The bounds keep big tables from being read whole.
MESSAGES = """
INSERT INTO messaging_message (
    notice_id, channel, contact_point_id, language, wording_id, state, reason, key, provider_id,
    attempts, queued_at, send_after, subject, body
)
SELECT notice_id, channel, point_id, language, wording_id, 'queued', '',
    md5(%(seed)s || notice_id)::uuid, '', 0,
    %(at)s, send_at, '', ''
FROM messaging_decided AS decided
WHERE channel IS NOT NULL AND NOT EXISTS (
    SELECT FROM messaging_message AS had
    WHERE had.notice_id = decided.notice_id AND had.notice_id BETWEEN %(first)s AND %(last)s
)
ORDER BY notice_id
"""
# Of a notice that waits on, what made it wait is written already.
VERDICTS = f"""
INSERT INTO messaging_verdict (notice_id, at, outcome, channel, reason, inputs)
SELECT notice_id, %(at)s,
    CASE WHEN channel IS NOT NULL THEN 'granted'
        WHEN reason IN ({WAITING}) THEN 'waits' ELSE 'refused' END,
    coalesce(channel, ''), reason, inputs
FROM messaging_decided WHERE NOT (has_waited AND reason IN ({WAITING}))
ORDER BY notice_id
"""  # noqa: S608 (our own constants, here and below)
NOTICES = f"""
UPDATE messaging_notice AS notice SET
    state = CASE WHEN decided.channel IS NOT NULL THEN 'planned'
        WHEN decided.reason IN ({WAITING}) THEN 'queued'
        WHEN decided.reason = '{Refusal.NO_WORDING}' THEN 'failed' ELSE 'skipped' END,
    reason = decided.reason,
    ask_after = CASE decided.reason
        {
    " ".join(
        f"WHEN '{reason}' THEN %(at)s + interval '{int(wait.total_seconds())} s'"
        for reason, wait in PATIENCE.items()
    )
} END
FROM messaging_decided AS decided WHERE notice.id = decided.notice_id
    AND notice.id BETWEEN %(first)s AND %(last)s
"""  # noqa: S608
PLANNED = f"""
DELETE FROM messaging_queuednotice WHERE notice_id = ANY(ARRAY(
    SELECT notice_id FROM messaging_decided WHERE reason NOT IN ({WAITING})
))
"""  # noqa: S608
# The few that ended before they left and hold an address that opens something.
ENDED = f"""
SELECT notice.id FROM messaging_decided AS decided
JOIN messaging_notice AS notice ON notice.id = decided.notice_id
WHERE decided.channel IS NULL AND decided.reason NOT IN ({WAITING})
    AND notice.values @? '$.*.url'
"""  # noqa: S608


@dataclass(frozen=True)
class Round:
    """How far planning has come: up to which notice, of those that were there when it began."""

    after: int
    until: int


def begin_round() -> Round:
    queue = QueuedNotice.objects.aggregate(first=Min("pk"), last=Max("pk"))
    return Round(after=(queue["first"] or 1) - 1, until=queue["last"] or 0)


def plan_messages(*, at: datetime, limit: int) -> int:
    """Plan a message for each of the next queued notices; return how many were decided."""
    decided, rest = plan_batch(begin_round(), at=at, limit=limit)
    while not decided and rest is not None:
        decided, rest = plan_batch(rest, at=at, limit=limit)
    return decided


def plan_batch(this: Round, *, at: datetime, limit: int) -> tuple[int, Round | None]:
    """Plan the next notices of a round; return how many, and what is left of the round."""
    with transaction.atomic(), connection.cursor() as cursor:
        batch = deciding.ask(cursor, at=at, limit=limit, after=this.after, until=this.until)
        if batch.size:
            _plan(cursor, batch, at)
    rest = Round(batch.last, this.until) if batch.last else None
    return batch.size, rest


def _plan(cursor: CursorWrapper, batch: deciding.Batch, at: datetime) -> None:
    bounds = {"first": batch.first, "last": batch.last}
    has_offers = reserving.hold_offers(cursor)
    deciding.decide(cursor, at=at)
    if has_offers and (displaced := reserving.reserve_days(cursor)):
        displace(displaced, at=at)
    cursor.execute(MESSAGES, {"at": at, "seed": secrets.token_hex(), **bounds})
    cursor.execute(VERDICTS, {"at": at})
    cursor.execute(NOTICES, {"at": at, **bounds})
    cursor.execute(PLANNED)
    cursor.execute(ENDED)
    hide_addresses(Notice.objects.filter(pk__in=[pk for (pk,) in cursor.fetchall()]))
