"""What limits offers: the days that others have, the limits of a tier, the groups held out."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import connection
from django.db.models import Q

from apps.messaging.gate import LOTS, Frequency, Limit, Rival, lot
from apps.messaging.models.content import Kind
from apps.messaging.models.frequency import FrequencyPolicy, HoldOut
from apps.messaging.models.outbox import Notice

# One that was handed over and waits to go again, with the same key, may have arrived already.
MAY_HAVE_LEFT = """(
    message.state NOT IN ('queued', 'held', 'skipped', 'failed')
    OR message.state IN ('queued', 'held') AND message.handed_at IS NOT NULL
)"""
# A day is taken by an offer that is on its way or has left. One that failed or was skipped has
# given its day back; one still in the queue may be moved out of it.
TAKEN = f"""
SELECT reservation.client_id, reservation.notice_id, reservation.day, rival.priority,
    NOT bool_or({MAY_HAVE_LEFT}) AS is_movable
FROM messaging_reservation AS reservation
JOIN messaging_notice AS rival ON rival.id = reservation.notice_id
JOIN messaging_message AS message ON message.notice_id = rival.id
WHERE reservation.client_id = ANY(%s)
GROUP BY 1, 2, 3, 4
HAVING bool_or(message.state NOT IN ('skipped', 'failed'))
"""  # noqa: S608 (our own constant)


def frequencies(notices: Iterable[Notice]) -> dict[int, Frequency]:
    """Return by notice what each offer among them competes with; two queries if there is one."""
    offers = [notice for notice in notices if notice.template.kind == Kind.OFFER]
    if not offers:
        return {}
    taken = rivals({notice.client_id for notice in offers})
    limits = limits_by_tier()
    return {
        notice.pk: Frequency(
            notice.priority,
            tuple(rival for rival in taken[notice.client_id] if rival.notice != notice.pk),
            tuple(limits[""] + (limits[tier] if (tier := notice.client.tier) else [])),
        )
        for notice in offers
    }


def rivals(client_ids: Collection[int]) -> dict[int, list[Rival]]:
    found: dict[int, list[Rival]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(TAKEN, [list(client_ids)])
        for client, *rival in cursor.fetchall():
            found[client].append(Rival(*rival))
    return found


def limits_by_tier() -> dict[str, list[Limit]]:
    """Return the limits of each tier; those under the empty one are everybody's."""
    limits: dict[str, list[Limit]] = defaultdict(list)
    for policy in FrequencyPolicy.objects.all():
        limits[policy.tier].append(Limit(policy.offers, policy.days))
    return limits


def groups(*, at: datetime) -> list[tuple[int, str, int]]:
    """Return the hold-out groups of now: key, name, and below which lot a client is in it."""
    standing = HoldOut.objects.filter(Q(ends_at=None) | Q(ends_at__gt=at), begins_at__lte=at)
    return [
        (group.pk, group.name, int(group.percent * LOTS / 100)) for group in standing.order_by("pk")
    ]


def group_of(notice: Notice, standing: Iterable[tuple[int, str, int]]) -> str:
    """Return the group that keeps a client from being told, its own of the notice first."""
    if notice.hold_out or notice.template.kind != Kind.OFFER:
        return notice.hold_out
    held = (name for key, name, below in standing if lot(key, notice.client_id) < below)
    return next(held, "")
