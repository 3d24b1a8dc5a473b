"""Replies that an adviser answers by a call."""

from datetime import datetime, timedelta

from django.db.models import F
from django.utils.translation import gettext as _

from apps.advisers.actions.opening import Wish, open_task
from apps.messaging.actions.providers import environments
from apps.messaging.models.providers import Provider
from apps.messaging.models.replies import Reply
from apps.profiles.models import Channel, ContactPoint
from apps.profiles.queries.suppressions import suppressions

WITHIN = timedelta(hours=2)  # who asks for a call waits for it
PRIORITY = 200  # before all news
AT_ONCE = "replies_at_once"  # the option of the advisers' provider: nobody need pass them on


class PassingError(Exception):
    """Why nobody can be asked to call; the text is for people."""


def ask_for_call(reply: Reply, *, at: datetime) -> bool:
    """Put the call that a reply asks for into the advisers' queue; False where it is there already.

    Raises PassingError where nobody knows whom to call, or at which number.
    """
    if reply.client is None:
        raise PassingError(_("Nobody knows whose reply this is: there is nobody to call."))
    point = number_for(reply)
    if point is None:
        raise PassingError(_("No number is known at which this client may be called."))
    return open_task(
        Wish(
            key=f"reply:{reply.pk}",
            client=reply.client.pk,
            contact_point=point.pk,
            title=_("The client asks for a call"),
            asked=reply.text,
            source=f"reply:{reply.pk}",
            about=f"reply:{reply.pk}",
            language=reply.client.language,
            priority=PRIORITY,
            within=WITHIN,
        ),
        at=at,
    )


def number_for(reply: Reply) -> ContactPoint | None:
    """Choose the number that he wrote from, else the one that is likeliest still his."""
    points = list(
        ContactPoint.objects.filter(
            client=reply.client, channel=Channel.SMS, state=ContactPoint.State.VALID
        ).order_by(F("verified_at").desc(nulls_last=True), "-pk")
    )
    stopped = suppressions(points)
    free = [point for point in points if point.pk not in stopped]
    return min(free, key=lambda point: point.address != reply.sender, default=None)


def is_passed_on_at_once() -> bool:
    """Say whether the advisers get who asks for a call without anybody looking first."""
    desks = Provider.objects.filter(
        channel=Channel.CALL, is_open=True, environment__in=environments()
    )
    return any(desk.options.get(AT_ONCE) for desk in desks)
