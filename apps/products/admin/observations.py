"""Observations and what they found; what waits, why, and "evaluate now"."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    MultipleChoicesDropdownFilter,
    RangeDateFilter,
)

from apps.core import clock
from apps.core.admin.display import (
    badge,
    column,
    day,
    list_url,
    moment,
    page_link,
    percent,
    percents,
    pill,
    price,
    readable,
    readable_fields,
)
from apps.core.admin.filters import MomentFilter
from apps.core.admin.pages import ReadOnlyPage, deed, panel
from apps.products.actions.evaluation import evaluate_observation
from apps.products.models.strategies import (
    Observation,
    ObservationResult,
    Strategy,
)
from apps.products.queries.desk import observations_with_results, results_newest_first

SEEN = {"planned": "quiet", "waiting": "wait", "evaluated": "good", "dropped": "quiet"}
FOUND = {
    "accrued": "good", "guaranteed": "good", "partial": "good", "saved": "wait", "lost": "bad",
    "void": "quiet",
}  # fmt: skip


def evaluate(request: HttpRequest, observations: QuerySet[Observation]) -> None:
    """Evaluate what is due of the observations, in order, and tell what each waits for."""
    at = clock.now()
    begun = observations.filter(valuation_on__lte=at.date()).values_list("pk", flat=True)
    done = sum(evaluate_observation(pk, at=at) for pk in list(begun))
    if done:
        said = ngettext("%d observation evaluated.", "%d observations evaluated.", done) % done
        messages.success(request, said)
        return
    waits = observations.filter(state=Observation.State.WAITING).select_related("strategy")
    for waiting in waits[:5]:
        messages.warning(request, f"{waiting}: {waiting.waiting_for}")
    if not waits:
        messages.info(request, gettext("Nothing is due."))


@admin.register(Observation)
class ObservationPage(ReadOnlyPage[Observation]):
    """Observations belong to the terms: they are changed on the page of a draft strategy."""

    list_display = [
        "__str__", "scheduled_on", "valuation_on", "why_moved",
        badge("state", _("state"), **SEEN), "waiting_for", "pays_on",
    ]  # fmt: skip
    list_select_related = ["strategy"]
    list_filter = [
        ("state", MultipleChoicesDropdownFilter),
        ("strategy", AutocompleteSelectFilter),
        ("valuation_on", RangeDateFilter),
    ]
    search_fields = ["strategy__code", "strategy__name", "strategy__tranche"]
    date_hierarchy = "valuation_on"
    ordering = ["valuation_on", "strategy__code", "number"]
    actions = ["evaluate_now"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("strategy", "number"), ("state", "waiting_for"),
                    ("scheduled_on", "valuation_on"), ("why_moved", "pays_on"),
                ]
            },
        ),
        (
            _("Where it differs from the strategy's terms"),
            {
                "fields": readable(
                    [
                        ("coupon_rate", "guaranteed"), ("coupon_barrier", "corridor_upper"),
                        ("call_barrier", "call_redemption"), "bonus",
                    ],
                    readable_fields(Observation),
                )
            },
        ),
    ]  # fmt: skip

    @column(_("moved because"))
    def why_moved(self, observation: Observation) -> str:
        return observation.why_moved or "–"

    def has_evaluate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("products.change_observation")

    @admin.action(description=_("Evaluate now"), permissions=["evaluate"])
    def evaluate_now(self, request: HttpRequest, observations: QuerySet[Observation]) -> None:
        evaluate(request, observations.order_by("valuation_on", "strategy", "number"))


def is_open(observation: Observation) -> bool:
    return observation.state in Observation.OPEN


@deed(
    Observation, _("Evaluate now"), permission="products.change_observation", icon="calculate",
    offered=is_open,
)  # fmt: skip
def evaluate_one(request: HttpRequest, observation: Observation) -> None:
    evaluate(request, Observation.objects.filter(pk=observation.pk))


@admin.register(ObservationResult)
class ResultPage(ReadOnlyPage[ObservationResult]):
    list_display = [
        "observation", "shown_outcome", percents("rate_paid", _("paid")),
        percents("rate_remembered", _("remembered")), "shown_worst", "evaluated_at", "counts",
    ]  # fmt: skip
    list_select_related = [
        "observation__strategy", "worst__underlying", "superseded_by",
    ]  # fmt: skip
    list_filter = [
        ("outcome", MultipleChoicesDropdownFilter),
        ("called", BooleanRadioFilter),
        ("matured", BooleanRadioFilter),
        ("observation__strategy", AutocompleteSelectFilter),
        ("evaluated_at", MomentFilter),
    ]
    search_fields = ["observation__strategy__code", "observation__strategy__name"]
    date_hierarchy = "evaluated_at"
    ordering = ["-evaluated_at", "-pk"]
    fieldsets = [
        (
            None,
            {
                "fields": readable(
                    [
                        ("observation", "outcome"), ("called", "matured"),
                        ("rate_paid", "rate_remembered"), ("worst", "worst_level"),
                        ("average_level", "redemption"), ("deferred", "supersedes"),
                        "restatement",
                    ],
                    readable_fields(ObservationResult),
                )
            },
        ),
        (
            _("How it was found"),
            {
                "fields": ["levels", "carried", ("formula_version", "evaluated_at")],
                "classes": ["collapse"],
            },
        ),
    ]  # fmt: skip

    @column(_("outcome"), ordering="outcome")
    def shown_outcome(self, result: ObservationResult) -> str:
        return outcome(result)

    @column(_("worst performer"), ordering="worst_level")
    def shown_worst(self, result: ObservationResult) -> str:
        return f"{result.worst} {percent(result.worst_level)}" if result.worst else "–"

    @column(_("counts"))
    def counts(self, result: ObservationResult) -> str:
        if hasattr(result, "superseded_by"):
            return pill(_("superseded"))
        if result.outcome == ObservationResult.Outcome.VOID:
            return pill(_("void"))
        return pill(_("counts"), "good")


def outcome(result: ObservationResult) -> str:
    words = [str(result.get_outcome_display())]
    if result.called:
        words.append(str(_("called")))
    if result.matured:
        words.append(str(_("matured")))
    return pill(", ".join(words), FOUND.get(result.outcome.lower(), "quiet"))


@panel(Strategy, _("Observations and results"), permission="products.view_observation", wide=True)
def observations_of(_request: HttpRequest, strategy: Strategy) -> dict[str, Any]:
    rows = []
    for observation, result in observations_with_results(strategy):
        state = pill(observation.get_state_display(), SEEN[observation.state])
        found: list[object] = [state, "", "", "", observation.waiting_for]
        if result:
            worst = f"{result.worst} {percent(result.worst_level)}" if result.worst else "–"
            found = [
                outcome(result), percent(result.rate_paid), percent(result.rate_remembered), worst,
                ", ".join(levels(result)),
            ]  # fmt: skip
        rows.append(
            [
                page_link(observation, f"№ {observation.number}"),
                day(observation.valuation_on),
                observation.why_moved or "–",
                *found,
            ]
        )
    return {
        "headers": [
            "", _("valuation day"), _("moved because"), _("outcome"), _("paid"), _("remembered"),
            _("worst"), _("levels, or what is missing"),
        ],
        "rows": rows,
        "empty": _("No observations yet: add them to the draft below."),
        "more": _("All observations"),
        "more_url": list_url(Observation, strategy__id__exact=strategy.pk),
    }  # fmt: skip


def levels(result: ObservationResult) -> list[str]:
    return [
        f"{ticker} {percent(Decimal(share['level']))}" for ticker, share in result.levels.items()
    ]


@panel(Observation, _("Results"), permission="products.view_observationresult", wide=True)
def results_of(_request: HttpRequest, observation: Observation) -> dict[str, Any]:
    rows = [
        [
            page_link(result, moment(result.evaluated_at)),
            outcome(result),
            percent(result.rate_paid),
            percent(result.rate_remembered),
            ticker,
            day(date.fromisoformat(share["day"])),
            price(Decimal(share["close"])),
            percent(Decimal(share["level"])),
        ]
        for result in results_newest_first(observation)
        for ticker, share in result.levels.items()
    ]
    return {
        "headers": [
            _("evaluated"), _("outcome"), _("paid"), _("remembered"), _("share"), _("day"),
            _("close"), _("level"),
        ],
        "rows": rows,
        "empty": observation.waiting_for or _("Not evaluated yet."),
    }  # fmt: skip
