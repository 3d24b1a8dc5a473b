"""The routes that every kind of rows has: bring one or many, list, search."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import BaseModel, Field, create_model

from apps.core import clock
from apps.core.api.bodies import Body
from apps.core.api.items import MOST, incoming, land, outgoing, spoken
from apps.core.api.keys import Key
from apps.core.api.once import once
from apps.core.api.problems import Fault, RefusedError, Wrong, pointer
from apps.core.api.reads import Paged, page_of
from apps.core.imports import report
from apps.core.imports.kinds import KINDS, Kind
from apps.core.imports.resource import Row
from apps.core.imports.staging import CHANGED, HELD, NEW, REJECTED, UNCHANGED
from apps.core.models import ApiKey

REFUSED = "refused"


class Remark(BaseModel):
    """What was left as it is, though the item says otherwise, and why."""

    pointer: str
    detail: str


class Landed(BaseModel):
    """What became of an item: new, changed or unchanged; held: a person must look, `remarks` say why."""

    state: str
    remarks: list[Remark] = []


class Verdict(Landed):
    """What became of one item of many; a refused one says why, and is not stored."""

    index: int
    errors: list[Wrong] = []


class Verdicts(BaseModel):
    """What became of each item, in the order sent; those that are refused keep no other out."""

    new: int
    changed: int
    unchanged: int
    held: int
    refused: int
    results: list[Verdict]


@dataclass(frozen=True)
class Served:
    """A kind of rows as the API serves it."""

    kind: str
    path: str
    one: str  # the name of one of them in the description, like Policy
    reading: Key
    writing: Key
    # By what rows are searched: what a system knows of them that belongs into no address of a page,
    # since addresses are written to logs.
    searched: Mapping[str, Callable[[Sequence[str]], Q]] = field(default_factory=dict)
    only: Q = field(default_factory=Q)  # which rows there are to read

    @property
    def of(self) -> Kind:
        return KINDS[self.kind]

    @property
    def tag(self) -> str:
        return self.path.strip("/")

    def rows(self) -> QuerySet[Any]:
        return self.of.resource().get_queryset().filter(self.only)


def serve(router: Router, served: Served) -> None:
    """Add the routes of a kind."""
    _serve_writes(router, served)
    _serve_reads(router, served)


def _serve_writes(router: Router, served: Served) -> None:
    kind = served.of
    item = incoming(kind, f"{served.one}In")
    items: Any = Annotated[list[item], Field(min_length=1, max_length=MOST)]  # type: ignore[valid-type]
    many = create_model(f"{served.one}Batch", __base__=Body, items=(items, ...))

    @router.post(
        served.path, auth=served.writing, response=Landed,
        tags=[served.tag],
        operation_id=f"bring_{served.one.lower()}", summary=f"Bring one: {kind.title}",
    )  # fmt: skip
    @once
    def bring(request: HttpRequest, item: item) -> Landed:  # type: ignore[valid-type]
        """Store one, new or changed. It is stored when the answer has come; refused, it is 422."""
        return bring_one(request, kind, said_of(item))

    @router.post(
        f"{served.path}/batch", auth=served.writing, response=Verdicts,
        tags=[served.tag],
        operation_id=f"bring_{served.one.lower()}_batch", summary=f"Bring many: {kind.title}",
    )  # fmt: skip
    @once
    def bring_batch(request: HttpRequest, batch: many) -> Verdicts:  # type: ignore[valid-type]
        """Store up to a thousand; each is judged by itself, and what is good is stored."""
        return bring_many(request, kind, [said_of(item) for item in batch.items])  # type: ignore[attr-defined]


def _serve_reads(router: Router, served: Served) -> None:
    kind = served.of
    out = outgoing(kind, f"{served.one}Out")
    page = create_model(f"{served.one}Page", items=(list[out], ...), next=(str | None, ...))  # type: ignore[valid-type]

    @router.get(
        served.path, auth=served.reading, response=page,
        tags=[served.tag],
        operation_id=f"list_{served.one.lower()}", summary=f"List: {kind.title}",
    )  # fmt: skip
    def list_all(request: HttpRequest, asked: Query[Paged]) -> Any:  # noqa: ARG001 (by name)
        """List all, a page at a time, in the order in which they came."""
        return page_out(kind, served.rows(), asked)

    if not served.searched:
        return
    values: Any = (Annotated[list[str], Field(max_length=MOST)], Field(default_factory=list))
    conditions: dict[str, Any] = dict.fromkeys(served.searched, values)
    wanted = create_model(f"{served.one}Search", __base__=Paged, **conditions)

    @router.post(
        f"{served.path}/search", auth=served.reading, response=page,
        tags=[served.tag],
        operation_id=f"search_{served.one.lower()}", summary=f"Search: {kind.title}",
    )  # fmt: skip
    def search(request: HttpRequest, wanted: wanted) -> Any:  # type: ignore[valid-type]  # noqa: ARG001
        """Find those that have one of the values, of every field that is given."""
        rows = served.rows()
        for name, condition in served.searched.items():
            if name in wanted.model_fields_set:  # type: ignore[attr-defined]
                rows = rows.filter(condition(getattr(wanted, name)))
        return page_out(kind, rows, wanted)


# --- what the routes do ---


def said_of(item: BaseModel) -> dict[str, Any]:
    """Return the fields that an item names."""
    return {name: getattr(item, name) for name in item.model_fields_set}


def bring_one(request: HttpRequest, kind: Kind, said: Mapping[str, Any]) -> Landed:
    (row,) = _landed(request, kind, [said])
    if row.faults:
        faults = [Fault(**vars(wrong)) for wrong in _wrongs(kind, row, ())]
        raise RefusedError(422, _("Refused; nothing was stored."), faults)
    return Landed(state=_state(row), remarks=_remarks(kind, row, ()))


def bring_many(request: HttpRequest, kind: Kind, items: Sequence[Mapping[str, Any]]) -> Verdicts:
    rows = _landed(request, kind, items)
    states = [_state(row) for row in rows]
    return Verdicts(
        new=states.count(NEW),
        changed=states.count(CHANGED),
        unchanged=states.count(UNCHANGED),
        held=states.count(HELD),
        refused=states.count(REFUSED),
        results=[
            Verdict(
                index=index,
                state=states[index],
                errors=_wrongs(kind, row, ("items", index)),
                remarks=_remarks(kind, row, ("items", index)),
            )
            for index, row in enumerate(rows)
        ],
    )


def _landed(request: HttpRequest, kind: Kind, items: Sequence[Mapping[str, Any]]) -> list[Row]:
    key: ApiKey = request.auth  # type: ignore[attr-defined]
    return land(kind, items, key=key, at=clock.now())


def _state(row: Row) -> str:
    return REFUSED if row.fate == REJECTED else row.fate


def _wrongs(kind: Kind, row: Row, path: tuple[str | int, ...]) -> list[Wrong]:
    return [
        Wrong(
            code=fault.code,
            detail=_left_out(kind) if fault.code == "group" else fault.reason,
            pointer=_place(kind, fault, path),
        )
        for fault in row.faults
    ]


def _left_out(kind: Kind) -> str:
    return _("Left out with another item of the same %(columns)s, which is refused.") % {
        "columns": ", ".join(kind.group)
    }


def _remarks(kind: Kind, row: Row, path: tuple[str | int, ...]) -> list[Remark]:
    waits = [row.waits] if row.waits else []
    return [
        Remark(pointer=_place(kind, said, path), detail=said.reason)
        for said in (*row.remarks, *waits)
    ]


def _place(kind: Kind, fault: report.Fault, path: tuple[str | int, ...]) -> str:
    for prefix in kind.resource.free:
        if fault.column.startswith(prefix):
            return pointer((*path, "attributes", fault.column.removeprefix(prefix)))
    return pointer((*path, fault.column) if fault.column else path)


def page_out(kind: Kind, rows: QuerySet[Any], asked: Paged) -> dict[str, Any]:
    page, following = page_of(rows, asked)
    return {"items": list(items_out(kind, page)), "next": following}


def items_out(kind: Kind, rows: Sequence[Any]) -> Iterable[dict[str, Any]]:
    """Return rows as they are read, in a few queries for all of them."""
    resource = kind.resource()
    return (spoken(resource, stored.values) for stored in resource.stored(rows))
