"""What clients hold and what it brought them."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    MultipleChoicesDropdownFilter,
    RangeDateFilter,
)

from apps.core import clock
from apps.core.admin.display import (
    amounts,
    badge,
    column,
    day,
    list_url,
    money,
    page_link,
    page_url,
    pill,
)
from apps.core.admin.files import Imported
from apps.core.admin.pages import Page, ReadOnlyPage, panel
from apps.events.admin import subjects, words
from apps.events.models import Event
from apps.products.actions.payments import mark_paid
from apps.products.admin import late, restatements
from apps.products.admin.late import LateFilter
from apps.products.admin.observations import FOUND
from apps.products.imports.policies import PolicyResource
from apps.products.models.holdings import Payment, Policy, PolicyCoupon
from apps.products.models.strategies import ObservationResult, Strategy
from apps.products.queries.desk import policies_held
from apps.profiles.models import Client

HELD = {"active": "good", "called": "quiet", "matured": "quiet", "surrendered": "bad"}


def own_currency(policy: Policy) -> str:
    return policy.strategy.currency


def policy_currency(row: PolicyCoupon | Payment) -> str:
    return row.policy.strategy.currency


@admin.register(Policy)
class PolicyPage(Imported, Page[Policy]):
    resource_classes = [PolicyResource]
    list_display = [
        "number", "client_name", "strategy_name", amounts("nominal", _("nominal"), own_currency),
        amounts("premium", _("premium"), own_currency), "starts_on", "ends_on",
        badge("state", _("state"), **HELD),
    ]  # fmt: skip
    list_select_related = ["client", "strategy"]
    list_filter = [
        ("state", MultipleChoicesDropdownFilter),
        LateFilter,
        ("strategy", AutocompleteSelectFilter),
        ("client", AutocompleteSelectFilter),
        ("starts_on", RangeDateFilter),
    ]
    search_fields = ["number", "client__last_name", "client__first_name", "strategy__code"]
    search_help_text = _("Number, client or the strategy's code")
    autocomplete_fields = ["client", "strategy"]
    date_hierarchy = "starts_on"
    ordering = ["-starts_on", "-pk"]
    actions = ["evaluate_late"]
    fieldsets = [
        (None, {"fields": ["number", ("client", "strategy"), ("state", "closed_on")]}),
        (_("Money"), {"fields": [("nominal", "premium")]}),
        (_("Term"), {"fields": [("starts_on", "ends_on")]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, row: Policy | None = None) -> list[str]:
        """Keep what coupons were counted on: once there is one, only the rest may change."""
        counted = row is not None and row.coupons.exists()
        return (
            ["number", "client", "strategy", "nominal", "starts_on", "ends_on"] if counted else []
        )

    def has_evaluate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("products.change_observation")

    @admin.action(
        description=_("Evaluate late policies of these strategies"), permissions=["evaluate"]
    )
    def evaluate_late(self, request: HttpRequest, policies: QuerySet[Policy]) -> None:
        late.evaluate(request, set(policies.order_by().values_list("strategy", flat=True)))

    @column(_("client"), ordering="client__last_name")
    def client_name(self, policy: Policy) -> str:
        return page_link(policy.client)

    @column(_("strategy"), ordering="strategy__name")
    def strategy_name(self, policy: Policy) -> str:
        return page_link(policy.strategy)


@admin.register(PolicyCoupon)
class CouponPage(ReadOnlyPage[PolicyCoupon]):
    list_display = [
        "policy_number", "client_name", "observation", badge("outcome", _("outcome"), **FOUND),
        amounts("amount", _("amount"), policy_currency),
        amounts("remembered", _("remembered"), policy_currency), "counts",
    ]  # fmt: skip
    list_select_related = [
        "policy__client", "policy__strategy", "observation__strategy", "result__superseded_by",
    ]  # fmt: skip
    list_filter = [
        ("outcome", MultipleChoicesDropdownFilter),
        ("observation__strategy", AutocompleteSelectFilter),
        ("policy", AutocompleteSelectFilter),
    ]
    search_fields = ["policy__number", "policy__client__last_name"]
    ordering = ["-pk"]

    @column(_("counts"))
    def counts(self, coupon: PolicyCoupon) -> str:
        superseded = hasattr(coupon.result, "superseded_by")
        return pill(_("superseded")) if superseded else pill(_("counts"), "good")

    @column(_("policy"), ordering="policy__number")
    def policy_number(self, coupon: PolicyCoupon) -> str:
        return page_link(coupon.policy)

    @column(_("client"), ordering="policy__client__last_name")
    def client_name(self, coupon: PolicyCoupon) -> str:
        return page_link(coupon.policy.client)


@admin.register(Payment)
class PaymentPage(ReadOnlyPage[Payment]):
    list_display = [
        "policy_number", "client_name", "kind", amounts("amount", _("amount"), policy_currency),
        "due_on", badge("state", _("state"), paid="good", planned="wait", held="bad"), "paid_on",
    ]  # fmt: skip
    list_select_related = ["policy__client", "policy__strategy"]
    list_filter = [
        ("state", ChoicesDropdownFilter),
        ("kind", MultipleChoicesDropdownFilter),
        ("policy__strategy", AutocompleteSelectFilter),
        ("due_on", RangeDateFilter),
    ]
    search_fields = ["policy__number", "policy__client__last_name"]
    date_hierarchy = "due_on"
    ordering = ["-due_on", "-pk"]
    actions = ["mark_as_paid", "leave", "ask_back"]

    @column(_("policy"), ordering="policy__number")
    def policy_number(self, payment: Payment) -> str:
        return page_link(payment.policy)

    @column(_("client"), ordering="policy__client__last_name")
    def client_name(self, payment: Payment) -> str:
        return page_link(payment.policy.client)

    def has_pay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("products.change_payment")

    @admin.action(description=_("Mark as paid today"), permissions=["pay"])
    def mark_as_paid(self, request: HttpRequest, payments: QuerySet[Payment]) -> None:
        chosen = list(payments.values_list("pk", flat=True))
        at = clock.now()
        count = mark_paid(chosen, on=clock.issuer_day(at), at=at)
        said = ngettext("%d payment marked as paid.", "%d payments marked as paid.", count) % count
        messages.add_message(request, messages.SUCCESS if count else messages.WARNING, said)

    @admin.action(description=_("Leave overpayments to the clients"), permissions=["pay"])
    def leave(self, request: HttpRequest, payments: QuerySet[Payment]) -> None:
        restatements.leave(request, list(payments.values_list("pk", flat=True)))

    @admin.action(description=_("Ask overpayments back"), permissions=["pay"])
    def ask_back(self, request: HttpRequest, payments: QuerySet[Payment]) -> None:
        restatements.ask_back(request, list(payments.values_list("pk", flat=True)))


@panel(Client, _("Policies"), permission="products.view_policy")
def policies_of(_request: HttpRequest, client: Client) -> dict[str, Any]:
    return {
        "headers": [_("number"), _("strategy"), _("nominal"), _("term"), _("state")],
        "rows": [
            [
                page_link(policy),
                page_link(policy.strategy),
                money(policy.nominal, policy.strategy.currency),
                f"{day(policy.starts_on)} – {day(policy.ends_on)}",
                pill(policy.get_state_display(), HELD[policy.state]),
            ]
            for policy in policies_held(client)
        ],
        "empty": _("He holds nothing yet."),
        "more": _("All"),
        "more_url": list_url(Policy, client__id__exact=client.pk),
    }


@panel(Policy, _("Coupons"), permission="products.view_policycoupon", wide=True)
def coupons_of(_request: HttpRequest, policy: Policy) -> dict[str, Any]:
    currency = policy.strategy.currency
    current = policy.coupons.filter(result__superseded_by__isnull=True)
    coupons = current.select_related("observation__strategy").order_by("-observation__number")[:50]
    return {
        "headers": [_("observation"), _("valuation day"), _("outcome"), _("paid"), _("remembered")],
        "rows": [
            [
                page_link(coupon.observation),
                day(coupon.observation.valuation_on),
                pill(coupon.get_outcome_display(), FOUND.get(coupon.outcome.lower(), "quiet")),
                money(coupon.amount, currency),
                money(coupon.remembered, currency),
            ]
            for coupon in coupons
        ],
        "empty": _("No observation has been evaluated for this policy yet."),
        "more": _("All"),
        "more_url": list_url(PolicyCoupon, policy__id__exact=policy.pk),
    }


@subjects("policy")
def policies_named(ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    policies = Policy.objects.filter(pk__in=list(ids)).select_related("strategy")
    return {policy.pk: (f"{policy} · {policy.strategy}", page_url(policy)) for policy in policies}


@subjects("strategy")
def strategies_named(ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    return {row.pk: (str(row), page_url(row)) for row in Strategy.objects.filter(pk__in=list(ids))}


@words("coupon.accrued", "coupon.saved", "coupon.lost", "strategy.called", "strategy.matured")
def coupon_told(event: Event) -> str:
    """Tell what an observation brought a policy, with its amounts."""
    said = {
        "coupon.accrued": gettext("Coupon accrued: %(amount)s"),
        "coupon.saved": gettext("Coupon saved; %(remembered)s remembered"),
        "coupon.lost": gettext("Coupon lost"),
        "strategy.called": gettext("Strategy called early; coupon %(amount)s"),
        "strategy.matured": gettext("Strategy matured; coupon %(amount)s"),
    }[event.kind]
    currency = event.properties.get("currency", "")
    return said % {
        name: money(event.properties.get(name), currency) for name in ("amount", "remembered")
    }


@words("result.corrected")
def correction_told(event: Event) -> str:
    """Tell what a restatement put right, before and after."""
    said, currency = event.properties, event.properties.get("currency", "")
    outcomes = dict(ObservationResult.Outcome.choices)
    return gettext("Corrected: %(outcome_before)s %(before)s → %(outcome)s %(after)s") % {
        "outcome_before": outcomes.get(said.get("outcome_before"), "–"),
        "before": money(_brought(said, "_before"), currency),
        "outcome": outcomes.get(said.get("outcome"), "–"),
        "after": money(_brought(said, ""), currency),
    }


def _brought(said: dict[str, Any], when: str) -> int:
    """Return the coupon and the capital that an event names."""
    return (said.get(f"amount{when}") or 0) + (said.get(f"redemption{when}") or 0)
