"""Phone numbers looked up with the networks: what was said, what it cost, what it would cost."""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.contrib import admin
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import MultipleChoicesDropdownFilter

from apps.core.admin.display import badge, column, linked, list_url, money
from apps.core.admin.filters import MomentFilter
from apps.core.admin.finding import searched
from apps.core.admin.pages import ReadOnlyPage
from apps.core.site import COUNTED, Concern, Line, bounded, concerns
from apps.messaging.actions.numbers import estimate
from apps.messaging.models.numbers import NumberCheck
from apps.profiles.admin.finding import points_at

FOUND = {
    "valid": "good", "roaming": "good", "asked": "wait", "off": "wait", "invalid": "bad",
    "changed": "bad", "unknown": "quiet",
}  # fmt: skip


@admin.register(NumberCheck)
class NumberCheckPage(ReadOnlyPage[NumberCheck]):
    list_display = [
        "asked_at", linked("contact_point__client", _("client"), "last_name"), "contact_point",
        badge("state", _("state"), **FOUND), "network", "ported_from", "owner_since", "price",
    ]  # fmt: skip
    list_select_related = ["contact_point__client"]
    list_filter = [("state", MultipleChoicesDropdownFilter), ("asked_at", MomentFilter)]
    search_fields = [
        "^contact_point__client__last_name",
        "^contact_point__client__first_name",
    ]
    ordering = ["-pk"]

    @column(_("cost"), ordering="cost")
    def price(self, check: NumberCheck) -> str:
        return money(check.cost, settings.NUMBER_CHECK_CURRENCY)


@searched(NumberCheck, by="contact_point__address")
def checks_of(term: str) -> Iterable[int]:
    return NumberCheck.objects.filter(contact_point__in=points_at(term)).values_list(
        "pk", flat=True
    )


@concerns("messaging.view_numbercheck")
def numbers_due(at: datetime) -> Iterable[Concern]:
    """Say what is due and what it costs before it is spent; nothing where nobody is asked."""
    if not settings.NUMBER_CHECK_URL:
        return
    told = estimate(at=at, most=COUNTED + 1)
    is_more = told.due > COUNTED
    currency = settings.NUMBER_CHECK_CURRENCY
    yield Concern(
        title=gettext("Phone numbers that are due for a check"),
        count=told.due,
        url=list_url(NumberCheck),
        lines=[
            Line(
                (gettext("More than %(cost)s") if is_more else gettext("All of them cost %(cost)s"))
                % {"cost": money(told.cost, currency)},
                gettext("Today's budget pays for %(payable)s.")
                % {"payable": bounded(told.payable)},
            )
        ],
        icon="sim_card",
    )
