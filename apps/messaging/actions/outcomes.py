"""Recording what became of messages: one statement for a group, under the claim of its sender."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from apps.events.actions import Fact
from apps.events.actions import record as record_events
from apps.messaging.actions.notices import hide_addresses
from apps.messaging.channels import Answer, Verdict
from apps.messaging.models.outbox import Message, Notice

REASON_LENGTH = 500  # of the column

State = Message.State
STATES = {Verdict.SENT: State.SENT, Verdict.NEVER: State.FAILED, Verdict.UNKNOWN: State.UNKNOWN}
# A notice has one message, so what became of the one became of the other.
NOTICE_STATES = {
    State.QUEUED: Notice.State.PLANNED,
    State.SENT: Notice.State.DONE,
    State.SKIPPED: Notice.State.SKIPPED,
    State.FAILED: Notice.State.FAILED,
    State.UNKNOWN: Notice.State.FAILED,
}

# An answer that comes after the lease has run out still is the truth: it replaces `unknown`.
RECORD = """
UPDATE messaging_message AS message SET
    state = outcome.state, reason = outcome.reason, provider_id = outcome.provider_id,
    send_after = coalesce(outcome.send_after, message.send_after),
    sent_at = outcome.sent_at, ended_at = outcome.ended_at, leased_until = NULL,
    handed_at = CASE WHEN outcome.state = 'queued' THEN NULL ELSE message.handed_at END
FROM unnest(
    %s::bigint[], %s::smallint[], %s::text[], %s::text[], %s::text[], %s::timestamptz[],
    %s::timestamptz[], %s::timestamptz[]
) AS outcome (id, attempts, state, reason, provider_id, send_after, sent_at, ended_at)
WHERE message.id = outcome.id AND message.attempts = outcome.attempts
    AND message.state IN ('claimed', 'unknown') AND message.state <> outcome.state
RETURNING message.id
"""
NOTICES = """
UPDATE messaging_notice AS notice SET state = outcome.state, reason = outcome.reason
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS outcome (id, state, reason)
WHERE notice.id = outcome.id
"""


@dataclass(frozen=True)
class Outcome:
    """What became of one claimed message."""

    message: Message
    state: State
    reason: str = ""
    provider_id: str = ""
    send_after: datetime | None = None
    sent_at: datetime | None = None
    ended_at: datetime | None = None

    @classmethod
    def of(cls, message: Message, answer: Answer, *, at: datetime) -> "Outcome":
        sent = answer.verdict == Verdict.SENT
        return cls(
            message,
            STATES[answer.verdict],
            answer.reason,
            answer.provider_id,
            sent_at=at if sent else None,
            ended_at=None if sent else at,
        )

    @classmethod
    def skipped(cls, message: Message, reason: str, *, at: datetime) -> "Outcome":
        return cls(message, State.SKIPPED, reason, ended_at=at)

    @classmethod
    def failed(cls, message: Message, reason: str, *, at: datetime) -> "Outcome":
        return cls(message, State.FAILED, reason, ended_at=at)

    @classmethod
    def put_off(cls, message: Message, until: datetime, *, reason: str = "") -> "Outcome":
        return cls(message, State.QUEUED, reason, send_after=until)


@transaction.atomic
def record(outcomes: Sequence[Outcome], *, at: datetime) -> int:
    """Record outcomes of messages that are still this sender's; return how many were."""
    if not outcomes:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            RECORD,
            [
                [outcome.message.pk for outcome in outcomes],
                [outcome.message.attempts for outcome in outcomes],
                [outcome.state.value for outcome in outcomes],
                [outcome.reason[:REASON_LENGTH] for outcome in outcomes],
                [outcome.provider_id for outcome in outcomes],
                [outcome.send_after for outcome in outcomes],
                [outcome.sent_at for outcome in outcomes],
                [outcome.ended_at for outcome in outcomes],
            ],
        )
        ours = {pk for (pk,) in cursor.fetchall()}
    recorded = [outcome for outcome in outcomes if outcome.message.pk in ours]
    update_notices(recorded)
    record_events([told(outcome, at) for outcome in recorded if outcome.state == State.SENT])
    return len(ours)


def update_notices(outcomes: Sequence[Outcome]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            NOTICES,
            [
                [outcome.message.notice_id for outcome in outcomes],
                [NOTICE_STATES[outcome.state].value for outcome in outcomes],
                [outcome.reason[:REASON_LENGTH] for outcome in outcomes],
            ],
        )
    hide_addresses(outcome.message.notice for outcome in outcomes if outcome.state != State.QUEUED)


def told(outcome: Outcome, at: datetime) -> Fact:
    """Write the timeline's entry."""
    message, notice = outcome.message, outcome.message.notice
    return Fact(
        client_id=notice.client_id,
        kind="message.sent",
        subject=notice.subject or f"notice:{notice.pk}",
        occurred_at=at,
        source_key=f"message:{message.pk}:sent",
        properties={
            "message": message.pk,
            "notice": notice.pk,
            "channel": message.channel,
            "template": notice.template.code,
        },
    )
