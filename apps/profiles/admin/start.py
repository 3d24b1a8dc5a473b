"""What profiles tell the start page: questions of who is who that wait for a person."""

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _

from apps.core.admin.display import list_url, page_url
from apps.core.site import COUNTED, Concern, Line, concerns
from apps.profiles.models import Conflict, Duplicate, Merge

SHOWN = 5


@concerns("profiles.view_conflict")
def contradictions_wait(_at: datetime) -> Iterable[Concern]:
    rows = Conflict.objects.filter(state__in=Conflict.OPEN_STATES).select_related(
        "holder", "claimant"
    )
    yield Concern(
        title=_("Contradictions about who is who"),
        count=rows[: COUNTED + 1].count(),
        url=list_url(Conflict),
        lines=[
            Line(str(row), row.source, page_url(row)) for row in rows.order_by("found_at")[:SHOWN]
        ],
        tone="bad",
        icon="difference",
    )


@concerns("profiles.change_merge")
def merges_wait(_at: datetime) -> Iterable[Concern]:
    rows = Merge.objects.filter(state=Merge.State.PROPOSED).select_related("kept", "dropped")
    yield Concern(
        title=_("Merges that wait for a second person"),
        count=rows[: COUNTED + 1].count(),
        url=list_url(Merge, state__exact=Merge.State.PROPOSED),
        lines=[Line(str(row), row.reason, page_url(row)) for row in rows.order_by("pk")[:SHOWN]],
        icon="merge",
    )


@concerns("profiles.change_duplicate")
def duplicates_wait(_at: datetime) -> Iterable[Concern]:
    rows = Duplicate.objects.filter(state=Duplicate.State.OPEN).select_related("first", "second")
    yield Concern(
        title=_("Clients who may be one person"),
        count=rows[: COUNTED + 1].count(),
        url=list_url(Duplicate, state__exact=Duplicate.State.OPEN),
        lines=[Line(str(row), "", page_url(row)) for row in rows.order_by("found_at")[:SHOWN]],
        icon="group",
    )
