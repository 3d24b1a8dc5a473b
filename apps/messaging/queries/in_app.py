"""Notices that wait for a client in the issuer's own site or app."""

from datetime import datetime, timedelta

from django.db.models import Case, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When

from apps.messaging import gate
from apps.messaging.models.content import Display
from apps.messaging.models.links import Link
from apps.messaging.models.outbox import Message
from apps.messaging.queries.wishes import Grounds
from apps.profiles.models import Channel

State = Message.State
KEPT = timedelta(days=90)  # what nobody came for so long is no news any more
MOST = 10  # of one client at once; the others come when these are done
ORDER = (Display.BLOCKING, Display.POPUP, Display.BANNER)


def notices_waiting(client_id: int, *, at: datetime) -> list[Message]:
    """Return what a client is to be shown, what he must acknowledge first; a look, no change.

    The gate is asked again: a stop, a withdrawn consent or a correction takes notices away that
    hang there already. One that has reached him another way does, unless he must acknowledge it.
    """
    waiting = list(sent_to(client_id, at=at))
    if not waiting:
        return []
    points = [message.contact_point for message in waiting]
    grounds = Grounds([message.notice for message in waiting], at=at, points=points)
    wishes = (
        grounds.wish(message.notice, message.channel, message.contact_point) for message in waiting
    )
    return [
        message for message, wish in zip(waiting, wishes, strict=True) if gate.may_stay(wish, at=at)
    ][:MOST]


def sent_to(client_id: int, *, at: datetime) -> QuerySet[Message]:
    seen = Message.objects.filter(notice=OuterRef("notice"), seen_at__isnull=False)
    elsewhere = Exists(seen.exclude(channel=Channel.IN_APP))
    blocking = Q(wording__display=Display.BLOCKING)
    rank = Case(
        *(When(wording__display=each, then=Value(place)) for place, each in enumerate(ORDER)),
        output_field=IntegerField(),
    )
    return (
        Message.objects.filter(
            notice__client=client_id,
            notice__created_at__gt=at - KEPT,
            channel=Channel.IN_APP,
            state__in=[State.SENT, State.DELIVERED],
            reaction=None,
        )
        .filter(blocking | ~elsewhere)
        .exclude(body="")  # an erasure took it away
        .select_related("notice__client", "notice__template", "contact_point", "wording")
        .order_by(rank, "sent_at", "pk")
    )


def links_of(messages: list[Message]) -> dict[int, Link]:
    """Return the personal link of each message that has one which still leads somewhere."""
    wanted = {(one.notice.client_id, one.contact_point_id, one.notice.subject) for one in messages}
    points = {point for _client, point, _subject in wanted}
    found = {
        (link.client_id, link.contact_point_id, link.subject): link
        for link in Link.objects.filter(contact_point__in=points, message=None, revoked_at=None)
        .exclude(key="")
        .order_by("pk")
    }
    ours = {
        one.pk: found.get((one.notice.client_id, one.contact_point_id, one.notice.subject))
        for one in messages
    }
    return {pk: link for pk, link in ours.items() if link is not None}
