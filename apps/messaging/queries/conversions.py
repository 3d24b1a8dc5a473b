"""What links led to: events that are wished for, by the link which a person followed last before."""

from datetime import timedelta

from django.conf import settings
from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from apps.events.models import Event
from apps.messaging.models.links import Hit, Link
from apps.messaging.models.outbox import Message

WINDOW = timedelta(days=7)  # afterwards it was something else that led there


def visits_after(message: Message) -> QuerySet[Hit]:
    """Return who followed the link that a message carried since it was sent, newest first.

    Messages to one address about one subject carry the same link.
    """
    notice = message.notice
    carried = Q(
        link__client=notice.client_id, link__subject=notice.subject,
        link__contact_point=message.contact_point_id,
    )  # fmt: skip
    hits = Hit.objects.filter(carried | Q(link__message=message), occurred_at__gte=message.sent_at)
    return hits.order_by("-occurred_at", "-pk")


def conversions(link: Link) -> QuerySet[Event]:
    """Return the client's events that a person's visit by this link led to, newest first.

    Of several links that were followed before an event the last one counts, so that no event is
    counted for two.
    """
    last = (
        Hit.objects.filter(
            link__client=OuterRef("client"),
            verdict=Hit.Verdict.HUMAN,
            occurred_at__lte=OuterRef("occurred_at"),
            occurred_at__gt=OuterRef("occurred_at") - WINDOW,
        )
        .exclude(link__subject__startswith=Link.STAFF)
        .order_by("-occurred_at", "-pk")
    )
    wished = Event.objects.filter(
        client=link.client_id,
        kind__in=settings.CONVERSION_KINDS,
        occurred_at__gte=link.created_at,
    )
    led = wished.annotate(by=Subquery(last.values("link")[:1])).filter(by=link.pk)
    return led.order_by(F("occurred_at").desc())
