"""What clients hold and what it brought them."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from import_export.fields import Field
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    MultipleChoicesDropdownFilter,
    RangeDateFilter,
)

from apps.core import clock
from apps.core.admin.amounts import AmountsForm
from apps.core.admin.display import (
    amounts,
    badge,
    column,
    day,
    linked,
    list_url,
    money,
    page_link,
    pill,
    readable,
)
from apps.core.admin.files import GuardedResource
from apps.core.admin.finding import searched
from apps.core.admin.pages import Page, ReadOnlyPage, panel
from apps.core.money import decimals, major_units
from apps.events.admin import moments
from apps.events.queries import timeline_of_subject
from apps.products.actions.payments import write_plans
from apps.products.actions.policies import note_changes
from apps.products.admin import late
from apps.products.admin.decisions import DecisionPages
from apps.products.admin.late import LateFilter
from apps.products.admin.observations import FOUND
from apps.products.admin.payments import payment_stage
from apps.products.imports.policies import PolicyResource
from apps.products.models.holdings import Payment, Policy, PolicyCoupon
from apps.products.models.lifecycle import PaymentPlan, PolicyChange
from apps.products.queries.desk import policies_held
from apps.profiles.models import Client

HELD = {
    "applied": "wait", "active": "good", "called": "quiet", "matured": "quiet",
    "surrendered": "bad", "lapsed": "bad",
}  # fmt: skip
FOUND_AT_MOST = 200  # clients by the beginning of a number; more is no search
NEW = (Policy.State.APPLIED, Policy.State.ACTIVE)


def own_currency(policy: Policy) -> str:
    return policy.strategy.currency


def policy_currency(row: PolicyCoupon) -> str:
    return row.policy.strategy.currency


NOMINAL = amounts("nominal", _("nominal"), own_currency)
PREMIUM = amounts("premium", _("premium"), own_currency)


class PolicyForm(AmountsForm):
    amounts = ("nominal", "premium")

    class Meta:
        model = Policy
        fields = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if state := self.fields.get("state"):
            state.choices = [choice for choice in Policy.State.choices if choice[0] in NEW]  # type: ignore[attr-defined]

    def currency_of(self, row: Policy) -> str:  # type: ignore[override]
        return row.strategy.currency if row.strategy_id else ""

    def said_currency(self) -> str:
        strategy = self.cleaned_data.get("strategy")
        return strategy.currency if strategy else self.currency_of(self.instance)


class PlanForm(AmountsForm):
    amounts = ("amount",)

    class Meta:
        model = PaymentPlan
        fields = ("kind", "amount", "frequency", "first_on", "last_on")

    def currency_of(self, row: PaymentPlan) -> str:  # type: ignore[override]
        policy = row.policy if row.policy_id else None
        return policy.strategy.currency if policy else ""


class PlanInline(TabularInline):
    """The plans of a policy that is stored: their money is in its strategy's currency."""

    model = PaymentPlan
    form = PlanForm
    extra = 0
    tab = True
    can_delete = False


