"""Recording what became of messages: one statement for a group, under the claim of its sender."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.events.actions import Fact
from apps.events.actions import record as record_events
from apps.messaging.actions import sendings, spreading
from apps.messaging.actions.claims import survive_crashes
from apps.messaging.actions.notices import hide_addresses
from apps.messaging.channels import Answer, Verdict
from apps.messaging.gate import Refusal
from apps.messaging.models.content import Kind
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.providers import Provider
from apps.messaging.models.sendings import CascadeStep

REASON_LENGTH = 500  # of the column
ALARM = timedelta(
    seconds=20
)  # then an alert that nobody has confirmed goes out in one more channel
BACK_OFF = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180)]

# Why a message may not go out in its own channel, whatever holds in the others.
OF_CHANNEL = {Refusal.NO_CONSENT, Refusal.SUPPRESSED, Refusal.NO_ADDRESS}

State = Message.State
STATES = {Verdict.SENT: State.SENT, Verdict.NEVER: State.FAILED, Verdict.UNKNOWN: State.UNKNOWN}
# What became of a message became of its notice, unless another message of it did better, or still may.
NOTICE_STATES = {
    State.QUEUED: Notice.State.PLANNED,
    State.SENT: Notice.State.DONE,
    State.SKIPPED: Notice.State.SKIPPED,
    State.FAILED: Notice.State.FAILED,
    State.UNKNOWN: Notice.State.FAILED,
}

# An answer that comes after the lease has run out still is the truth: it replaces `unknown`, and
# what was to be sent again with its key need not be.
RECORD = """
UPDATE messaging_message AS message SET
    state = outcome.state, reason = outcome.reason, provider_id = outcome.provider_id,
    send_after = coalesce(outcome.send_after, message.send_after),
    sent_at = outcome.sent_at, ended_at = outcome.ended_at, leased_until = NULL,
    handed_at = CASE WHEN outcome.stayed THEN NULL ELSE message.handed_at END,
    carried_by_id = CASE WHEN outcome.stayed THEN NULL ELSE message.carried_by_id END,
    deferrals = message.deferrals + outcome.deferred, follow_at = outcome.follow_at,
    parts = coalesce(outcome.parts, message.parts),
    cost = coalesce(outcome.cost, message.cost)
FROM json_to_recordset(%s) AS outcome (
    id bigint, attempts smallint, state text, reason text, provider_id text,
    send_after timestamptz, sent_at timestamptz, ended_at timestamptz, stayed boolean,
    deferred smallint, follow_at timestamptz, parts smallint, cost integer
)
WHERE message.id = outcome.id AND message.attempts = outcome.attempts
    AND message.state <> outcome.state AND (
        message.state IN ('claimed', 'unknown')
        OR message.state = 'queued' AND message.handed_at IS NOT NULL AND outcome.state = 'sent'
    )
RETURNING message.id
"""
NOTICES = """
UPDATE messaging_notice AS notice SET state = outcome.state, reason = outcome.reason
FROM json_to_recordset(%s) AS outcome (id bigint, state text, reason text)
WHERE notice.id = outcome.id AND (outcome.state = 'done' OR NOT EXISTS (
    SELECT FROM messaging_message AS other
    WHERE other.notice_id = notice.id AND (
        other.state IN ('sent', 'delivered')
        OR outcome.state <> 'planned' AND other.state IN ('queued', 'held', 'claimed')
    )
))
RETURNING notice.id, notice.state
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
    parts: int | None = None  # as the provider counts them
    cost: int | None = None
    deferred: bool = False  # the provider wants it later

    @property
    def stayed(self) -> bool:
        """Say whether nothing of it is out there, though it may have been marked a moment ago."""
        kept = self.state in {State.QUEUED, State.SKIPPED}
        return kept and self.message.handed_at is None

    @property
    def is_barred(self) -> bool:
        """Say whether it may not go out in this channel, while another one may do."""
        return self.state == State.SKIPPED and self.reason in OF_CHANNEL

    @property
    def left_us(self) -> bool:
        """Say whether its provider was given it, whatever it answered."""
        return self.deferred or self.state in {State.SENT, State.UNKNOWN}

    @classmethod
    def of(
        cls, message: Message, answer: Answer, provider: Provider | None = None, *, at: datetime
    ) -> "Outcome":
        sent = answer.verdict == Verdict.SENT
        cost = answer.parts * provider.cost if provider and answer.parts else None
        return cls(
            message,
            STATES[answer.verdict],
            answer.reason,
            answer.provider_id,
            sent_at=at if sent else None,
            ended_at=None if sent else at,
            parts=answer.parts,
            cost=cost,
        )

    @classmethod
    def skipped(cls, message: Message, reason: str, *, at: datetime) -> "Outcome":
        """End a message that may not go out; one that may be out already is unknown."""
        state = State.UNKNOWN if message.handed_at else State.SKIPPED
        return cls(message, state, reason, ended_at=at)

    @classmethod
    def failed(cls, message: Message, reason: str, *, at: datetime) -> "Outcome":
        """End a message that cannot go out; one that may be out already is unknown."""
        state = State.UNKNOWN if message.handed_at else State.FAILED
        return cls(message, state, reason, ended_at=at)

    @classmethod
    def repeated(cls, message: Message, at: datetime) -> "Outcome":
        """Queue what may be out already to go again with the same key, to the same provider."""
        reason = _("Sent again with the same key, since its sender stopped.")
        return cls(message, State.QUEUED, reason, send_after=at)

    @classmethod
    def put_off(cls, message: Message, until: datetime, *, reason: str = "") -> "Outcome":
        return cls(message, State.QUEUED, reason, send_after=until)


