"""Files by HTTP: sent as they are, checked, told record by record, and let land by who may."""

from collections.abc import Mapping as Named
from datetime import datetime
from typing import Annotated, Any, Literal

from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from ninja import Query, Router
from pydantic import BaseModel, Field

from apps.core import clock
from apps.core.actions import SCOPES
from apps.core.api.bodies import Body, stream
from apps.core.api.keys import Key
from apps.core.api.once import once
from apps.core.api.problems import Fault, RefusedError
from apps.core.api.reads import Paged, page_of
from apps.core.imports.kinds import KINDS
from apps.core.models import ApiKey
from apps.files.actions.confirming import begin, confirm
from apps.files.actions.receiving import TooLargeError, receive
from apps.files.models import Batch, Mapping, Record
from apps.files.queries.downloads import has_rejected, rejected_rows
from apps.files.queries.progress import progress
from apps.files.queries.reports import totals
from apps.files.tasks import nudge

router = Router(tags=["files"])
reading = Key("files:read", gettext_lazy("read what became of files"))
sending = Key("files:write", gettext_lazy("send files to be checked"), streams=True)
confirming = Key("files:confirm", gettext_lazy("let checked files land"))
SCOPES["products:read"] = gettext_lazy("read files of products, shares and their days")
SCOPES["products:write"] = gettext_lazy("bring files of products, shares and their days")


class Sent(Body):
    """What is said of a file beside its bytes."""

    filename: Annotated[
        str | None, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f/\\]+$")
    ] = None
    mapping: Annotated[
        str | None, Field(max_length=60, pattern=r"^[^\x00]+$", description="A saved mapping.")
    ] = None
    control: Annotated[
        list[Annotated[str, Field(pattern=r"^[a-z_]{1,60}=[0-9.-]{1,40}$")]],
        Field(
            max_length=20,
            description="Totals of the core system: rows=412, or the sum of an amount, premium=7.50.",
        ),
    ] = []


class FileFault(BaseModel):
    """What is wrong with the file as a whole."""

    code: str
    detail: str
    line: int | None = None
    column: str = ""


class ProgressOut(BaseModel):
    """How far the work is; `left` in seconds, where it is known."""

    step: str
    rows: int
    of: int
    rate: float
    left: float | None


class FileOut(BaseModel):
    """A file and what became of it; records = ok + rejected + skipped + held."""

    id: int
    kind: str
    filename: str
    state: str
    sha256: str
    bytes: int
    received_at: datetime
    landed_at: datetime | None
    note: str
    records: dict[str, int]
    faults: list[FileFault]
    progress: ProgressOut | None


class FilesOut(BaseModel):
    """Files in the order in which they came."""

    items: list[FileOut]
    next: str | None


class RecordOut(BaseModel):
    """A record that did not simply land."""

    record: int
    line: int
    fate: str
    faults: list[dict[str, str]]


class RecordsOut(BaseModel):
    """Records in the order of the file."""

    items: list[RecordOut]
    next: str | None


FILE = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "text/csv": {"schema": {"type": "string"}},
        },
    },
}
ROWS = {
    "responses": {
        200: {"description": "OK", "content": {"text/csv": {"schema": {"type": "string"}}}},
    },
}
FileKind: Any = Literal[*sorted(KINDS)]


@router.get("/files", auth=reading, response=FilesOut)
def list_files(request: HttpRequest, asked: Query[Paged]) -> Any:  # noqa: ARG001 (by name)
    """List files, a page at a time."""
    page, following = page_of(Batch.objects.all(), asked)
    return FilesOut(items=[_told(batch) for batch in page], next=following)


@router.get("/files/{int:file_id}", auth=reading, response=FileOut)
def read_file(request: HttpRequest, file_id: int) -> Any:  # noqa: ARG001 (by name)
    """Read what became of a file so far."""
    return _told(_batch(file_id))


@router.get("/files/{int:file_id}/records", auth=reading, response=RecordsOut)
def list_records(request: HttpRequest, file_id: int, asked: Query[Paged]) -> Any:
    """List the records that did not simply land: rejected, held, or passed over with a reason."""
    batch = _batch(file_id)
    _require(request, batch.kind, "read", "write")
    rows = Record.objects.filter(batch=batch)
    page, following = page_of(rows, asked, by=("number",))
    names = ("code", "column", "detail", "value")
    return RecordsOut(
        items=[
            RecordOut(
                record=one.number,
                line=one.line,
                fate=one.fate,
                faults=[dict(zip(names, map(str, fault), strict=False)) for fault in one.faults],
            )
            for one in page
        ],
        next=following,
    )


