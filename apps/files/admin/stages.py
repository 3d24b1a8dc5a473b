"""The page of one file: how far it is, what it would change, and who may decide what."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.http import content_disposition_header
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core.admin.display import count, moment, page_url, pill
from apps.files.actions.undoing import Trail
from apps.files.admin import outcome, progress
from apps.files.admin.decisions import DECISIONS
from apps.files.admin.kinds import may_read, title
from apps.files.admin.records import records_of
from apps.files.admin.verdicts import address, may, verdict
from apps.files.models import Batch
from apps.files.queries.downloads import has_rejected, rejected_rows, report
from apps.files.tasks import nudge

GONE = REMARKS = 30  # shown one by one

Text = str | Promise
State = Batch.State

TONES = {
    "received": "wait", "checking": "wait", "checked": "wait", "waiting": "wait", "landing": "wait",
    "undoing": "wait", "refused": "bad", "landed": "good", "unchanged": "quiet", "undone": "quiet",
    "dropped": "quiet",
}  # fmt: skip
STEPS: tuple[tuple[Text, frozenset[str]], ...] = (
    (_("File"), frozenset()),
    (_("Columns"), frozenset({State.RECEIVED, State.REFUSED})),
    (_("Look"), frozenset({State.CHECKING, State.CHECKED, State.WAITING, State.UNCHANGED})),
    (_("Landing"), frozenset({State.LANDING, State.LANDED, State.UNDOING, State.UNDONE})),
)


def steps(state: str = "") -> list[dict[str, Any]]:
    """Return the way of a file, and where on it a state is; without one, at its beginning."""
    here = next((place for place, (_name, states) in enumerate(STEPS) if state in states), 0)
    return [
        {"name": name, "here": place == here, "done": place < here}
        for place, (name, _states) in enumerate(STEPS)
    ]


def about(batch: Batch) -> str:
    """Return what kind of file it is, how large, whose and since when."""
    said = [str(title(batch.kind))]
    if batch.records:
        said.append(gettext("%s rows") % count(batch.records))
    who = batch.received_by or batch.get_origin_display()
    said.append(f"{who}, {moment(batch.received_at)}")
    if batch.mapping:
        said.append(gettext("read as “%s”") % batch.mapping)
    return " · ".join(said)


def shown(request: HttpRequest, batch: Batch) -> dict[str, Any]:
    """Return what the page of a file says in its state."""
    context: dict[str, Any] = {"verdict": verdict(batch, request.user)}
    if batch.state in progress.DOING:
        return context | {"progress": progress.of(batch)}
    reads = may_read(request.user, batch)
    if batch.faults and reads:  # they may cite cells
        context["refusals"] = refusals(batch)
        context["refused_title"] = refused_title(batch)
    if not batch.records:
        return context
    return context | {
        "diff_title": outcome.title(batch),
        "sentences": outcome.sentences(batch),
        "strip": outcome.strip(batch),
        "controls": outcome.controls(batch),
        "records": records_of(request, batch),
        **(cells(batch) if reads else {}),
    }


def cells(batch: Batch) -> dict[str, Any]:
    """Return what the page shows of single rows, to those who may read the file."""
    return {
        "sample": outcome.sample(batch),
        "gone": batch.diff.get("gone", [])[:GONE],
        "gone_more": batch.gone > GONE,
        "remarks": batch.diff.get("remarks", [])[:REMARKS],
        "rejected_url": address(batch, "rejected") if has_rejected(batch) else "",
    }


def refused_title(batch: Batch) -> Text:
    if all(code == "control_total" for code, *_more in batch.faults):
        return _("The file is not what the source counted; nothing of it landed")
    return _("The file could not be read; nothing of it landed")


def refusals(batch: Batch) -> list[dict[str, str]]:
    """Return why nothing of a file could be read, each reason with its place."""
    return [
        {
            "reason": sentence,
            "place": ", ".join(
                said
                for said in (
                    gettext("line %(line)d") % {"line": line} if line else "",
                    gettext("column “%(column)s”") % {"column": column} if column else "",
                )
                if said
            ),
        }
        for _code, sentence, line, column in batch.faults
    ]


class StagePages:
    """Gives the page of files the pages of a single one."""

    admin_site: Any
    opts: Any
    get_object: Callable[..., Any]
    has_view_permission: Callable[..., bool]

    def stage_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/progress/", view(self.progress_view), name="files_batch_progress"),
            path("<int:pk>/decide/<slug:verb>/", view(self.decide_view), name="files_batch_decide"),
            path("<int:pk>/undo/", view(self.undo_view), name="files_batch_undo"),
            path("<int:pk>/rejected/", view(self.rejected_view), name="files_batch_rejected"),
            path("<int:pk>/report/", view(self.report_view), name="files_batch_report"),
        ]

    def batch(self, request: HttpRequest, pk: int | str) -> Batch:
        """Return a file that the person may see."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        batch: Batch | None = self.get_object(request, str(pk))
        if batch is None:
            raise Http404
        return batch

    def readable(self, request: HttpRequest, pk: int) -> Batch:
        """Return a file of which the person may read the cells."""
        batch = self.batch(request, pk)
        if not may_read(request.user, batch):
            raise PermissionDenied
        return batch

    def stage_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        batch = self.batch(request, pk)
        return self.stage_page(request, batch, "files/admin/batch.html", **shown(request, batch))

    def stage_page(
        self, request: HttpRequest, batch: Batch, template: str, **context: Any
    ) -> HttpResponse:
        return TemplateResponse(
            request,
            template,
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": batch.filename,
                "about": about(batch),
                "stands": pill(batch.get_state_display(), TONES[batch.state]),
                "steps": steps(batch.state),
                "original": batch,
                **context,
            },
        )

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return JsonResponse(progress.of(self.batch(request, pk)))

    def decide_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        """Do what a person decided, if the file still stands so that he may."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        batch = self.batch(request, pk)
        decide = DECISIONS.get(verb)
        if decide is None:
            raise Http404
        if not may(request.user, batch, verb):
            raise PermissionDenied
        if decide(batch, request.user):
            nudge(batch.pk)
        else:
            messages.warning(request, _("It stands otherwise by now: look at it again."))
        return HttpResponseRedirect(page_url(batch))

    def undo_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what taking a file back would undo, and what stands in its way."""
        batch = self.batch(request, pk)
        if not may(request.user, batch, "undo"):
            raise PermissionDenied
        if batch.state != State.LANDED:
            return HttpResponseRedirect(page_url(batch))
        return self.stage_page(
            request,
            batch,
            "files/admin/undo.html",
            sentences=outcome.undone(batch),
            standing=list(Trail(batch).built_on()),
            undo_url=address(batch, "decide", "undo"),
            back_url=page_url(batch),
        )

    def rejected_view(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        """Give the rejected rows as they came, each with its line and reasons, to be mended."""
        batch = self.readable(request, pk)
        if not has_rejected(batch):
            raise Http404
        name = f"{Path(batch.filename).stem}-left-out.csv"
        return download(rejected_rows(batch), name, "text/csv; charset=utf-8")

    def report_view(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        """Give what became of every record, as the command line does."""
        batch = self.readable(request, pk)
        name = f"{Path(batch.filename).stem}-report.json"
        return download(report(batch), name, "application/json")


def download(pieces: Iterator[Any], name: str, kind: str) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        pieces,
        content_type=kind,
        headers={
            "Content-Disposition": content_disposition_header(as_attachment=True, filename=name)
            or ""
        },
    )
