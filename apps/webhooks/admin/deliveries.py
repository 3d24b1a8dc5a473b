"""What was sent to which webhook, and what it answered; nobody writes here but the product."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    FieldTextFilter,
    MultipleChoicesDropdownFilter,
    MultipleRelatedDropdownFilter,
)

from apps.core import clock
from apps.core.admin.display import badge, linked, list_url, moment, page_link, pill
from apps.core.admin.filters import MomentFilter
from apps.core.admin.pages import ReadOnlyPage, deed, panel
from apps.webhooks.actions import outbox
from apps.webhooks.models import Attempt, Delivery, Endpoint

TONES = {"queued": "wait", "claimed": "wait", "delivered": "good", "failed": "bad"}
SHOWN = 20  # attempts beside an endpoint


@admin.register(Delivery)
class DeliveryPage(ReadOnlyPage[Delivery]):
    list_display = [
        "queued_at", linked("endpoint", _("webhook"), "name"), "kind",
        badge("state", _("state"), **TONES), "attempts", "send_after", "delivered_at", "message_id",
    ]  # fmt: skip
    list_select_related = ["endpoint"]
    list_filter = [
        ("state", MultipleChoicesDropdownFilter),
        ("endpoint", MultipleRelatedDropdownFilter),
        ("kind", FieldTextFilter),
        ("queued_at", MomentFilter),
    ]
    search_fields = ["message_id__exact"]
    search_help_text = _("The exact message id, like msg_3_42")
    ordering = ["-pk"]
    exclude = ["leased_until", "event_id"]
    actions = ["send_again"]

    @admin.action(description=_("Send again"), permissions=["send"])
    def send_again(self, request: HttpRequest, chosen: QuerySet[Delivery]) -> None:
        count = outbox.send_again(list(chosen.values_list("pk", flat=True)), at=clock.now())
        said = ngettext("%d message goes out again.", "%d messages go out again.", count) % count
        messages.success(request, said)

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("webhooks.change_endpoint")


def is_done(delivery: Delivery) -> bool:
    return delivery.state in {Delivery.State.DELIVERED, Delivery.State.FAILED}


@deed(
    Delivery, _("Send again"), permission="webhooks.change_endpoint", icon="replay",
    offered=is_done,
)  # fmt: skip
def send_again(request: HttpRequest, delivery: Delivery) -> None:
    if outbox.send_again([delivery.pk], at=clock.now()):
        messages.success(request, gettext("It goes out again in a moment."))


@panel(Delivery, _("Attempts"), permission="webhooks.view_delivery", wide=True)
def attempts_of(_request: HttpRequest, delivery: Delivery) -> dict[str, Any]:
    return log(delivery.tries.select_related("delivery").order_by("-pk"), of_one=True)


@panel(Endpoint, _("Latest attempts"), permission="webhooks.view_delivery", wide=True)
def attempts_at(_request: HttpRequest, endpoint: Endpoint) -> dict[str, Any]:
    tries = Attempt.objects.filter(delivery__endpoint=endpoint).select_related("delivery")
    return log(tries.order_by("-pk")[:SHOWN]) | {
        "more": gettext("All messages"),
        "more_url": list_url(Delivery, endpoint__id__exact=endpoint.pk),
    }


def log(tries: QuerySet[Attempt], *, of_one: bool = False) -> dict[str, Any]:
    headers = [gettext("when"), gettext("status"), gettext("milliseconds"), gettext("answer")]
    rows: list[list[object]] = [
        [
            moment(one.at),
            pill(one.status or gettext("none"), "good" if is_success(one) else "bad"),
            one.took_ms,
            one.answer or "–",
        ]
        for one in tries
    ]
    if not of_one:
        headers.insert(1, gettext("message"))
        for row, one in zip(rows, tries, strict=True):
            row.insert(1, page_link(one.delivery, one.delivery.kind))
    return {"headers": headers, "rows": rows, "empty": gettext("Nothing was sent yet.")}


def is_success(one: Attempt) -> bool:
    return one.status is not None and 200 <= one.status < 300
