"""Watched folders: what falls into them, by which hour, and the file that came last."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.formats import time_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import BooleanRadioFilter, DropdownFilter
from unfold.widgets import UnfoldAdminSelectWidget

from apps.core import clock
from apps.core.admin.display import column, list_url, moment, pill
from apps.core.admin.pages import Page
from apps.core.imports.kinds import KINDS
from apps.files.admin.kinds import KindFilter, brought_by, choices, title
from apps.files.models import Batch, Folder
from apps.files.queries.folders import OUT, last_due, late_files


class LateFilter(DropdownFilter):
    title = _("late")
    parameter_name = "late"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("whose file has not come"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Folder]) -> QuerySet[Folder]:
        if not self.value():
            return queryset
        return queryset.filter(pk__in=[folder.pk for folder in late_files(clock.now())])


class FolderForm(forms.ModelForm[Folder]):
    kind = forms.ChoiceField(
        label=_("Kind"),
        widget=UnfoldAdminSelectWidget,
        choices=lambda: choices(KINDS.values()),
    )

    class Meta:
        model = Folder
        fields = [
            "path", "kind", "mapping", "expected_by", "on_weekends", "lands_alone", "is_active",
        ]  # fmt: skip


@admin.register(Folder)
class FolderPage(Page[Folder]):
    form = FolderForm
    list_display = [
        "path", "shown_kind", "mapping", "due", "last_file", "lands_alone", "shown_state",
    ]  # fmt: skip
    list_select_related = ["mapping"]
    list_filter = [KindFilter, LateFilter, ("is_active", BooleanRadioFilter)]
    search_fields = ["path", "mapping__name"]
    ordering = ["path"]
    fieldsets = [
        (None, {"fields": ["path", ("kind", "mapping"), "is_active"]}),
        (_("When it is due"), {"fields": [("expected_by", "on_weekends")]}),
        (_("What it may do alone"), {"fields": ["lands_alone"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Folder]:
        rows: QuerySet[Folder] = super().get_queryset(request)
        come = Batch.objects.filter(folder=OuterRef("pk")).exclude(state__in=OUT)
        last = come.order_by("-received_at")
        return rows.annotate(last_at=Subquery(last.values("received_at")[:1]))

    def get_form(
        self, request: HttpRequest, obj: Folder | None = None, **kwargs: Any
    ) -> type[FolderForm]:
        """Offer the kinds of which the person may bring files, and the one that there is."""
        offered = {kind.name: kind for kind in brought_by(request.user)}
        if obj and obj.kind in KINDS:
            offered[obj.kind] = KINDS[obj.kind]

        class Form(FolderForm):
            def __init__(self, *args: Any, **own: Any) -> None:
                super().__init__(*args, **own)
                self.fields["kind"].choices = choices(offered.values())  # type: ignore[attr-defined]

        return Form

    @column(_("kind"), ordering="kind")
    def shown_kind(self, folder: Folder) -> str:
        return str(title(folder.kind))

    @column(_("expected by"), ordering="expected_by")
    def due(self, folder: Folder) -> str:
        return time_format(folder.expected_by, "H:i") if folder.expected_by else "–"

    @column(_("last file"), ordering="last_at")
    def last_file(self, folder: Any) -> SafeString | str:
        if folder.last_at is None:
            return gettext("none yet")
        url = list_url(Batch, q=folder.path)
        return format_html('<a class="desk-link" href="{}">{}</a>', url, moment(folder.last_at))

    @column(_("state"), ordering="is_active")
    def shown_state(self, folder: Any) -> str:
        if not folder.is_active:
            return pill(gettext("not looked into"))
        due_at = last_due(folder, at=clock.now())
        come_at = folder.last_at
        if due_at and not (come_at and come_at.astimezone(due_at.tzinfo).date() >= due_at.date()):
            return pill(gettext("late"), "bad")
        return pill(gettext("active"), "good")
