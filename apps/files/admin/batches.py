"""The files that came in: their list, and the page of one from its checking to its undoing."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    DropdownFilter,
    MultipleChoicesDropdownFilter,
)

from apps.core import clock
from apps.core.admin.display import badge, column, count
from apps.core.admin.filters import MomentFilter
from apps.core.admin.finding import searched
from apps.core.admin.pages import ReadOnlyPage
from apps.files.admin.kinds import KindFilter, brought_by, title
from apps.files.admin.mappings import LayoutPages
from apps.files.admin.stages import TONES
from apps.files.admin.uploads import UploadPages
from apps.files.models import Batch
from apps.files.queries.troubles import troubled


class TroubledFilter(DropdownFilter):
    title = _("trouble")
    parameter_name = "troubled"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("lately", _("rows left out, or not readable, this week"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Batch]) -> QuerySet[Batch]:
        return troubled(queryset, at=clock.now()) if self.value() else queryset


@searched(Batch)
def files_referred_to(term: str) -> Iterable[int]:
    """Find a file as the rows call it that it brought, like clients-42."""
    kind, _between, number = term.rpartition("-")
    called = (
        Batch.objects.filter(kind=kind, pk=number) if number.isdecimal() else Batch.objects.none()
    )
    return called.values_list("pk", flat=True)


@admin.register(Batch)
class BatchPage(UploadPages, LayoutPages, ReadOnlyPage[Batch]):
    list_display = [
        "filename", "shown_kind", badge("state", _("state"), **TONES), "shown_new",
        "shown_changed", "shown_rejected", "shown_held", "received_at", "brought_by",
    ]  # fmt: skip
    list_select_related = ["received_by"]
    list_filter = [
        KindFilter,
        ("state", MultipleChoicesDropdownFilter),
        TroubledFilter,
        ("origin", ChoicesDropdownFilter),
        ("received_at", MomentFilter),
    ]
    search_fields = ["filename", "mapping__name", "folder__path"]
    ordering = ["-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Batch]:
        """Show all files to those who may see files, to others those of the kinds they bring."""
        rows: QuerySet[Batch] = super().get_queryset(request)
        if request.user.has_perm("files.view_batch"):
            return rows
        return rows.filter(kind__in=[kind.name for kind in brought_by(request.user)])

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return bool(brought_by(request.user))

    def has_view_permission(self, request: HttpRequest, row: Batch | None = None) -> bool:
        return request.user.has_perm("files.view_batch") or self.has_add_permission(request)

    def get_urls(self) -> list[URLPattern]:
        return [*self.upload_urls(), *self.layout_urls(), *self.stage_urls(), *super().get_urls()]

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.upload_view(request)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        return self.stage_view(request, object_id)

    @column(_("kind"), ordering="kind")
    def shown_kind(self, batch: Batch) -> str:
        return str(title(batch.kind))

    @column(_("new"), ordering="new")
    def shown_new(self, batch: Batch) -> str:
        return count(batch.new) if batch.new else "–"

    @column(_("changed"), ordering="changed")
    def shown_changed(self, batch: Batch) -> str:
        return count(batch.changed) if batch.changed else "–"

    @column(_("left out"), ordering="rejected")
    def shown_rejected(self, batch: Batch) -> str:
        return count(batch.rejected) if batch.rejected else "–"

    @column(_("held"), ordering="held")
    def shown_held(self, batch: Batch) -> str:
        return count(batch.held) if batch.held else "–"

    @column(_("brought by"), ordering="received_by")
    def brought_by(self, batch: Batch) -> str:
        return str(batch.received_by or batch.get_origin_display())
