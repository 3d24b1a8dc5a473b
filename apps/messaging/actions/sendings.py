"""Sendings: let out step by step, paused when much fails, halted and let go on by people."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.messaging.models.sendings import Sending

STEP = timedelta(minutes=15)  # a step of the ramp shows its failures in that time
AT_ONCE = 5_000  # messages let out in one transaction

FAILED = """
UPDATE messaging_sending AS sending SET failed = sending.failed + failure.count
FROM unnest(%s::bigint[], %s::integer[]) AS failure (id, count)
WHERE sending.id = failure.id
"""
# Whichever limit comes first. Counting costs little: it pauses before there is much to count.
PAUSE = """
UPDATE messaging_sending AS sending SET state = 'paused', reason = %(reason)s
WHERE sending.id = ANY(%(ids)s) AND sending.state = 'running' AND sending.failed > 0 AND (
    sending.failed >= sending.failure_limit OR sending.failed * 100 >= sending.failure_share * (
        SELECT count(*) FROM messaging_notice AS notice WHERE notice.sending_id = sending.id
    )
)
"""
# A stopped sending's messages are not sent; those of one that runs go on as far as it is let out.
# What its provider may have already is not called unsent.
LET_GO = """
WITH held AS (
    SELECT message.id, message.notice_id, sending.state = 'stopped' AS ends, sending.reason,
        message.handed_at IS NOT NULL AS may_be_out
    FROM messaging_message AS message
    JOIN messaging_notice AS notice ON notice.id = message.notice_id
    JOIN messaging_sending AS sending ON sending.id = notice.sending_id
    WHERE message.state = 'held' AND message.id > %(cursor)s AND (
        sending.state = 'stopped'
        OR sending.state = 'running' AND mod(notice.id, 100) < sending.released
    )
    ORDER BY message.id LIMIT %(limit)s
    FOR UPDATE OF message SKIP LOCKED
), ended AS (
    UPDATE messaging_notice AS notice SET
        state = CASE WHEN held.may_be_out THEN 'failed' ELSE 'skipped' END, reason = held.reason
    FROM held WHERE notice.id = held.notice_id AND held.ends AND notice.state = 'planned'
)
UPDATE messaging_message AS message SET
    state = CASE WHEN NOT held.ends THEN 'queued' WHEN held.may_be_out THEN 'unknown'
        ELSE 'skipped' END,
    reason = CASE WHEN held.ends THEN held.reason ELSE message.reason END,
    ended_at = CASE WHEN held.ends THEN %(at)s END
FROM held WHERE message.id = held.id
RETURNING message.id
"""
# The clients whom a ramp has let out; their notices are found by an index on just that. OFFSET has
# their messages looked up one by one, rather than those of all sendings read.
SHARE = """
    FROM messaging_notice AS notice
    LEFT JOIN LATERAL (
        SELECT * FROM messaging_message WHERE notice_id = notice.id OFFSET 0
    ) AS message ON true
    WHERE notice.sending_id = %(sending)s AND mod(notice.id, 100) < %(released)s
"""
# Somebody could have his message by now. Who sleeps, or whose price is not confirmed, could not;
# whom a failing provider keeps waiting is just what a ramp is there to show.
LACKING = f"""
SELECT EXISTS (SELECT {SHARE} AND (
    notice.state = 'queued' AND (notice.ask_after IS NULL OR notice.ask_after <= %(at)s)
    OR notice.state = 'planned' AND (
        message.state IN ('held', 'claimed')
        OR message.state = 'queued' AND (message.send_after <= %(at)s OR message.deferrals > 0)
    )
))
"""
# A step at night has shown nothing before the first of its messages has left.
SHOWN = f"""
SELECT EXISTS (SELECT {SHARE} AND message.handed_at BETWEEN %(since)s AND %(before)s)
    OR NOT EXISTS (
        SELECT {SHARE} AND (
            notice.state IN ('queued', 'planned') OR message.handed_at > %(before)s
        )
    )
"""
# Paused, it may have grown over the limit, or what was approved may have been edited.
RESUME = """
UPDATE messaging_sending AS sending SET failed = 0,
    state = CASE WHEN unapproved.it THEN 'waiting' ELSE 'running' END,
    reason = CASE WHEN unapproved.it THEN 'over_limit' ELSE '' END
FROM (
    SELECT id, messaging_is_over_limit(size) AND NOT EXISTS (
        SELECT FROM messaging_approval
        WHERE sending_id = asked.id AND state = 'approved'
            AND (edition, text_edition) = (asked.edition, asked.text_edition)
    ) AS it
    FROM messaging_sending AS asked WHERE id = %s FOR NO KEY UPDATE
) AS unapproved
WHERE sending.id = unapproved.id AND state = 'paused'
"""


def note_failures(counts: Mapping[int, int]) -> None:
    """Count failed messages of sendings, and pause those in which too many failed."""
    if not counts:
        return
    with connection.cursor() as cursor:
        cursor.execute(FAILED, [list(counts), list(counts.values())])
        reason = _("Too many of its messages failed. See why before you let it go on.")
        cursor.execute(PAUSE, {"ids": list(counts), "reason": reason})


def pause_sending(sending_id: int, reason: str) -> bool:
    """Hold whatever of a running sending has not been handed over; False if it does not run."""
    running = Sending.objects.filter(pk=sending_id, state=Sending.State.RUNNING)
    return running.update(state=Sending.State.PAUSED, reason=reason) == 1


def resume_sending(sending_id: int) -> bool:
    """Let a paused sending go on, its failures forgiven; False if it is not paused.

    One that needs approval by now waits for it.
    """
    with connection.cursor() as cursor:
        cursor.execute(RESUME, [sending_id])
        return bool(cursor.rowcount)


def stop_sending(sending_id: int, reason: str) -> bool:
    """End a sending for good; False if it was stopped already."""
    going = Sending.objects.filter(pk=sending_id).exclude(state=Sending.State.STOPPED)
    return going.update(state=Sending.State.STOPPED, reason=reason) == 1


def let_go_on(*, at: datetime) -> int:
    """Take each ramp a step further where it is time, and let out or end what was held."""
    advance_ramps(at=at)
    total, last = 0, 0
    while moved := let_go(after=last, at=at):
        total, last = total + len(moved), max(moved)
    return total


@transaction.atomic
def let_go(*, after: int, at: datetime) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(LET_GO, {"cursor": after, "limit": AT_ONCE, "at": at})
        return [pk for (pk,) in cursor.fetchall()]


def advance_ramps(*, at: datetime) -> int:
    """Let out the next step of each sending whose last one is done; return how many."""
    growing = Sending.objects.filter(state=Sending.State.RUNNING, released__lt=100).order_by("pk")
    return sum(
        Sending.objects.filter(
            pk=sending.pk, state=Sending.State.RUNNING, released=sending.released
        ).update(released=next_step(sending), released_at=at)
        for sending in growing
        if step_is_done(sending, at=at)
    )


def next_step(sending: Sending) -> int:
    return min((step for step in sending.ramp if step > sending.released), default=100)


def step_is_done(sending: Sending, *, at: datetime) -> bool:
    """Say whether all who could be told have been, the first of them long enough ago."""
    since, before = sending.released_at or sending.created_at, at - STEP
    if since > before:
        return False
    asked: dict[str, Any] = {
        "sending": sending.pk,
        "released": sending.released,
        "since": since,
        "before": before,
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(SHOWN, asked)
        if not cursor.fetchone()[0]:
            return False
        cursor.execute(LACKING, asked)
        return not cursor.fetchone()[0]
