"""The API as a whole: how it answers reads, refuses what it does not know, and describes itself."""

from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.urls import URLPattern, re_path
from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from psycopg.errors import DeadlockDetected, LockNotAvailable

from apps.core.api.problems import (
    Problem,
    RefusedError,
    problem,
    refusal,
    refused,
    refused_by_ninja,
    told,
)

LATER = "5"  # seconds after which who was in another's way may try again


class HouseApi(NinjaAPI):
    """Routes with the manners of this house, which none of them has to state."""

    def set_default_exception_handlers(self) -> None:
        super().set_default_exception_handlers()
        for kind, answer in ANSWERS.items():
            self.add_exception_handler(kind, answer)

    def create_response(self, request: HttpRequest, data: Any, **how: Any) -> HttpResponse:
        """Give what is read its mark, and no body to who has it already."""
        answer = super().create_response(request, data, **how)
        if request.method != "GET" or answer.status_code != HTTPStatus.OK:
            return answer
        mark = f'"{sha256(answer.content).hexdigest()[:32]}"'
        known = {tag.removeprefix("W/") for tag in parse_etags(_wanted(request))}
        if known & {mark, "*"}:
            answer = HttpResponseNotModified()
        answer["ETag"] = mark
        answer["Cache-Control"] = "private, no-cache"
        return answer

    def _get_urls(self) -> list[Any]:
        known = [
            URLPattern(route.pattern, _speaking(route.callback), route.default_args, route.name)
            for route in super()._get_urls()
            if isinstance(route, URLPattern)
        ]
        return [*known, re_path(r"", csrf_exempt(_not_there))]

    def get_openapi_schema(self, **where: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**where)
        schema["components"]["schemas"].update(_problem_schemas())
        for path, methods in schema["paths"].items():
            for method, operation in methods.items():
                _complete(operation, method=method, has_parameter="{" in path)
        return schema


def _wanted(request: HttpRequest) -> str:
    return request.headers.get("If-None-Match", "")


def _who_are_you(_request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    return problem(401, _("Send a good key."), headers={"WWW-Authenticate": "Bearer"})


def _cannot_be_read(_request: HttpRequest, error: ValidationError) -> HttpResponse:
    return problem(422, _("The request cannot be read; nothing of it landed."), told(error.errors))


def _not_there(_request: HttpRequest, _error: object = None) -> HttpResponse:
    return problem(404, _("There is nothing here."))


def _in_the_way(_request: HttpRequest, error: OperationalError) -> HttpResponse:
    """Send away who waited too long for another's work, or was stopped in favour of it."""
    if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
        raise error
    said = _("Somebody else is changing the same just now; come back later.")
    return problem(409, said, headers={"Retry-After": LATER})


ANSWERS: dict[type[Exception], Any] = {
    AuthenticationError: _who_are_you,
    HttpError: refused_by_ninja,
    RefusedError: refused,
    ValidationError: _cannot_be_read,
    Http404: _not_there,
    OperationalError: _in_the_way,
}


def _speaking(view: Callable[..., Any]) -> Callable[..., Any]:
    """Have ninja's answer to a wrong method say it as every other refusal."""

    @wraps(view)
    def speaking(request: HttpRequest, *args: Any, **values: Any) -> HttpResponse:
        answer: HttpResponse = view(request, *args, **values)
        if answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = ", ".join(sorted(answer["Allow"].split(", ")))
            return problem(
                405,
                _("Here one may %(methods)s.") % {"methods": allowed},
                headers={"Allow": allowed},
            )
        return answer

    return speaking


# --- how it describes itself ---

_KNOWN = {
    "in": "header", "name": "If-None-Match", "schema": {"type": "string"}, "required": False,
    "description": "The ETag of what is known.",
}  # fmt: skip
_MARK = {"schema": {"type": "string"}, "description": "Send it as If-None-Match."}


def _problem_schemas() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "Problem": schema}


def _complete(operation: dict[str, Any], *, method: str, has_parameter: bool) -> None:
    """Declare what every operation may answer, so that no route has to."""
    writes, reads = "requestBody" in operation, method == "get"
    answers = operation["responses"]
    statuses = [401, 403, 405, 422, 429]
    statuses += [400, 413, 415] if writes else []
    statuses += [404] if has_parameter else []
    for status in sorted(statuses):
        answers.setdefault(status, refusal(status))
    if reads and HTTPStatus.OK in answers:
        answers[200]["headers"] = {"ETag": _MARK}
        answers[304] = {
            "description": "As it was when the ETag was sent.",
            "headers": {"ETag": _MARK},
        }
        operation["parameters"].append(_KNOWN)
