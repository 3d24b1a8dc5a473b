"""Money that moves, the changes of contracts, and the events that dates bring."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    DropdownFilter,
    MultipleChoicesDropdownFilter,
    RangeDateFilter,
)

from apps.core import clock
from apps.core.admin.display import (
    amounts,
    badge,
    column,
    day,
    linked,
    list_url,
    money,
    page_url,
    pill,
)
from apps.core.admin.pages import Page, ReadOnlyPage
from apps.core.site import COUNTED, Concern, Line, concerns
from apps.products.actions.payments import cancel, mark_failed, mark_paid
from apps.products.admin import restatements
from apps.products.imports.payments import PaymentResource
from apps.products.models.holdings import Payment
from apps.products.models.lifecycle import Milestone, PolicyChange
from apps.products.queries.desk import overdue_payments

SHOWN = 5
TONES = {
    "paid": "good", "planned": "wait", "failed": "bad", "held": "bad", "cancelled": "quiet",
    "waived": "quiet",
}  # fmt: skip


def currency_of(row: Payment | PolicyChange) -> str:
    return row.policy.strategy.currency


def payment_stage(payment: Payment, *, today: date) -> SafeString:
    """Show what is late as overdue, whatever the direction."""
    if payment.state == Payment.State.PLANNED and payment.due_on < today:
        return pill(_("overdue"), "bad")
    return pill(payment.get_state_display(), TONES.get(payment.state, "quiet"))


class DirectionFilter(DropdownFilter):
    title = _("direction")
    parameter_name = "direction"

    def lookups(self, request: HttpRequest, page: Any) -> list[tuple[str, Any]]:
        return [("in", _("from the client")), ("out", _("to the client"))]

    def queryset(self, request: HttpRequest, payments: QuerySet[Payment]) -> QuerySet[Payment]:
        incoming = Q(kind__in=Payment.INCOMING) | Q(kind=Payment.Kind.CORRECTION, amount__lt=0)
        chosen = {"in": incoming, "out": ~incoming}.get(self.value() or "")
        return payments.filter(chosen) if chosen else payments


class OverdueFilter(DropdownFilter):
    title = _("overdue")
    parameter_name = "overdue"

    def lookups(self, request: HttpRequest, page: Any) -> list[tuple[str, Any]]:
        return [("yes", _("overdue only"))]

    def queryset(self, request: HttpRequest, payments: QuerySet[Payment]) -> QuerySet[Payment]:
        if self.value() != "yes":
            return payments
        return overdue_payments(payments, today=clock.issuer_day(clock.now()))


@admin.register(Payment)
class PaymentPage(ReadOnlyPage[Payment]):
    resource_classes = [PaymentResource]
    list_display = [
        linked("policy", _("policy"), "number"),
        linked("policy__client", _("client"), "last_name"), "kind",
        amounts("amount", _("amount"), currency_of),
        "direction", "due_on", "stage", "paid_on", "reference",
    ]  # fmt: skip
    list_select_related = ["policy__client", "policy__strategy"]
    list_filter = [
        ("state", MultipleChoicesDropdownFilter),
        OverdueFilter,
        ("kind", MultipleChoicesDropdownFilter),
        DirectionFilter,
        ("policy__strategy", AutocompleteSelectFilter),
        ("policy", AutocompleteSelectFilter),
        ("due_on", RangeDateFilter),
        ("paid_on", RangeDateFilter),
    ]
    search_fields = [
        "policy__number__startswith", "reference__exact",
        "^policy__client__last_name", "^policy__client__first_name",
    ]  # fmt: skip
    search_help_text = _("Number of the policy, reference or client")
    ordering = ["-pk"]
    actions = ["mark_as_paid", "mark_as_failed", "call_off", "leave", "ask_back"]
    fields = [
        "policy", ("kind", "corrects"), amounts("amount", _("amount"), currency_of),
        ("due_on", "paid_on"), ("state", "because"), "reference", ("result", "plan"),
    ]  # fmt: skip
    readonly_fields = [amounts("amount", _("amount"), currency_of)]

    @column(_("direction"))
    def direction(self, payment: Payment) -> str:
        return str(_("from the client") if payment.is_incoming else _("to the client"))

    @column(_("state"), ordering="state")
    def stage(self, payment: Payment) -> str:
        return payment_stage(payment, today=clock.issuer_day(clock.now()))

    def has_import_permission(self, request: HttpRequest) -> bool:
        return self.has_pay_permission(request)

    def has_pay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("products.change_payment")

    @admin.action(description=_("Mark as paid today"), permissions=["pay"])
    def mark_as_paid(self, request: HttpRequest, payments: QuerySet[Payment]) -> None:
        at = clock.now()
        count = mark_paid(chosen(payments), on=clock.issuer_day(at), at=at)
        said = ngettext("%d payment marked as paid.", "%d payments marked as paid.", count) % count
        tell(request, count, said)

    @admin.action(description=_("Mark as failed"), permissions=["pay"])
    def mark_as_failed(self, request: HttpRequest, payments: QuerySet[Payment]) -> None:
        at = clock.now()
        count = mark_failed(
            chosen(payments), because=by_hand(request), on=clock.issuer_day(at), at=at
        )
        said = ngettext("%d payment marked as failed.", "%d payments marked as failed.", count)
        tell(request, count, said % count)

    @admin.action(description=_("Cancel"), permissions=["pay"])
    def call_off(self, request: HttpRequest, payments: QuerySet[Payment]) -> None:
        at = clock.now()
        count = cancel(chosen(payments), because=by_hand(request), on=clock.issuer_day(at), at=at)
        said = ngettext("%d payment cancelled.", "%d payments cancelled.", count) % count
        tell(request, count, said)
        if count < len(payments):
            messages.warning(
                request,
                gettext("What is paid, or what an observation has brought, is not cancelled here."),
            )

    @admin.action(description=_("Leave overpayments to the clients"), permissions=["pay"])
    def leave(self, request: HttpRequest, payments: QuerySet[Payment]) -> None:
        restatements.leave(request, chosen(payments))

    @admin.action(description=_("Ask overpayments back"), permissions=["pay"])
    def ask_back(self, request: HttpRequest, payments: QuerySet[Payment]) -> None:
        restatements.ask_back(request, chosen(payments))


def chosen(payments: QuerySet[Payment]) -> list[int]:
    return list(payments.values_list("pk", flat=True))


def by_hand(request: HttpRequest) -> str:
    return gettext("By hand: %(name)s") % {"name": request.user.get_username()}


def tell(request: HttpRequest, count: int, said: str) -> None:
    messages.add_message(request, messages.SUCCESS if count else messages.WARNING, said)


@admin.register(PolicyChange)
class PolicyChangePage(ReadOnlyPage[PolicyChange]):
    list_display = [
        linked("policy", _("policy"), "number"),
        badge("kind", _("kind"), surrender="bad", lapse="bad"), "effective_on",
        amounts("nominal_before", _("nominal before"), currency_of),
        amounts("nominal_after", _("nominal after"), currency_of), "reason", "made_at",
    ]  # fmt: skip
    list_select_related = ["policy__strategy"]
    list_filter = [
        ("kind", MultipleChoicesDropdownFilter),
        ("policy", AutocompleteSelectFilter),
        ("effective_on", RangeDateFilter),
    ]
    search_fields = ["policy__number__startswith", "^policy__client__last_name"]
    search_help_text = _("Number of the policy, or client")
    ordering = ["-effective_on", "-pk"]
    fields = [
        "policy", "kind", "effective_on", amounts("nominal_before", _("nominal before"), currency_of),
        amounts("nominal_after", _("nominal after"), currency_of), "payment", "reason", "made_at",
    ]  # fmt: skip
    readonly_fields = fields


@admin.register(Milestone)
class MilestonePage(Page[Milestone]):
    list_display = ["__str__", "days", "is_on", "told_until"]
    fields = ["kind", "days", "is_on", "told_until"]

    def get_readonly_fields(self, request: HttpRequest, row: Milestone | None = None) -> list[str]:
        ahead = row is not None and row.kind in Milestone.AHEAD
        return ["kind", "told_until"] if ahead else ["kind", "days", "told_until"]

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, row: Milestone | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, row: Milestone, form: Any, change: Any) -> None:
        """Look again at the coming dates, since more of them may be near now."""
        row.told_until = None
        super().save_model(request, row, form, change)


@concerns("products.view_payment")
def payments_overdue(at: datetime) -> Iterable[Concern]:
    today = clock.issuer_day(at)
    rows = overdue_payments(Payment.objects.all(), today=today).order_by("due_on", "pk")
    yield Concern(
        title=_("Payments overdue"),
        count=rows[: COUNTED + 1].count(),
        url=list_url(Payment, overdue="yes"),
        lines=[
            Line(
                f"{row.policy} · {row.get_kind_display()}",
                f"{money(row.amount, currency_of(row))}, {day(row.due_on)}",
                page_url(row),
            )
            for row in rows.select_related("policy__strategy")[:SHOWN]
        ],
        icon="money_off",
    )