def judged(message: Message, answer: Answer, provider: Provider, *, at: datetime) -> Outcome | None:
    """Read an answer; one that says “later” means a few times later, and then never.

    None where the provider will be asked: the claim stays until its lease has run out.
    """
    unknown = answer.verdict == Verdict.UNKNOWN
    if unknown and provider.settles == Provider.Settles.LOOK_UP:
        return None
    repeats = unknown and provider.settles == Provider.Settles.KEY
    if answer.verdict != Verdict.AGAIN and not repeats:
        return Outcome.of(message, answer, provider, at=at)
    if repeats:
        message.handed_at = message.handed_at or at
    if message.deferrals >= len(BACK_OFF):
        return given_up(message, answer, at=at)
    until = at + max(BACK_OFF[message.deferrals] * jitter(message), answer.wait or timedelta())
    return Outcome(message, State.QUEUED, answer.reason, send_after=until, deferred=True)


def jitter(message: Message) -> float:
    """Spread what failed together over a fifth more of the time, each message in its own way."""
    return 1 + message.key.int % 1_000 / 5_000


def given_up(message: Message, answer: Answer, *, at: datetime) -> Outcome:
    reason = _("Given up after %(count)s attempts. %(reason)s") % {
        "count": message.deferrals + 1,
        "reason": answer.reason,
    }
    state = State.UNKNOWN if message.handed_at else State.FAILED
    return Outcome(message, state, reason, ended_at=at)


@transaction.atomic
def record(outcomes: Sequence[Outcome], *, at: datetime) -> int:
    """Record outcomes of messages that are still this sender's; return how many were."""
    if not outcomes:
        return 0
    survive_crashes()
    follows = next_looks(outcomes, at=at)
    noted = [
        {
            "id": outcome.message.id,
            "attempts": outcome.message.attempts,
            "state": outcome.state.value,
            "reason": outcome.reason[:REASON_LENGTH],
            "provider_id": outcome.provider_id,
            "send_after": outcome.send_after,
            "sent_at": outcome.sent_at,
            "ended_at": outcome.ended_at,
            "stayed": outcome.stayed,
            "deferred": int(outcome.deferred),
            "follow_at": follow_at,
            "parts": outcome.parts,
            "cost": outcome.cost,
        }
        for outcome, follow_at in zip(outcomes, follows, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(RECORD, [orjson.dumps(noted).decode()])
        ours = {pk for (pk,) in cursor.fetchall()}
    recorded = [outcome for outcome in outcomes if outcome.message.id in ours]
    broken = update_notices(recorded)
    failed = {
        (notice.sending_id, notice.id)
        for outcome in recorded
        if (notice := outcome.message.notice).sending_id
        and outcome.state in {State.FAILED, State.UNKNOWN}
        and (notice.id in broken or not outcome.message.is_beside)
    }
    sendings.note_failures(Counter(sending for sending, _notice in failed))
    sent = [outcome.message for outcome in recorded if outcome.state == State.SENT]
    record_events([told(message, at) for message in spreading.first_told(sent)])
    return len(ours)


def next_looks(outcomes: Sequence[Outcome], *, at: datetime) -> list[datetime | None]:
    """Return when to see whether another channel must follow: at once where this one cannot be."""
    templates = {outcome.message.notice.template_id for outcome in outcomes}
    found = CascadeStep.objects.filter(template__in=templates)
    steps = {
        (template, number): within
        for template, number, within in found.values_list("template", "number", "within")
    }

    def look(outcome: Outcome) -> datetime | None:
        message, notice = outcome.message, outcome.message.notice
        if notice.contact_point_id is not None:
            return None
        if outcome.state == State.FAILED or outcome.is_barred:
            return at
        if notice.template.kind == Kind.SECURITY and outcome.left_us:
            return at + ALARM
        within = steps.get((notice.template_id, message.at_step + 1))
        return at + within if within and outcome.state in {State.SENT, State.UNKNOWN} else None

    return [look(outcome) for outcome in outcomes]


def update_notices(outcomes: Sequence[Outcome]) -> set[int]:
    """Let notices be what became of their messages; return those that failed by it."""
    if beside := [each.message.notice_id for each in outcomes if each.message.is_beside]:
        spreading.lock(beside)  # two that fail at once must not each leave it to the other
    noted = [
        {
            "id": outcome.message.notice_id,
            "state": NOTICE_STATES[outcome.state].value,
            "reason": outcome.reason[:REASON_LENGTH],
        }
        for outcome in outcomes
    ]
    with connection.cursor() as cursor:
        cursor.execute(NOTICES, [orjson.dumps(noted).decode()])
        broken = {pk for pk, state in cursor.fetchall() if state == Notice.State.FAILED}
    hide_addresses(outcome.message.notice for outcome in outcomes if outcome.state != State.QUEUED)
    return broken


def told(message: Message, at: datetime) -> Fact:
    """Write the timeline's entry."""
    notice = message.notice
    return Fact(
        client_id=notice.client_id,
        kind="message.sent",
        subject=notice.subject or f"notice:{notice.id}",
        occurred_at=at,
        source_key=f"message:{message.id}:sent",
        properties={
            "message": message.id,
            "notice": notice.id,
            "channel": message.channel,
            "template": notice.template.code,
        },
    )
