"""What webhooks tell the start page: those that were switched off, and those that fail."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from apps.core.admin.display import list_url, moment, page_url
from apps.core.site import Concern, Line, concerns
from apps.webhooks.models import Endpoint

PATIENCE = timedelta(minutes=30)  # a restart at the other end alarms nobody
SHOWN = 5


@concerns("webhooks.view_endpoint")
def webhooks_broken(at: datetime) -> Iterable[Concern]:
    State = Endpoint.State  # noqa: N806 (an enumeration)
    off = Endpoint.objects.filter(state__in=[State.GONE, State.FAILING]).order_by("name")
    failing = Endpoint.objects.filter(state=State.ACTIVE, failing_since__lt=at - PATIENCE).order_by(
        "failing_since"
    )
    for title, rows, tone in (
        (_("Webhooks that were switched off"), off, "bad"),
        (_("Webhooks that fail"), failing, "wait"),
    ):
        found = list(rows)
        yield Concern(
            title=title,
            count=len(found),
            url=list_url(Endpoint),
            lines=[
                Line(
                    row.name,
                    _("%(state)s; fails since %(since)s")
                    % {"state": row.get_state_display(), "since": moment(row.failing_since)},
                    page_url(row),
                )
                for row in found[:SHOWN]
            ],
            tone=tone,
            icon="webhook",
        )
