"""Instalment products and deadlines, as the core system reports them."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    FieldTextFilter,
    MultipleChoicesDropdownFilter,
    RangeDateFilter,
)

from apps.core import clock
from apps.core.admin.display import (
    amounts,
    badge,
    day,
    linked,
    list_url,
    money,
    page_link,
    pill,
)
from apps.core.admin.pages import Page, panel
from apps.events.admin import words
from apps.events.models import Event
from apps.products.actions.deadlines import mark_done
from apps.products.imports.deadlines import DeadlineResource
from apps.products.imports.instalments import CreditAccountResource, InstalmentResource
from apps.products.models.deadlines import Deadline
from apps.products.models.instalments import CreditAccount, Instalment
from apps.products.queries.wealth import credits_of, deadlines_of
from apps.profiles.models import Client


def own_currency(row: CreditAccount | Deadline) -> str:
    return row.currency


def account_currency(row: Instalment) -> str:
    return row.account.currency


@admin.register(CreditAccount)
class CreditAccountPage(Page[CreditAccount]):
    resource_classes = [CreditAccountResource]
    list_display = [
        "number", linked("client", _("client"), "last_name"), "name",
        amounts("limit", _("limit"), own_currency),
        amounts("used", _("used"), own_currency), "reported_on", "closed_on",
    ]  # fmt: skip
    list_select_related = ["client"]
    list_filter = [("client", AutocompleteSelectFilter), ("reported_on", RangeDateFilter)]
    search_fields = ["number__startswith", "^client__last_name", "^client__first_name"]
    autocomplete_fields = ["client"]
    ordering = ["number"]


@admin.register(Instalment)
class InstalmentPage(Page[Instalment]):
    resource_classes = [InstalmentResource]
    list_display = [
        "due_on", linked("account", _("account"), "number"),
        linked("account__client", _("client"), "last_name"), "number",
        amounts("amount", _("amount"), account_currency),
        amounts("paid", _("paid"), account_currency), "paid_on",
    ]  # fmt: skip
    list_select_related = ["account__client"]
    list_filter = [
        ("account", AutocompleteSelectFilter),
        ("due_on", RangeDateFilter),
        ("paid_on", RangeDateFilter),
    ]
    search_fields = ["account__number__startswith", "^account__client__last_name"]
    autocomplete_fields = ["account"]
    ordering = ["-pk"]


@admin.register(Deadline)
class DeadlinePage(Page[Deadline]):
    resource_classes = [DeadlineResource]
    list_display = [
        "day", linked("client", _("client"), "last_name"), badge("kind", _("kind")), "year",
        amounts("amount", _("amount"), own_currency), "days_before", "told_at", "done_on",
    ]  # fmt: skip
    list_select_related = ["client"]
    list_filter = [
        ("kind", MultipleChoicesDropdownFilter),
        ("client", AutocompleteSelectFilter),
        ("day", RangeDateFilter),
        ("reference", FieldTextFilter),
    ]
    search_fields = ["reference__startswith", "^client__last_name", "^client__first_name"]
    autocomplete_fields = ["client", "policy", "account"]
    ordering = ["-pk"]
    readonly_fields = ["told_at"]
    actions = ["mark_as_done"]
    fieldsets = [
        (None, {"fields": ["reference", ("client", "kind"), ("policy", "account")]}),
        (_("Day"), {"fields": [("day", "days_before"), ("done_on", "told_at")]}),
        (_("Amount"), {"fields": [("amount", "currency", "year")]}),
    ]

    def has_done_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("products.change_deadline")

    @admin.action(description=_("Mark as done today"), permissions=["done"])
    def mark_as_done(self, request: HttpRequest, rows: QuerySet[Deadline]) -> None:
        count = mark_done(list(rows.values_list("pk", flat=True)), at=clock.now())
        said = ngettext("%d deadline marked as done.", "%d deadlines marked as done.", count)
        messages.add_message(request, messages.SUCCESS if count else messages.WARNING, said % count)


@panel(Client, _("Instalments"), permission="products.view_creditaccount", wide=True, order=56)
def credits_shown(_request: HttpRequest, client: Client) -> dict[str, Any] | None:
    found = credits_of(client, at=clock.now())
    if not found:
        return None
    return {
        "headers": [
            _("number"), _("name"), _("limit"), _("remaining"), _("next payment"), _("overdue"),
            _("reported on"),
        ],
        "rows": [
            [
                page_link(one.account),
                one.account.name,
                money(one.limit.value, one.account.currency),
                money(one.remaining.value, one.account.currency),
                f"{money(one.next.amount - one.next.paid, one.account.currency)}"
                f" · {day(one.next.due_on)}" if one.next else "–",
                pill(money(one.overdue_amount.value, one.account.currency), "bad")
                if one.overdue else "–",
                day(one.account.reported_on),
            ]
            for one in found
        ],
        "empty": "",
        "more": _("All"),
        "more_url": list_url(CreditAccount, client__id__exact=client.pk),
    }  # fmt: skip


@panel(CreditAccount, _("Plan"), permission="products.view_instalment", wide=True)
def plan_of(_request: HttpRequest, account: CreditAccount) -> dict[str, Any]:
    plan = account.instalments.order_by("due_on", "number")
    return {
        "headers": [_("number"), _("due on"), _("amount"), _("paid"), _("paid on")],
        "rows": [
            [
                page_link(one, one.number),
                day(one.due_on),
                money(one.amount, account.currency),
                money(one.paid, account.currency),
                day(one.paid_on),
            ]
            for one in plan[:100]
        ],
        "empty": _("There is no plan yet."),
        "more": _("All"),
        "more_url": list_url(Instalment, account__id__exact=account.pk),
    }


@panel(Client, _("Deadlines"), permission="products.view_deadline", order=57)
def deadlines_shown(_request: HttpRequest, client: Client) -> dict[str, Any] | None:
    found = deadlines_of(client, at=clock.now())
    if not found:
        return None
    return {
        "headers": [_("day"), _("kind"), _("amount")],
        "rows": [
            [
                page_link(one.deadline, day(one.day)),
                one.deadline.get_kind_display(),
                money(one.amount.value, one.deadline.currency) if one.amount.value else "–",
            ]
            for one in found
        ],
        "empty": "",
        "more": _("All"),
        "more_url": list_url(Deadline, client__id__exact=client.pk),
    }


@words("deadline.near")
def deadline_told(event: Event) -> str:
    kinds = dict(Deadline.Kind.choices)
    kind = kinds.get(event.properties.get("kind", ""), gettext("deadline"))
    return gettext("A day comes near: %(kind)s, %(day)s") % {
        "kind": kind,
        "day": event.properties.get("day", ""),
    }
