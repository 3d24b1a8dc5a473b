"""Strategies: their terms, frozen once published, and what is done with them."""

from copy import copy
from operator import attrgetter
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    BooleanRadioFilter,
    MultipleChoicesDropdownFilter,
    RangeDateFilter,
)
from unfold.decorators import action

from apps.core import clock
from apps.core.admin.display import (
    amounts,
    badge,
    column,
    list_url,
    percents,
    readable,
    readable_fields,
)
from apps.core.admin.pages import Page, deed, panel
from apps.products.actions.strategies import StrategyError, publish_strategy
from apps.products.admin.observations import evaluate
from apps.products.admin.terms import (
    FIELDSETS,
    BasketInline,
    ObservationInline,
    StrategyForm,
    is_draft,
    said_terms,
    shown_when,
)
from apps.products.admin.trials import TrialPages
from apps.products.imports.strategies import StrategyResource
from apps.products.models.holdings import Policy
from apps.products.models.strategies import Observation, Strategy
from apps.products.queries.charts import stored_chart

STATES = {"published": "good", "draft": "wait", "called": "quiet", "matured": "quiet"}


READABLE = readable_fields(Strategy) | {
    "denomination": amounts("denomination", _("denomination"), attrgetter("currency"))
}


@admin.register(Strategy)
class StrategyPage(TrialPages, Page[Strategy]):
    resource_classes = [StrategyResource]
    list_display = [
        "__str__", "code", badge("state", _("state"), **STATES), "currency",
        percents("coupon_rate", _("coupon rate")), percents("coupon_barrier", _("barrier")),
        percents("call_barrier", _("call barrier")), "struck_on", "matures_on", "policy_count",
    ]  # fmt: skip
    list_filter = [
        ("state", MultipleChoicesDropdownFilter),
        ("memory", BooleanRadioFilter),
        ("struck_on", RangeDateFilter),
        ("matures_on", RangeDateFilter),
    ]
    actions_list = ["try_terms"]
    search_fields = ["code", "name", "tranche", "basket_members__underlying__ticker"]
    date_hierarchy = "struck_on"
    inlines = [BasketInline, ObservationInline]
    form = StrategyForm
    fieldsets = FIELDSETS
    conditional_fields = shown_when()
    autocomplete_fields = ["payment_calendar"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Strategy]:
        """Count the policies of each strategy that is shown, and of no other."""
        rows: QuerySet[Strategy] = super().get_queryset(request)
        held = Policy.objects.filter(strategy=OuterRef("pk"), state=Policy.State.ACTIVE)
        counted = held.order_by().values("strategy").annotate(count=Count("pk")).values("count")
        return rows.annotate(policies_held=Coalesce(Subquery(counted), 0))

    readonly_fields = ["state", "called_on"]

    def get_fieldsets(self, request: HttpRequest, row: Strategy | None = None) -> list[Any]:
        """Show the terms of a strategy that is no draft as people read them, in percent."""
        sets: list[Any] = super().get_fieldsets(request, row)
        if row is None or self.has_change_permission(request, row):
            return sets
        return [
            (title, options | {"fields": readable(said_terms(options["fields"], row), READABLE)})
            for title, options in sets
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Hide nothing of a strategy that is only read: its page has no inputs to go by."""
        if not self.has_change_permission(request, context.get("original")):
            plain = copy(self)
            plain.conditional_fields = {}
            context["adminform"].model_admin = plain
        return super().render_change_form(request, context, *args, **kwargs)

    def has_change_permission(self, request: HttpRequest, row: Strategy | None = None) -> bool:
        return is_draft(row) and bool(super().has_change_permission(request, row))

    def has_delete_permission(self, request: HttpRequest, row: Strategy | None = None) -> bool:
        allowed: bool = super().has_delete_permission(request, row)
        return allowed and is_draft(row)

    def get_urls(self) -> list[URLPattern]:
        chart = path(
            "<int:pk>/chart/",
            self.admin_site.admin_view(self.chart_view),
            name="products_strategy_chart",
        )
        return [chart, *self.trial_urls(), *super().get_urls()]

    @action(  # type: ignore[untyped-decorator]
        description=_("Try terms"), url_path="try-terms", icon="science", permissions=["view"]
    )
    def try_terms(self, _request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:products_strategy_try"))

    def chart_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give the chart's figure to a script; the panel that shows it comes from above."""
        strategy = get_object_or_404(Strategy, pk=pk)
        if not self.has_view_permission(request, strategy):
            raise PermissionDenied
        chart = stored_chart(strategy, today=clock.now().date())
        return HttpResponse(
            chart.gzipped,
            content_type="application/json",
            headers={"Content-Encoding": "gzip", "Cache-Control": "private, no-cache"},
        )

    @column(_("active policies"), ordering="policies_held")
    def policy_count(self, strategy: Any) -> int:
        return int(strategy.policies_held)


@deed(
    Strategy, _("Publish"), permission="products.change_strategy", icon="publish", offered=is_draft
)
def publish(request: HttpRequest, strategy: Strategy) -> None:
    try:
        publish_strategy(strategy.pk, at=clock.now())
    except StrategyError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, gettext("The strategy is published."))


@deed(Strategy, _("Try on its own past"), permission="products.view_strategy", icon="science")
def try_strategy(_request: HttpRequest, strategy: Strategy) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:products_strategy_try_stored", args=[strategy.pk]))


def is_published(strategy: Strategy) -> bool:
    return strategy.state == Strategy.State.PUBLISHED


@deed(
    Strategy, _("Evaluate now"), permission="products.change_observation", icon="calculate",
    offered=is_published,
)  # fmt: skip
def evaluate_strategy(request: HttpRequest, strategy: Strategy) -> None:
    still_open = strategy.observations.filter(state__in=Observation.OPEN).order_by("number")
    evaluate(request, still_open)


@panel(Strategy, _("Policies"), permission="products.view_policy")
def policies_of(_request: HttpRequest, strategy: Strategy) -> dict[str, Any]:
    counts = {
        row["state"]: row["count"]
        for row in strategy.policies.values("state").annotate(count=Count("pk"))
    }
    return {
        "headers": [_("state"), _("policies")],
        "rows": [
            [Policy.State(state).label, counts[state]] for state in Policy.State if state in counts
        ],
        "empty": _("Nobody holds this strategy yet."),
        "more": _("All policies"),
        "more_url": list_url(Policy, strategy__id__exact=strategy.pk),
    }
