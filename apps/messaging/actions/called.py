"""What came of advisers' calls, as their events tell it: receipts of messages, and complaints."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.advisers.models import CallTask
from apps.messaging.actions.receipts import Word, receive
from apps.messaging.actions.routing import LISTENER
from apps.messaging.models.receipts import Receipt
from apps.messaging.models.replies import Reply
from apps.profiles.models import Channel

ADVISERS = "advisers"  # as a provider, of receipts and of complaints
# With any of these a person has heard what he was to be told.
HEARD = {"reached", "interested", "not_interested", "refused", "complaint"}
TAKE = """
WITH taken AS (
    DELETE FROM events_inbox WHERE id = ANY (ARRAY(
        SELECT id FROM events_inbox
        WHERE listener = %(listener)s AND kind LIKE 'call.%%'
        ORDER BY id LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING event_id, occurred_at
)
SELECT split_part(event.kind, '.', 2), (event.properties ->> 'task')::bigint, event.occurred_at
FROM taken
JOIN events_event AS event
    ON event.id = taken.event_id AND event.occurred_at = taken.occurred_at
ORDER BY event.id
"""


@transaction.atomic
def heed_calls(*, at: datetime, limit: int) -> int:
    """Let messages be what came of their calls, and bring complaints to the desk; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, {"listener": LISTENER, "limit": limit})
        told = cursor.fetchall()
    tasks = CallTask.objects.select_related("contact_point").in_bulk(
        {task for _c, task, _at in told}
    )
    words = [word for code, task, when in told if (word := word_of(code, tasks[task], when))]
    receive(ADVISERS, words, at=at)
    for code, task, when in told:
        if code == CallTask.Outcome.COMPLAINT:
            bring_to_desk(tasks[task], when, at=at)
    return len(told)


def word_of(code: str, task: CallTask, occurred_at: datetime) -> Word | None:
    """Say what a call means for its message; None where it was no message's."""
    if not task.source.startswith("message:"):
        return None
    heard = code in HEARD
    state = Receipt.State.SEEN if heard else Receipt.State.FAILED
    reason = "" if heard else reasons().get(code, task.reason)
    return Word(state, key=UUID(task.key), occurred_at=occurred_at, reason=reason)


def reasons() -> dict[str, str]:
    return {
        "given_up": _("Nobody answered the calls."),
        "wrong_number": _("The number is not the client's."),
        "expired": _("Nobody called in time."),
    }


def bring_to_desk(task: CallTask, occurred_at: datetime, *, at: datetime) -> None:
    """Have a person look at what a client complained of on the phone."""
    fields: dict[str, Any] = {
        "channel": Channel.CALL,
        "sender": task.contact_point.address,
        "client_id": task.client_id,
        "text": task.note or _("Complained in a call: %(title)s") % {"title": task.title},
        "occurred_at": occurred_at,
        "received_at": at,
        "meaning": Reply.Meaning.COMPLAINT,
    }
    Reply.objects.get_or_create(provider=ADVISERS, provider_id=f"call:{task.pk}", defaults=fields)
