"""Shared phrases in the back office: snippets, disclaimers, lead-ins, and addresses for tests."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from apps.core.admin.display import badge, column
from apps.core.admin.pages import Page, deed
from apps.messaging.actions.content import check_phrase, publish_snippet
from apps.messaging.models.phrases import (
    Disclaimer,
    DisclaimerText,
    LeadIn,
    SeedAddress,
    Snippet,
    SnippetText,
)
from apps.profiles.models import Channel

WORDED = {"published": "good", "draft": "wait", "retired": "quiet"}


class PhraseForm(forms.ModelForm[Any]):
    """A phrase that is read when it is saved, not first when a client should read it."""

    def clean_body(self) -> str:
        body = str(self.cleaned_data["body"])
        try:
            check_phrase(body)
        except ValidationError as error:
            raise ValidationError(error.messages) from error
        return body


class SnippetTextInline(StackedInline):
    model = SnippetText
    form = PhraseForm
    extra = 0
    fields = [("language", "number", "state"), "body"]
    readonly_fields = ["state"]
    ordering = ["language", "-number"]
    show_change_link = True

    def has_change_permission(self, request: HttpRequest, row: Any = None) -> bool:
        return False

    has_delete_permission = has_change_permission


@admin.register(Snippet)
class SnippetPage(Page[Snippet]):
    list_display = ["name", "about", "published"]
    search_fields = ["name", "about"]
    inlines = [SnippetTextInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Snippet]:
        rows: QuerySet[Snippet] = super().get_queryset(request)
        return rows.annotate(said=Count("texts", filter=Q(texts__state="published")))

    @column(_("published languages"), ordering="said")
    def published(self, snippet: Snippet) -> int:
        return int(getattr(snippet, "said", 0))


def is_draft(text: SnippetText | None) -> bool:
    return text is None or text.state == SnippetText.State.DRAFT


@admin.register(SnippetText)
class SnippetTextPage(Page[SnippetText]):
    form = PhraseForm
    list_display = ["snippet", "language", "number", badge("state", _("state"), **WORDED)]
    list_select_related = ["snippet"]
    list_filter = [("state", ChoicesDropdownFilter), ("language", ChoicesDropdownFilter)]
    search_fields = ["snippet__name", "body"]
    autocomplete_fields = ["snippet"]
    readonly_fields = ["state", "created_at"]

    def has_change_permission(self, request: HttpRequest, row: SnippetText | None = None) -> bool:
        return is_draft(row) and bool(super().has_change_permission(request, row))

    def has_delete_permission(self, request: HttpRequest, row: SnippetText | None = None) -> bool:
        return is_draft(row) and bool(super().has_delete_permission(request, row))


@deed(
    SnippetText, _("Publish"), permission="messaging.change_snippettext", icon="publish",
    offered=is_draft,
)  # fmt: skip
def publish_text(request: HttpRequest, text: SnippetText) -> None:
    try:
        published = publish_snippet(text.pk)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return
    if published:
        messages.success(request, gettext("The text is published; the one before it is retired."))


class DisclaimerForm(forms.ModelForm[Disclaimer]):
    channels = forms.MultipleChoiceField(
        label=_("channels"), choices=Channel.choices, required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("Empty: all. In an SMS every part costs."),
    )  # fmt: skip


class DisclaimerTextInline(StackedInline):
    model = DisclaimerText
    form = PhraseForm
    extra = 0
    fields = [("language", "valid_from", "valid_until"), "body"]


@admin.register(Disclaimer)
class DisclaimerPage(Page[Disclaimer]):
    form = DisclaimerForm
    list_display = ["name", "product", "strategy", "template", "is_required", "until"]
    list_select_related = ["strategy", "template"]
    list_filter = [("product", ChoicesDropdownFilter)]
    search_fields = ["name"]
    autocomplete_fields = ["strategy", "template"]
    inlines = [DisclaimerTextInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Disclaimer]:
        rows: QuerySet[Disclaimer] = super().get_queryset(request)
        return rows.annotate(last=Max("texts__valid_from"))

    @column(_("last text from"), ordering="last")
    def until(self, disclaimer: Disclaimer) -> Any:
        return getattr(disclaimer, "last", None)


@admin.register(LeadIn)
class LeadInPage(Page[LeadIn]):
    form = PhraseForm
    list_display = ["segment", "template", "channel", "language", "body"]
    list_select_related = ["template"]
    list_filter = [("channel", ChoicesDropdownFilter), ("language", ChoicesDropdownFilter)]
    search_fields = ["segment", "body"]
    autocomplete_fields = ["template"]


@admin.register(SeedAddress)
class SeedAddressPage(Page[SeedAddress]):
    list_display = ["name", "channel", "address", "is_active"]
    list_filter = [("channel", ChoicesDropdownFilter)]
    search_fields = ["name", "address"]
