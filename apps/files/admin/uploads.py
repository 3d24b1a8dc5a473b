"""Bringing a file: what it holds, the file itself, how it is read and what its source counted."""

from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.core.admin.display import page_url
from apps.core.imports.kinds import KINDS, Kind
from apps.core.imports.reading.refusals import RefusedFileError
from apps.core.imports.reading.table import CANONICAL
from apps.files.actions.confirming import begin
from apps.files.actions.receiving import TooLargeError, receive
from apps.files.admin.kinds import brought_by, choices, may_bring
from apps.files.admin.outcome import readable
from apps.files.admin.stages import steps
from apps.files.admin.verdicts import address
from apps.files.models import Batch, Mapping
from apps.files.queries.looks import known_way
from apps.files.tasks import nudge

# What belongs to another kind comes as soon as it is chosen; without scripts, after the next try.
FOLLOWS = {
    "hx-get": "",
    "hx-trigger": "change",
    "hx-select": "#files-of-kind",
    "hx-target": "#files-of-kind",
    "hx-swap": "outerHTML",
}


class UploadForm(forms.Form):
    """Of a kind that is chosen already, the form offers its mappings and asks for its sums."""

    kind = forms.ChoiceField(widget=forms.Select(attrs=FOLLOWS))
    file = forms.FileField(
        widget=forms.ClearableFileInput(
            attrs={"accept": ".csv,.tsv,.txt,.xlsx,.gz", "required": True}
        ),
        error_messages={
            "required": _("Choose a file, or drop one here."),
            "empty": _("The file is empty."),
        },
    )
    mapping = forms.ModelChoiceField(Mapping.objects.none(), required=False)
    rows = forms.IntegerField(required=False, min_value=0)

    def __init__(self, *args: Any, kinds: list[Kind], kind: Kind | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [("", _("Choose …")), *choices(kinds)]  # type: ignore[attr-defined]
        mapping = self.fields["mapping"]
        mapping.empty_label = _("Suggest from its header")  # type: ignore[attr-defined]
        if kind:
            mapping.queryset = Mapping.objects.filter(kind=kind.name).order_by("name")  # type: ignore[attr-defined]
        self.summed = {f"sum_{column}": column for column in (kind.amounts if kind else ())}
        for name, column in self.summed.items():
            self.fields[name] = forms.DecimalField(required=False, label=readable(column))

    @property
    def sums(self) -> list[forms.BoundField]:
        return [self[name] for name in self.summed]

    def controls(self) -> dict[str, str]:
        """Return what the source told of the file: its rows, and what columns add up to."""
        said = self.cleaned_data
        told = {column: said[name] for name, column in self.summed.items()} | {"rows": said["rows"]}
        return {
            name: f"{value:f}" if isinstance(value, Decimal) else str(value)
            for name, value in told.items()
            if value is not None
        }


class UploadPages:
    """Gives the page of files the page on which one is brought."""

    admin_site: Any
    opts: Any

    def upload_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [path("empty/<slug:name>/", view(self.empty_view), name="files_batch_empty")]

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        kinds = brought_by(request.user)
        if not kinds:
            raise PermissionDenied
        named = request.POST.get("kind") or request.GET.get("kind", "")
        kind = next((kind for kind in kinds if kind.name == named), None)
        form = UploadForm(
            request.POST or None,
            request.FILES or None,
            kinds=kinds,
            kind=kind,
            initial={"kind": named},
        )
        batch = received(request, kind, form) if kind and form.is_valid() else None
        if batch:
            return HttpResponseRedirect(next_page(batch))
        return TemplateResponse(
            request,
            "files/admin/upload.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": _("Bring a file"),
                "steps": steps(),
                "form": form,
                "kind": kind,
                "most": filesizeformat(settings.FILES_MOST_BYTES),
                **columns_of(kind),
            },
        )

    def empty_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Give a file with the names of a kind's columns and no row."""
        kind = KINDS.get(name)
        if kind is None:
            raise Http404
        if not may_bring(request.user, kind):
            raise PermissionDenied
        header = ",".join(kind.resource.fields)
        return HttpResponse(
            f"\ufeff{header}\r\n",
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
        )


def received(request: HttpRequest, kind: Kind, form: UploadForm) -> Batch | None:
    """Keep the file that the form brought; None, and a fault in the form, where it is too large."""
    file = form.cleaned_data["file"]
    try:
        return receive(
            file,
            kind=kind.name,
            filename=file.name,
            origin=Batch.Origin.UPLOAD,
            at=clock.now(),
            by=request.user if request.user.is_authenticated else None,
            mapping=form.cleaned_data["mapping"],
            controls=form.controls(),
        )
    except TooLargeError as refusal:
        form.add_error("file", str(refusal))
        return None


def columns_of(kind: Kind | None) -> dict[str, Any]:
    if kind is None:
        return {}
    columns = kind.resource.fields
    return {
        "needed": [name for name, column in columns.items() if column.required],
        "optional": [name for name, column in columns.items() if not column.required]
        + [f"{prefix}…" for prefix in kind.resource.free],
        "empty_url": reverse("admin:files_batch_empty", args=[kind.name]),
    }


def next_page(batch: Batch) -> str:
    """Have a file checked if it is known how it is read; return where the person goes on."""
    try:
        way = batch.mapping or known_way(batch)
    except RefusedFileError as refusal:
        if any(fault.code == "encoding" for fault in refusal.faults):
            return address(batch, "layout")
        way = CANONICAL  # its check says why nothing of it can be read
    if way is None:
        return address(batch, "layout")
    chosen = {"mapping": way} if isinstance(way, Mapping) else {"layout": way.to_json()}
    if begin(batch.pk, **chosen):
        nudge(batch.pk)
    return page_url(batch)
