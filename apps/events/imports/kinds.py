"""The kinds of files that bring what happened."""

from collections.abc import Collection
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.imports.kinds import Brought, Kind, register
from apps.events.actions import open_span
from apps.events.imports.events import EventResource, PurchaseResource


def open_history(months: Collection[str], *, at: datetime) -> None:
    """Open the months of a file: opened while it lands, they would hold up everybody until its end."""
    for month in sorted(months):
        moment = datetime.fromisoformat(f"{month}-01T00:00:00+00:00")
        if moment <= at:
            open_span(moment, moment)


def nothing_goes_back(_brought: Brought) -> list[str]:
    return [_("What has happened stands on timelines, and others have acted on it.")]


register(
    Kind(
        "events",
        gettext_lazy("Events"),
        EventResource,
        built_on=nothing_goes_back,
        ahead=("occurred_at", open_history),
        scope="events",
    ),
    Kind(
        "purchases",
        gettext_lazy("Purchases"),
        PurchaseResource,
        scope="events",
        amounts={"amount": "currency"},
        built_on=nothing_goes_back,
        ahead=("occurred_at", open_history),
    ),
)
