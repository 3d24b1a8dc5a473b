"""Watched folders: what falls into them, by which hour, and the file that came last."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import BooleanRadioFilter
from unfold.widgets import UnfoldAdminSelectWidget

from apps.core.admin.display import column, moment, pill
from apps.core.admin.pages import Page
from apps.core.imports.kinds import KINDS
from apps.files.admin.kinds import KindFilter, choices, title
from apps.files.models import Batch, Folder


class FolderForm(forms.ModelForm[Folder]):
    kind = forms.ChoiceField(
        label=_("kind"),
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
        "path", "shown_kind", "mapping", "expected_by", "last_file", "lands_alone", "shown_state",
    ]  # fmt: skip
    list_select_related = ["mapping"]
    list_filter = [KindFilter, ("is_active", BooleanRadioFilter)]
    search_fields = ["path", "mapping__name"]
    ordering = ["path"]
    fieldsets = [
        (None, {"fields": ["path", ("kind", "mapping"), "is_active"]}),
        (_("When it is due"), {"fields": [("expected_by", "on_weekends")]}),
        (_("What it may do alone"), {"fields": ["lands_alone"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Folder]:
        rows: QuerySet[Folder] = super().get_queryset(request)
        last = Batch.objects.filter(folder=OuterRef("pk")).order_by("-received_at")
        return rows.annotate(last_at=Subquery(last.values("received_at")[:1]))

    @column(_("kind"), ordering="kind")
    def shown_kind(self, folder: Folder) -> str:
        return str(title(folder.kind))

    @column(_("last file"), ordering="last_at")
    def last_file(self, folder: Any) -> str:
        return moment(folder.last_at)

    @column(_("state"), ordering="is_active")
    def shown_state(self, folder: Folder) -> str:
        if folder.is_active:
            return pill(gettext("active"), "good")
        return pill(gettext("not looked into"))
