"""The kinds of files that bring what happened."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.imports.kinds import Kind, register
from apps.events.imports.events import EventResource, PurchaseResource


def nothing_goes_back(_stored: Mapping[str, Sequence[Any]]) -> list[str]:
    return [_("What has happened stands on timelines, and others have acted on it.")]


register(
    Kind("events", gettext_lazy("Events"), EventResource, blockers=nothing_goes_back),
    Kind(
        "purchases",
        gettext_lazy("Purchases"),
        PurchaseResource,
        amounts={"amount": "currency"},
        blockers=nothing_goes_back,
    ),
)
