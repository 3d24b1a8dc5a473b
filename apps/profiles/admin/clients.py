"""Clients as the marketer sees them: who they are, how to reach them, what they agreed to."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    MultipleChoicesDropdownFilter,
)

from apps.core.admin.display import badge, column, linked, list_url, moment, page_link, pill
from apps.core.admin.filters import MomentFilter
from apps.core.admin.pages import Page, ReadOnlyPage, panel
from apps.profiles.admin.suppressions import note_removal
from apps.profiles.imports.clients import ClientResource
from apps.profiles.models import (
    Channel,
    Client,
    ConsentRecord,
    ContactPoint,
    Duplicate,
    Identifier,
    Merge,
)
from apps.profiles.queries import consent_history

REACHED = {"valid": "good", "unconfirmed": "wait", "unreachable": "bad", "bounced": "bad"}


class IdentifierInline(TabularInline):
    model = Identifier
    extra = 0
    tab = True
    show_count = True


class ContactPointInline(TabularInline):
    model = ContactPoint
    extra = 0
    tab = True
    fields = ["channel", "address", "state", "verified_at", "checked_at"]


def addresses(client: Client, channel: str) -> str:
    return ", ".join(
        point.address
        for point in client.contact_points.all()
        if point.channel == channel and point.state != ContactPoint.State.REMOVED
    )


@admin.register(Client)
class ClientPage(Page[Client]):
    resource_classes = [ClientResource]
    list_display = [
        "__str__",
        "phone",
        "email",
        "shown_tier",
        "language",
        "time_zone",
        "created_at",
    ]
    list_filter = [
        ("tier", MultipleChoicesDropdownFilter),
        ("language", ChoicesDropdownFilter),
        ("preferred_channel", ChoicesDropdownFilter),
        ("created_at", MomentFilter),
    ]
    search_fields = ["^first_name", "^last_name"]
    search_help_text = _("Name, phone, e-mail, contract or policy number")
    ordering = ["last_name", "first_name", "pk"]
    readonly_fields = ["created_at"]
    inlines = [ContactPointInline, IdentifierInline]
    fieldsets = [
        (
            _("Person"),
            {
                "fields": [
                    ("first_name", "last_name"),
                    ("birth_on", "tier"),
                    ("language", "preferred_channel"),
                    "created_at",
                ]
            },
        ),
        (
            _("When he may be told"),
            {"fields": [("time_zone", "time_zone_source"), ("quiet_from", "quiet_until")]},
        ),
        (_("What the issuer adds"), {"fields": ["attributes"], "classes": ["collapse"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Client]:
        rows: QuerySet[Client] = super().get_queryset(request).prefetch_related("contact_points")
        match = request.resolver_match
        one = match is not None and match.kwargs.get("object_id")
        # Who was merged into another has a page, for those who still know his number, and no line.
        return rows if one else rows.filter(merged_into=None)

    def has_change_permission(self, request: HttpRequest, obj: Client | None = None) -> bool:
        stands = obj is None or obj.merged_into_id is None
        return stands and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Client | None = None) -> bool:
        stands = obj is None or obj.merged_into_id is None
        return stands and bool(super().has_delete_permission(request, obj))

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: Any) -> None:
        super().save_formset(request, form, formset, change)
        if formset.model is ContactPoint:
            for each in formset.initial_forms:
                note_removal(request, each, is_deleted=each in formset.deleted_forms)

    @column(_("phone"))
    def phone(self, client: Client) -> str:
        return addresses(client, Channel.SMS) or "–"

    @column(_("e-mail"))
    def email(self, client: Client) -> str:
        return addresses(client, Channel.EMAIL) or "–"

    @column(_("tier"), ordering="tier")
    def shown_tier(self, client: Client) -> str:
        return pill(client.get_tier_display()) if client.tier else "–"


@admin.register(ConsentRecord)
class ConsentPage(ReadOnlyPage[ConsentRecord]):
    list_display = [
        linked("client", _("client"), "last_name"), "purpose", "channel", "granted",
        "text_version", "source", "given_on",
        "recorded_at",
    ]  # fmt: skip
    list_select_related = ["client"]
    list_filter = [
        ("granted", BooleanRadioFilter),
        ("purpose", ChoicesDropdownFilter),
        ("channel", ChoicesDropdownFilter),
        ("client", AutocompleteSelectFilter),
        ("recorded_at", MomentFilter),
    ]
    search_fields = ["^client__last_name", "^client__first_name"]
    ordering = ["-pk"]


@admin.register(ContactPoint)
class ContactPointPage(Page[ContactPoint]):
    list_display = [
        "address", "channel", linked("client", _("client"), "last_name"),
        badge("state", _("state"), **REACHED), "verified_at",
    ]  # fmt: skip
    list_select_related = ["client"]
    list_filter = [
        ("state", MultipleChoicesDropdownFilter),
        ("channel", ChoicesDropdownFilter),
        ("client", AutocompleteSelectFilter),
    ]
    search_fields = ["^client__last_name", "^client__first_name"]
    autocomplete_fields = ["client"]
    readonly_fields = ["created_at"]

    def save_model(self, request: HttpRequest, obj: ContactPoint, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        note_removal(request, form)


def answer(consent: ConsentRecord) -> str:
    return pill(_("granted"), "good") if consent.granted else pill(_("withdrawn"), "bad")


def consent_rows(records: Iterable[ConsentRecord]) -> list[list[object]]:
    """Write each answer, newest first; the first of a question is the one that counts."""
    counted: set[tuple[str, str]] = set()
    rows: list[list[object]] = []
    for record in records:
        question = (record.purpose, record.channel)
        now = pill(_("counts"), "wait") if question not in counted else ""
        counted.add(question)
        rows.append(
            [
                f"{record.get_purpose_display()} · {record.get_channel_display()}",
                answer(record),
                now,
                moment(record.recorded_at),
                f"{record.source} ({record.text_version})",
            ]
        )
    return rows


@panel(Client, _("Consents"), permission="profiles.view_consentrecord", wide=True, order=90)
def consents_of(_request: HttpRequest, client: Client) -> dict[str, Any]:
    return {
        "headers": [_("question"), _("answer"), "", _("when"), _("how, and which wording")],
        "rows": consent_rows(consent_history(client)),
        "empty": _("He was never asked: nothing may be sent."),
        "more": _("All"),
        "more_url": list_url(ConsentRecord, client__id__exact=client.pk),
    }


@panel(Client, _("One person or two?"), permission="profiles.view_merge", order=5)
def identity_of(_request: HttpRequest, client: Client) -> dict[str, Any] | None:
    """Show who he was merged into, and with whom he may be one; nothing where nobody asks."""
    if client.merged_into is not None:
        rows = [[page_link(client.merged_into), pill(_("stands for this client now"), "wait")]]
    else:
        pair = Q(first=client) | Q(second=client)
        open_pairs = Duplicate.objects.filter(pair, state=Duplicate.State.OPEN)
        both = Q(kept=client) | Q(dropped=client)
        merges = Merge.objects.filter(both).exclude(state=Merge.State.REJECTED)
        rows = [
            *([page_link(each), pill(each.get_state_display(), "wait")]
              for each in open_pairs.select_related("first", "second")[:10]),
            *([page_link(each), pill(each.get_state_display())]
              for each in merges.select_related("kept", "dropped")[:10]),
        ]  # fmt: skip
    return {"headers": [_("clients"), ""], "rows": rows} if rows else None