@router.get("/files/{int:file_id}/rejected", auth=reading, openapi_extra=ROWS)
def read_rejected(request: HttpRequest, file_id: int) -> Any:
    """Read the rejected rows as they came, each with its line and reasons: mend and send them again."""
    batch = _batch(file_id)
    _require(request, batch.kind, "read", "write")
    if not has_rejected(batch):
        raise RefusedError(404, _("There are no rejected rows, or the file was thrown away."))
    return StreamingHttpResponse(rejected_rows(batch), content_type="text/csv; charset=utf-8")


@router.post("/files/{int:file_id}/confirm", auth=confirming, response=FileOut)
@once
def confirm_file(request: HttpRequest, file_id: int) -> FileOut:
    """Let a checked file land. A large one waits for a second person all the same."""
    key: ApiKey = request.auth  # type: ignore[attr-defined]
    batch = _batch(file_id)
    _require(request, batch.kind, "write")
    if confirm(batch.pk, by=key.made_by, at=clock.now()):
        nudge(batch.pk)
    batch.refresh_from_db()
    if batch.confirmed_at is None:
        said = _("The file is %(state)s; only a checked one can land.")
        raise RefusedError(409, said % {"state": batch.get_state_display()})
    return _told(batch)


# After the others, whose numbers it would take for kinds.
@router.post("/files/{kind}", auth=sending, response={202: FileOut}, openapi_extra=FILE)
def send_file(request: HttpRequest, kind: FileKind, sent: Query[Sent]) -> Any:
    """Send a file: CSV, TSV, XLSX, or one of them packed by gzip, as the body itself.

    It is safe when the answer has come, and checked soon after; nothing lands before it is
    confirmed. The same file again changes nothing.
    """
    key: ApiKey = request.auth  # type: ignore[attr-defined]
    _require(request, kind, "write")
    mapping = _mapping(kind, sent.mapping)
    try:
        batch = receive(
            stream(request, settings.FILES_MOST_BYTES),
            kind=kind,
            filename=sent.filename or f"{kind}.csv",
            origin=Batch.Origin.API,
            at=clock.now(),
            by=key.made_by,
            mapping=mapping,
            controls=_controls(sent.control),
        )
    except TooLargeError as error:
        raise RefusedError(413, str(error)) from error
    except OSError as error:
        raise RefusedError(400, _("The body broke off.")) from error
    begin(batch.pk)
    nudge(batch.pk)
    batch.refresh_from_db()
    return _told(batch)


def _require(request: HttpRequest, kind: str, *any_of: str) -> None:
    """Refuse a key that has no right to the rows of a kind: a file is no way around it."""
    key: ApiKey = request.auth  # type: ignore[attr-defined]
    scopes = [f"{KINDS[kind].scope}:{may}" for may in any_of]
    if not any(map(key.may, scopes)):
        raise RefusedError(403, _("This key may not do that: %s.") % scopes[-1])


def _mapping(kind: str, name: str | None) -> Mapping | None:
    if name is None:
        return None
    mapping = Mapping.objects.filter(name=name, kind=kind).first()
    if mapping is None:
        said = _("There is no such mapping for this kind of file.")
        raise RefusedError(422, said, [Fault(code="unknown", detail=said, parameter="mapping")])
    return mapping


def _controls(said: list[str]) -> Named[str, str]:
    return dict(each.split("=", 1) for each in said)


def _batch(file_id: int) -> Batch:
    batch = Batch.objects.filter(pk=file_id).first()
    if batch is None:
        raise RefusedError(404, _("There is no such file."))
    return batch


def _told(batch: Batch) -> FileOut:
    working = progress(batch.pk) if batch.state in Batch.WORKING else None
    return FileOut(
        id=batch.pk,
        kind=batch.kind,
        filename=batch.filename,
        state=batch.state,
        sha256=batch.sha256,
        bytes=batch.size,
        received_at=batch.received_at,
        landed_at=batch.landed_at,
        note=batch.note,
        records=totals(batch),
        faults=[
            FileFault(code=code, detail=sentence, line=line, column=column)
            for code, sentence, line, column in batch.faults
        ],
        progress=ProgressOut(**vars(working)) if working else None,
    )