@admin.register(Policy)
class PolicyPage(DecisionPages, Page[Policy]):
    form = PolicyForm
    resource_classes = [PolicyResource]
    list_display = [
        "number", linked("client", _("client"), "last_name"),
        linked("strategy", _("strategy"), "name"), amounts("nominal", _("nominal"), own_currency),
        amounts("premium", _("premium"), own_currency), "starts_on", "ends_on", "stage",
    ]  # fmt: skip
    list_select_related = ["client", "strategy"]
    list_filter = [
        ("state", MultipleChoicesDropdownFilter),
        LateFilter,
        ("strategy", AutocompleteSelectFilter),
        ("client", AutocompleteSelectFilter),
        ("starts_on", RangeDateFilter),
        ("ends_on", RangeDateFilter),
        ("waiting_until", RangeDateFilter),
    ]
    search_fields = [
        "number__startswith", "^client__last_name", "^client__first_name", "=strategy__code",
    ]  # fmt: skip
    search_help_text = _("Number, client or the strategy's code")
    autocomplete_fields = ["client", "strategy"]
    ordering = ["-pk"]
    actions = ["evaluate_late"]
    fieldsets = [
        (None, {"fields": ["number", ("client", "strategy"), ("state", "closed_on")]}),
        (_("Money"), {"fields": [("nominal", "premium")]}),
        (_("Term"), {"fields": [("starts_on", "ends_on"), ("issued_on", "waiting_until")]}),
    ]

    def get_inlines(self, request: HttpRequest, row: Policy | None = None) -> list[Any]:
        return [PlanInline] if row is not None else []

    def get_readonly_fields(self, request: HttpRequest, row: Policy | None = None) -> list[Any]:
        """Keep what coupons were counted on: once there is one, only the rest may change.

        What brings a contract into force or ends it is a decision of its own, with its history.
        """
        fixed: list[Any] = ["closed_on"]
        if row is not None and row.state not in NEW:
            return [
                *fixed, "number", "client", "strategy", "state", "starts_on", "ends_on",
                "issued_on", "waiting_until", NOMINAL, PREMIUM,
            ]  # fmt: skip
        if row is not None and row.state == Policy.State.ACTIVE:
            fixed.append("state")
        if row is not None and row.coupons.exists():
            fixed += ["number", "client", "strategy", NOMINAL, "starts_on", "ends_on"]
        return fixed

    def get_fieldsets(self, request: HttpRequest, row: Policy | None = None) -> Any:
        """Write amounts that stay as they are with their currency, not in cents."""
        still = self.get_readonly_fields(request, row)
        fixed = {column.__name__: column for column in (NOMINAL, PREMIUM) if column in still}
        return [
            (title, {**options, "fields": readable(options["fields"], fixed)})
            for title, options in super().get_fieldsets(request, row)
        ]

    def save_model(self, request: HttpRequest, row: Policy, form: PolicyForm, change: Any) -> None:
        """Have new dates told; where the timeline knows other ones, say that they changed."""
        news = set(form.changed_data) - {"premium"}
        if change and news and not row.is_untold:
            note_changes([row], at=clock.now())
        row.is_untold = row.is_untold or bool(news)
        super().save_model(request, row, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        """Write the payments of a plan that is new or changed."""
        super().save_related(request, form, formsets, change)
        at = clock.now()
        plans = list(form.instance.plans.values_list("pk", flat=True))
        if plans and (count := write_plans(plans, on=clock.issuer_day(at), at=at)):
            said = ngettext("%d payment is planned.", "%d payments are planned.", count) % count
            messages.success(request, said)

    def has_evaluate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("products.change_observation")

    @admin.action(
        description=_("Evaluate late policies of these strategies"), permissions=["evaluate"]
    )
    def evaluate_late(self, request: HttpRequest, policies: QuerySet[Policy]) -> None:
        late.evaluate(request, set(policies.order_by().values_list("strategy", flat=True)))

    @column(_("state"), ordering="state")
    def stage(self, policy: Policy) -> str:
        """Show the waiting period as the state that it is to people."""
        active, until = policy.state == Policy.State.ACTIVE, policy.waiting_until
        if active and until and until >= clock.issuer_day(clock.now()):
            return pill(_("waiting period"), "wait")
        return pill(policy.get_state_display(), HELD[policy.state])


class CouponResource(GuardedResource):
    """Coupons as people read them: numbers, days and whole units of the currency."""

    policy = Field("policy__number", "policy")
    client = Field("policy__client", "client")
    strategy = Field("observation__strategy__code", "strategy")
    number = Field("observation__number", "observation")
    valuation_on = Field("observation__valuation_on", "valuation_on")
    outcome = Field("outcome", "outcome")
    amount = Field(column_name="amount")
    remembered = Field(column_name="remembered")
    currency = Field("policy__strategy__currency", "currency")

    class Meta:
        model = PolicyCoupon
        fields = (
            "policy", "client", "strategy", "number", "valuation_on", "outcome", "amount",
            "remembered", "currency",
        )  # fmt: skip

    def dehydrate_amount(self, coupon: PolicyCoupon) -> str:
        return in_units(coupon.amount, policy_currency(coupon))

    def dehydrate_remembered(self, coupon: PolicyCoupon) -> str:
        return in_units(coupon.remembered, policy_currency(coupon))


def in_units(minor: int, currency: str) -> str:
    return str(major_units(minor, decimals(currency)))


@admin.register(PolicyCoupon)
class CouponPage(ReadOnlyPage[PolicyCoupon]):
    resource_classes = [CouponResource]
    list_display = [
        linked("policy", _("policy"), "number"),
        linked("policy__client", _("client"), "last_name"), "observation",
        badge("outcome", _("outcome"), **FOUND),
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
    search_fields = [
        "policy__number__startswith",
        "^policy__client__last_name",
        "^policy__client__first_name",
    ]
    search_help_text = _("Number of the policy, or client")
    ordering = ["-pk"]

    @column(_("counts"))
    def counts(self, coupon: PolicyCoupon) -> str:
        superseded = hasattr(coupon.result, "superseded_by")
        return pill(_("superseded")) if superseded else pill(_("counts"), "good")


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


@panel(Policy, _("Payments"), permission="products.view_payment", wide=True)
def payments_of(_request: HttpRequest, policy: Policy) -> dict[str, Any]:
    currency, today = policy.strategy.currency, clock.issuer_day(clock.now())
    payments = policy.payments.order_by("-due_on", "-pk")[:50]
    return {
        "headers": [_("kind"), _("amount"), _("due on"), _("state"), _("paid on"), _("because")],
        "rows": [
            [
                page_link(payment, payment.get_kind_display()),
                money(payment.amount, currency),
                day(payment.due_on),
                payment_stage(payment, today=today),
                day(payment.paid_on),
                payment.because or "–",
            ]
            for payment in payments
        ],
        "empty": _("No money has moved yet, and none is planned."),
        "more": _("All"),
        "more_url": list_url(Payment, policy__id__exact=policy.pk),
    }


@panel(Policy, _("Changes of the nominal"), permission="products.view_policychange")
def changes_of(_request: HttpRequest, policy: Policy) -> dict[str, Any] | None:
    currency = policy.strategy.currency
    changes = policy.changes.order_by("-effective_on", "-pk")[:20]
    rows = [
        [
            change.get_kind_display(),
            day(change.effective_on),
            f"{money(change.nominal_before, currency)} → {money(change.nominal_after, currency)}",
            change.reason or "–",
        ]
        for change in changes
    ]
    if not rows:
        return None
    return {
        "headers": [_("change"), _("effective on"), _("nominal"), _("reason")],
        "rows": rows,
        "more": _("All"),
        "more_url": list_url(PolicyChange, policy__id__exact=policy.pk),
    }


@panel(
    Policy,
    _("Its life"),
    permission="events.view_event",
    template="events/admin/timeline.html",
    order=10,
)
def life_of(_request: HttpRequest, policy: Policy) -> dict[str, Any]:
    return moments(timeline_of_subject(policy.client, f"policy:{policy.pk}"))


@searched(Client)
def clients_by_policy(term: str) -> Iterable[int]:
    """Find clients by the number of a policy, or by how it begins."""
    begins = Q(number__startswith=term) | Q(number__startswith=term.upper())
    return Policy.objects.filter(begins).values_list("client_id", flat=True)[:FOUND_AT_MOST]
