"""What clients leave on their pages, and a look at such a page for staff."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from apps.core import clock
from apps.core.admin.display import badge, column, linked, moment, page_link, page_url, pill
from apps.core.admin.filters import MomentFilter
from apps.core.admin.pages import ReadOnlyPage, deed, panel
from apps.events.admin import subjects, words
from apps.events.models import Event
from apps.landing.models import EmailSubscription, Visitor
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
    search_fields = ["^client__last_name", "^client__first_name"]
    ordering = ["-pk"]
    fields = ["client", "link", "contact_point", "requested_at", "confirmed_at"]
    export_without = ("token_hash",)

    @column(_("answer"), ordering="confirmed_at")
    def answer(self, subscription: EmailSubscription) -> str:
        if subscription.confirmed_at:
            return pill(_("confirmed"), "good")
        return pill(_("not confirmed yet"), "wait")


@admin.register(Visitor)
class VisitorPage(ReadOnlyPage[Visitor]):
    list_display = [
        "__str__", badge("state", _("state"), joined="good", shared="bad"),
        linked("client", _("client"), "last_name"), "first_seen_at", "last_seen_at", "joined_at",
    ]  # fmt: skip
    list_select_related = ["client"]
    list_filter = [("state", ChoicesDropdownFilter), ("last_seen_at", MomentFilter)]
    ordering = ["-last_seen_at", "-pk"]
    export_without = ("cookie_hash",)


@panel(Visitor, _("What he did"), permission="landing.view_visitor")
def visits_of(_request: HttpRequest, visitor: Visitor) -> dict[str, Any]:
    visits = visitor.visits.select_related("link__client").order_by("-occurred_at")[:50]
    return {
        "headers": [_("when"), _("what"), _("on the page of")],
        "rows": [
            [
                moment(visit.occurred_at),
                visit.get_deed_display(),
                page_link(visit.link.client) if visit.link else _("a link that leads nowhere"),
            ]
            for visit in visits
        ],
        "empty": _("Nothing yet."),
    }


@subjects("visitor")
def visitors_named(ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    return {one.pk: (str(one), page_url(one)) for one in Visitor.objects.filter(pk__in=list(ids))}


@words("visitor.joined")
def joined_told(_event: Event) -> str:
    return gettext("A browser turned out to be his own")


@words("page.missed")
def missed_told(_event: Event) -> str:
    return gettext("Followed a link that leads nowhere any more")


# The page shows the client's name and money, so that seeing the client alone is not enough.
@deed(
    Client,
    _("Open his page"),
    permission="products.view_policy profiles.see_personal",
    icon="open_in_new",
    new_tab=True,
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
