"""What files tell the start page: those that wait for somebody, and those that went wrong."""

from collections.abc import Callable, Iterable
from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core.admin.display import count, list_url, moment, page_url
from apps.core.site import COUNTED, Concern, Line, concerns
from apps.files.admin.kinds import title
from apps.files.models import Batch, Folder
from apps.files.queries.folders import last_due, late_files
from apps.files.queries.troubles import troubled

SHOWN = 5
TOLD = (
    "kind", "filename", "state", "new", "changed", "rejected",
    "confirmed_by__username", "confirmed_by__first_name", "confirmed_by__last_name",
)  # fmt: skip


@concerns("files.view_batch")
def files_to_confirm(_at: datetime) -> Iterable[Concern]:
    yield _concern(
        _("Files that wait for your word"),
        Batch.objects.filter(state=Batch.State.CHECKED),
        _brings,
        url=list_url(Batch, state__exact=Batch.State.CHECKED),
        icon="upload_file",
    )


@concerns("files.view_batch")
def files_to_release(_at: datetime) -> Iterable[Concern]:
    yield _concern(
        _("Files that wait for a second person"),
        Batch.objects.filter(state=Batch.State.WAITING),
        lambda batch: _("confirmed by %s") % (batch.confirmed_by or "–"),
        url=list_url(Batch, state__exact=Batch.State.WAITING),
        icon="group",
    )


@concerns("files.view_folder")
def files_late(at: datetime) -> Iterable[Concern]:
    late = late_files(at)
    yield Concern(
        title=_("Files that have not come"),
        count=len(late),
        url=list_url(Folder, late=1),
        lines=[
            Line(
                f"{title(folder.kind)}: {folder.path}",
                _("due %(moment)s") % {"moment": moment(last_due(folder, at=at))},
                page_url(folder),
            )
            for folder in late[:SHOWN]
        ],
        tone="bad",
        icon="hourglass_bottom",
    )


@concerns("files.view_batch")
def files_gone_wrong(at: datetime) -> Iterable[Concern]:
    yield _concern(
        _("Files with rows left out"),
        troubled(Batch.objects.all(), at=at),
        lambda batch: _left_out(batch) if batch.rejected else _("could not be read"),
        url=list_url(Batch, troubled="lately"),
        tone="bad",
        icon="rule",
    )


def _concern(
    heading: str, rows: QuerySet[Batch], note: Callable[[Batch], str], **look: str
) -> Concern:
    found = list(rows.select_related("confirmed_by").only(*TOLD).order_by("-pk")[: COUNTED + 1])
    lines = [
        Line(f"{title(row.kind)}: {row.filename}", note(row), page_url(row))
        for row in found[:SHOWN]
    ]
    return Concern(title=heading, count=len(found), lines=lines, **look)


def _brings(batch: Batch) -> str:
    said = [ngettext("%s new", "%s new", batch.new) % count(batch.new)]
    said.append(ngettext("%s changed", "%s changed", batch.changed) % count(batch.changed))
    if batch.rejected:
        said.append(_left_out(batch))
    return ", ".join(said)


def _left_out(batch: Batch) -> str:
    return ngettext("%s left out", "%s left out", batch.rejected) % count(batch.rejected)
