"""Reading the body of a request: within limits, exactly as written, nothing passed over."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.parser import Parser
from pydantic import BaseModel, ConfigDict

from apps.core.api.problems import Fault, RefusedError, pointer

LARGEST = 4 * 1024 * 1024  # bytes: a thousand clients with every field filled take a quarter
DEEPEST = 16  # lists and objects within each other; what we take needs four
JSON = "application/json"
UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # NUL, and halves of surrogate pairs


class Body(BaseModel):
    """What a request may say: each field as its type is, and no other field."""

    model_config = ConfigDict(extra="forbid", strict=True)


def read_json(request: HttpRequest) -> bytes:
    """Return the bytes of a body that says it is JSON."""
    body = read(request, LARGEST)
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    if body and (request.content_type != JSON or charset not in {"utf-8", "utf8"}):
        raise RefusedError(415, _("Send the body as %(type)s in UTF-8.") % {"type": JSON})
    return body


def read(request: HttpRequest, most: int) -> bytes:
    try:
        body: bytes = stream(request, most).read(most + 1)
    except OSError as error:
        raise RefusedError(400, _("The body broke off.")) from error
    if len(body) > most:
        raise _too_large(most)
    return body


def stream(request: HttpRequest, most: int) -> Any:
    """Return a body to read from; what is known to be too large is refused at once.

    Django reads as many bytes as `Content-Length` says, hence nothing of a chunked body. A server
    that ends the stream by itself, as gunicorn does, lets us read that too.
    """
    length = request.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > most:
        raise _too_large(most)
    environ = getattr(request, "environ", {})
    if not length and environ.get("wsgi.input_terminated"):
        return environ["wsgi.input"]
    return _Promised(request, int(length) if length.isdecimal() else 0)


class _Promised:
    """A body of so many bytes; it is an error when it ends before them."""

    def __init__(self, body: Any, length: int) -> None:
        self.body, self.left = body, length

    def read(self, most: int) -> bytes:
        found: bytes = self.body.read(most)
        if len(found) < min(most, self.left):
            raise OSError
        self.left -= len(found)
        return found


def _too_large(most: int) -> RefusedError:
    return RefusedError(413, _("The body is larger than %d bytes.") % most)


class ExactParser(Parser):
    """Reads numbers as they are written, never through a binary float; see `parse`."""

    def parse_body(self, request: HttpRequest) -> Any:
        return parse(request.body)


class _Doubled(dict[str, Any]):
    """An object in which a name stood twice."""

    name: str


class _Constant:
    """NaN or an infinity, which JSON does not have."""


class _Reading:
    """One reading of a text; notes whether anything has to be looked for afterwards."""

    def __init__(self) -> None:
        self.suspicious = False

    def members(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        self.suspicious = True
        doubled = _Doubled(found)
        times = Counter(name for name, _value in pairs)
        doubled.name = next(name for name, count in times.items() if count > 1)
        return doubled

    def constant(self, _text: str) -> _Constant:
        self.suspicious = True
        return _Constant()


def parse(body: bytes) -> Any:
    """Return what a JSON text says, decimals as `Decimal`; refuse what two readers could read apart.

    No name twice in an object, no NaN, no text that a database cannot hold, nothing nested deeper
    than `DEEPEST`; a RefusedError says where.
    """
    reading = _Reading()
    try:
        text = body.decode()
        found = json.loads(
            text,
            parse_float=Decimal,
            parse_constant=reading.constant,
            object_pairs_hook=reading.members,
        )
    except UnicodeDecodeError as error:
        raise RefusedError(
            400, _("The body is not UTF-8, at byte %d.") % (error.start + 1)
        ) from error
    except json.JSONDecodeError as error:
        raise RefusedError(
            400,
            _("The body is no JSON, on line %(line)d, at character %(column)d.")
            % {"line": error.lineno, "column": error.colno},
        ) from error
    except RecursionError as error:
        raise _too_deep("#") from error
    except ValueError as error:  # a whole number of thousands of digits
        raise RefusedError(400, _("The body has a number that is too long.")) from error
    _check_depth(found)
    if reading.suspicious or "\\u" in text:
        for fault in _faults(found, ()):
            raise RefusedError(422, fault.detail, [fault])
    return found


def _check_depth(found: Any) -> None:
    level = [found] if isinstance(found, dict | list) else []
    for _depth in range(DEEPEST):
        level = [
            child
            for each in level
            for child in (each.values() if isinstance(each, dict) else each)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise _too_deep(pointer(_deepest(found)))


def _deepest(found: Any) -> tuple[str | int, ...]:
    """Return the steps to one of the places that lie too deep."""
    level: list[tuple[tuple[str | int, ...], Any]] = [((), found)]
    for _depth in range(DEEPEST):
        level = [
            ((*path, step), child)
            for path, each in level
            for step, child in _members(each)
            if isinstance(child, dict | list)
        ]
    return level[0][0]


def _members(value: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _too_deep(where: str) -> RefusedError:
    said = _("Lists and objects lie more than %d deep within each other.") % DEEPEST
    return RefusedError(422, said, [Fault(code="too_deep", detail=said, pointer=where)])


def _faults(value: Any, path: tuple[str | int, ...]) -> Iterator[Fault]:
    """Yield what is wrong with values of any field, wherever they are."""
    if isinstance(value, _Doubled):
        said = _("This field is there twice.")
        yield Fault(code="duplicate_key", detail=said, pointer=pointer((*path, value.name)))
    if isinstance(value, _Constant):
        said = _("NaN and Infinity are no numbers.")
        yield Fault(code="not_a_number", detail=said, pointer=pointer(path))
    texts = value if isinstance(value, dict) else [value]
    if any(isinstance(text, str) and UNSTORABLE.search(text) for text in texts):
        yield _unstorable(path)
    for step, child in _members(value):
        yield from _faults(child, (*path, step))


def _unstorable(path: tuple[str | int, ...]) -> Fault:
    said = _("The text has a character that cannot be stored (NUL or half a surrogate pair).")
    return Fault(code="nul", detail=said, pointer=pointer(path))
