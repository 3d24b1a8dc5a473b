"""What a visit to the personal page leaves behind."""

from datetime import UTC, datetime

from django.db import transaction

from apps.events.actions import Fact, record
from apps.events.models import Event
from apps.messaging.models.links import Link


@transaction.atomic
def show_figures(link: Link, *, at: datetime) -> bool:
    """Put on the timeline that the client looked at his figures, once per link and (UTC) day.

    Returns whether it was the first time that day. A look of staff is no look of the client's.
    """
    if link.is_for_staff:
        return False
    day = at.astimezone(UTC).date()
    key = f"figures:{link.pk}:{day}"
    # Events are unique by key and moment, so two visits at once are kept apart by the link's row.
    Link.objects.select_for_update().get(pk=link.pk)
    timeline = Event.objects.filter(client_id=link.client_id, occurred_at__date=day)
    if timeline.filter(source_key=key).exists():
        return False
    shown = Fact(
        client_id=link.client_id,
        kind="page.figures_shown",
        subject=link.subject or f"link:{link.pk}",
        occurred_at=at,
        source_key=key,
        properties={"link": link.pk},
    )
    return record([shown]) == 1
