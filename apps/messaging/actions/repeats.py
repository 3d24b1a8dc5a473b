"""Replies that come again: message centres repeat what they think nobody has answered.

A reply with an id of its own is known by that. One without, as SMS have none, is the one before
come again where the same provider brings the same words from the same number within ten minutes,
unless a person has settled the one before meanwhile. It is no second reply, and not lost either: the
first one counts it and says when it came, for a client may mean to say the same thing twice.
"""

from datetime import timedelta

from django.db import connection
from django.db.models import F, Q

from apps.messaging.models.replies import Reply

WITHIN = timedelta(minutes=10)  # centres try again after one minute and five; we bind anew in one


def noted_again(reply: Reply) -> Reply | None:
    """Return the reply that a new one without an id repeats, and count it there; None for none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"reply:{reply.provider}:{reply.sender}"],
        )
    same = Reply.objects.filter(
        Q(state=Reply.State.OPEN) | Q(settled_by=None),
        sender=reply.sender,
        received_at__gt=reply.received_at - WITHIN,
        channel=reply.channel,
        provider=reply.provider,
        provider_id="",
        text=reply.text,
    )
    before = same.order_by("-received_at", "-pk").select_for_update().first()
    if before is not None:
        Reply.objects.filter(pk=before.pk).update(times=F("times") + 1, again_at=reply.received_at)
    return before
