"""What clients leave on their pages, and a look at such a page for staff."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from apps.core import clock
from apps.core.admin.display import column, linked, pill
from apps.core.admin.filters import MomentFilter
from apps.core.admin.pages import ReadOnlyPage, deed, panel
from apps.events.admin import words
from apps.events.models import Event
from apps.landing.models import EmailSubscription
from apps.messaging.actions.staff_links import open_for_staff
from apps.products.models.strategies import Strategy
from apps.profiles.models import Client


@admin.register(EmailSubscription)
class EmailSubscriptionPage(ReadOnlyPage[EmailSubscription]):
    list_display = [
        "requested_at",
        linked("client", _("client"), "last_name"),
        "contact_point",
        "answer",
        "confirmed_at",
    ]
    list_select_related = ["client", "contact_point"]
    list_filter = [
        ("client", AutocompleteSelectFilter),
        ("requested_at", MomentFilter),
    ]
    search_fields = ["client__last_name", "contact_point__address"]
    date_hierarchy = "requested_at"
    ordering = ["-requested_at", "-pk"]
    fields = ["client", "link", "contact_point", "requested_at", "confirmed_at"]
    export_without = ("token_hash",)

    @column(_("answer"), ordering="confirmed_at")
    def answer(self, subscription: EmailSubscription) -> str:
        if subscription.confirmed_at:
            return pill(_("confirmed"), "good")
        return pill(_("not confirmed yet"), "wait")


# The page shows the client's money, so that seeing the client alone is not enough.
@deed(
    Client, _("Open his page"), permission="products.view_policy", icon="open_in_new", new_tab=True
)
def open_page(request: HttpRequest, client: Client) -> HttpResponse | None:
    if not request.user.is_authenticated:
        return None
    token = open_for_staff(client, by=request.user, at=clock.now())
    return HttpResponseRedirect(reverse("landing:page", args=[token]))


@panel(
    Strategy, _("The way since the start"), permission="products.view_strategy", wide=True,
    template="landing/admin_chart.html", order=10,
)  # fmt: skip
def chart_of(_request: HttpRequest, strategy: Strategy) -> dict[str, Any] | None:
    """Draw the strategy with the script that draws it on the clients' pages."""
    if strategy.state == Strategy.State.DRAFT:
        return None
    return {"chart": reverse("admin:products_strategy_chart", args=[strategy.pk])}


@words("email.confirmed")
def confirmed_told(_event: Event) -> str:
    return gettext("E-mail address confirmed")
