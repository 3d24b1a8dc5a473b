"""How the API refuses: one body for every refusal (RFC 9457), which says where and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja.errors import HttpError
from pydantic import BaseModel, Field

MEDIA_TYPE = "application/problem+json"
MOST = 100  # faults that one answer tells: a batch could have twenty thousand


class Wrong(BaseModel):
    """One thing that is wrong with an item."""

    code: Annotated[str, Field(description="For programs; it stays when sentences change.")]
    detail: str
    pointer: str


class Fault(BaseModel):
    """One thing that is wrong with a request, and where."""

    code: Annotated[str, Field(description="For programs; it stays when sentences change.")]
    detail: str
    pointer: Annotated[
        str | None, Field(description="Where in the body, like #/items/3/phone (RFC 6901).")
    ] = None
    parameter: Annotated[str | None, Field(description="Which part of the address.")] = None
    header: str | None = None


class Problem(BaseModel):
    """Why a request was refused. Nothing of it landed."""

    title: str
    status: int
    detail: str
    errors: list[Fault] = []


@dataclass
class RefusedError(Exception):
    """A request cannot be served; the answer says so in the one form that all refusals have."""

    status: int
    detail: str
    errors: Sequence[Fault] = ()
    headers: Mapping[str, str] | None = None


def problem(
    status: int,
    detail: str,
    errors: Iterable[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    body = Problem(
        title=HTTPStatus(status).phrase, status=status, detail=detail, errors=[*errors][:MOST]
    )
    return HttpResponse(
        body.model_dump_json(exclude_none=True),
        status=status,
        content_type=MEDIA_TYPE,
        headers=headers,
    )


def pointer(path: Iterable[str | int]) -> str:
    """Return a place in a body as a JSON pointer; long names are cut, as nobody reads them."""
    steps = (str(step)[:60].replace("~", "~0").replace("/", "~1") for step in path)
    return "#" + "".join(f"/{step}" for step in steps)


def told(errors: Sequence[Mapping[str, Any]]) -> list[Fault]:
    """Return what pydantic found as faults with their places, in sentences of ours."""
    return [_told(error) for error in errors[:MOST]]


def _told(error: Mapping[str, Any]) -> Fault:
    source, *path = error["loc"]
    said = Fault(code=str(error["type"]), detail=_sentence(error))
    if source == "body":
        said.pointer = pointer(path[1:])  # the first is the name of an argument of ours
    elif source == "header":
        said.header = str(path[-1])
    else:
        said.parameter = str(path[-1])
    return said


def _sentence(error: Mapping[str, Any]) -> str:
    context = error.get("ctx") or {}
    match error["type"]:
        case "missing":
            return _("This must be said.")
        case "extra_forbidden":
            return _("There is no such field.")
        case "model_type" | "model_attributes_type":
            return _("This must be an object.")
        case "value_error":
            return str(context.get("error", error["msg"]))
        case _:
            return str(error["msg"])


def refused(_request: HttpRequest, error: RefusedError) -> HttpResponse:
    return problem(error.status, error.detail, error.errors, error.headers)


def refused_by_ninja(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Say what a parser refused, which ninja wraps into an error of its own."""
    if isinstance(error.__cause__, RefusedError):
        return refused(request, error.__cause__)
    return problem(error.status_code, error.message)


# --- in the description of the API ---

_SECONDS = {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds to wait."}


def refusal(status: int) -> dict[str, Any]:
    """Describe the answer to a refused request."""
    schema = {"$ref": "#/components/schemas/Problem"}
    said: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": schema}},
    }
    if status in {409, 429}:
        said["headers"] = {"Retry-After": _SECONDS}
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        said["headers"] = {"Allow": {"schema": {"type": "string"}}}
    return said
