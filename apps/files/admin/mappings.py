"""Saved mappings: their list, and the page on which one is made over a file."""

from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core.admin.display import column, list_url, moment, page_url
from apps.core.admin.pages import Page, panel
from apps.core.imports.layout import Layout, LayoutError
from apps.core.imports.reading.refusals import RefusedFileError
from apps.files.actions.confirming import begin
from apps.files.actions.mappings import MappingError, save_mapping
from apps.files.admin import layouts
from apps.files.admin.kinds import KindFilter, may_bring, title
from apps.files.admin.stages import StagePages, steps
from apps.files.models import Batch, Mapping
from apps.files.queries.looks import Top, below_preamble, first_rows, readings, suggested
from apps.files.tasks import nudge


@admin.register(Mapping)
class MappingPage(Page[Mapping]):
    list_display = ["name", "shown_kind", "is_complete", "shown_used_at"]
    list_filter = [KindFilter]
    search_fields = ["name"]
    ordering = ["name"]
    fieldsets = [(None, {"fields": ["name", "is_complete"]})]

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False  # a mapping is made over a file

    @column(_("kind"), ordering="kind")
    def shown_kind(self, mapping: Mapping) -> str:
        return str(title(mapping.kind))

    @column(_("last used"), ordering="used_at")
    def shown_used_at(self, mapping: Mapping) -> str:
        return moment(mapping.used_at)


@panel(Mapping, _("Which column is which"), permission="files.view_mapping", wide=True)
def columns(_request: HttpRequest, mapping: Mapping) -> dict[str, Any]:
    """Show what a mapping says; it is changed over a file, where one sees what comes of it."""
    said = Layout.from_json(mapping.layout)
    rows: list[list[object]] = [
        [header, column, layouts.steps_of(said, column)] for column, header in said.columns.items()
    ]
    rows += [[gettext("every row: “%s”") % text, name, ""] for name, text in said.constants.items()]
    rows += [[header, "–", gettext("left out")] for header in sorted(said.ignored)]
    return {
        "headers": [_("in the file"), _("is our"), _("read")],
        "rows": rows,
        "empty": _("The columns are called like ours."),
        "note": layouts.written(said),
        "more": _("Files read so"),
        "more_url": list_url(Batch, q=mapping.name),
    }


class LayoutPages(StagePages):
    """Gives the page of files the page that says which column of one is which."""

    def layout_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.layout_view)
        return [path("<int:pk>/layout/", view, name="files_batch_layout")]

    def layout_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show how a file would be read, as it was said or is suggested, until it is saved."""
        batch = self.readable(request, pk)
        if not may_bring(request.user, batch.of):
            raise PermissionDenied
        said = Said.of(batch, request)
        shown = looked_at(batch, said)
        if "save" in request.POST and said.is_whole and said.saved(batch):
            return HttpResponseRedirect(page_url(batch))
        return self.stage_page(
            request,
            batch,
            "files/admin/layout.html",
            steps=steps(Batch.State.RECEIVED),
            said=said,
            formats=layouts.formats(said.layout),
            **shown,
        )


@dataclass
class Said:
    """What is said of a file's layout: as it is stored, or as the form brought it."""

    layout: Layout
    name: str = ""
    is_complete: bool = False
    headers: list[str] | None = None  # over which it was said; None where that was before
    reasons: list[str] = field(default_factory=list)
    top: Top | None = None  # of the file as the layout reads it

    @classmethod
    def of(cls, batch: Batch, request: HttpRequest) -> "Said":
        stored = Layout.from_json(batch.layout)
        posted = request.POST
        if request.method != "POST":
            name = batch.mapping.name if batch.mapping else ""
            said = cls(stored, name, batch.is_complete)
            if not batch.layout:
                said.headers = []  # nobody said anything yet
            return said
        said = cls(stored, posted.get("name", "").strip(), "is_complete" in posted)
        said.headers = posted.getlist("header")
        try:
            said.layout = layouts.posted_layout(posted)
        except LayoutError as refusal:
            said.reasons = list(refusal.reasons)
        return said

    @property
    def is_whole(self) -> bool:
        """Tell whether it was said over the columns that the file has, and without a fault."""
        return not self.reasons and self.top is not None and self.headers == list(self.top.names)

    def read(self, batch: Batch) -> Top:
        """Look at the file; what was said over other columns gives way to a suggestion."""
        self.top, self.layout = below_preamble(batch.path, self.layout)
        if self.headers is not None and self.headers != list(self.top.names):
            self.layout = suggested(batch.of, self.top, self.layout)
        self.layout = replace(self.layout, delimiter=self.top.delimiter)
        return self.top

    def saved(self, batch: Batch) -> bool:
        """Have the file checked under the layout, kept under its name if it has one."""
        chosen: dict[str, Any] = {"layout": self.layout.to_json()}
        if self.name and self.top:
            try:
                mapping = save_mapping(
                    self.name,
                    kind=batch.kind,
                    layout=self.layout,
                    header=self.top.names,
                    is_complete=self.is_complete,
                )
            except MappingError as refusal:
                self.reasons.append(str(refusal))
                return False
            chosen = {"mapping": mapping}
        if begin(batch.pk, **chosen):
            nudge(batch.pk)
        return True


def looked_at(batch: Batch, said: Said) -> dict[str, Any]:
    """Return what the page shows of the file itself."""
    resource = batch.of.resource
    try:
        top = said.read(batch)
    except RefusedFileError as refusal:
        lettered = any(fault.code == "encoding" for fault in refusal.faults)
        return {
            "faults": [str(fault) for fault in refusal.faults],
            "readings": _readings(batch) if lettered else [],
        }
    columns = {name: column.required for name, column in resource.fields.items()}
    return {
        "editor": layouts.editor(
            said.layout, headers=top.names, columns=columns, free=resource.free
        ),
        "first": first_rows(batch.path, batch.of, said.layout),
    }


def _readings(batch: Batch) -> list[dict[str, Any]]:
    return [
        {"encoding": encoding, "name": layouts.ENCODINGS.get(encoding, encoding), "text": text}
        for encoding, text in readings(batch.path).items()
    ]
