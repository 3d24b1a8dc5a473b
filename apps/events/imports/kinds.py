"""The kinds of files that bring what happened."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.imports.kinds import Brought, Kind, register
from apps.events.imports.events import EventResource, PurchaseResource


def nothing_goes_back(_brought: Brought) -> list[str]:
    return [_("What has happened stands on timelines, and others have acted on it.")]


register(
    Kind(
        "events",
        gettext_lazy("Events"),
        EventResource,
        built_on=nothing_goes_back,
        scope="events",
    ),
    Kind(
        "purchases",
        gettext_lazy("Purchases"),
        PurchaseResource,
        scope="events",
        amounts={"amount": "currency"},
        built_on=nothing_goes_back,
    ),
)
