"""What advisers' calls tell the start page."""

from collections.abc import Iterable
from datetime import datetime

from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from apps.advisers.models import CallTask
from apps.advisers.queries import overdue, queue
from apps.core.admin.display import list_url, moment, page_url
from apps.core.site import COUNTED, Concern, Figure, Line, concerns, figures

SHOWN = 5
VIEW = "advisers.view_calltask"


@concerns(VIEW)
def calls_overdue(at: datetime) -> Iterable[Concern]:
    rows = overdue(at=at).select_related("client", "taken_by")
    yield Concern(
        title=_("Calls that are overdue"),
        count=rows[: COUNTED + 1].count(),
        url=list_url(CallTask, when="overdue"),
        lines=[
            Line(str(row), _("by %(moment)s") % {"moment": moment(row.due_at)}, page_url(row))
            for row in rows[:SHOWN]
        ],
        tone="bad",
        icon="phone_missed",
    )


@figures(VIEW)
def calls_waiting(at: datetime) -> Iterable[Figure]:
    stands = queue(at=at)
    oldest = timesince(at - stands.oldest, at, depth=1) if stands.oldest else ""
    yield Figure(
        label=_("Calls that wait"),
        value=str(stands.waiting),
        note=_("the oldest for %(time)s") % {"time": oldest} if oldest else "",
        url=list_url(CallTask, when="now"),
        icon="call",
    )
