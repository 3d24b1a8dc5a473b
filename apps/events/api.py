"""Events by HTTP: brought one or a thousand at a time, and a client's timeline read back.

Bringing is the busiest door of the house. Its bodies are read twice as fast as those of others and
judged by `envelope`; what OpenAPI says of them stands in the schemas below.
"""

import time
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from django.db import DataError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from kombu.exceptions import OperationalError
from ninja import Query, Router
from ninja.errors import AuthenticationError
from pydantic import BaseModel, ConfigDict, Field

from apps.core import clock
from apps.core.api.bodies import JSON, Body, parse
from apps.core.api.keys import BriefKey, Key
from apps.core.api.once import once
from apps.core.api.problems import Fault, RefusedError, pointer
from apps.core.api.reads import Paged, page_of
from apps.core.api.values import Moment, Name
from apps.core.models import ApiKey
from apps.events import envelope, tasks
from apps.events.actions import arrivals
from apps.events.actions.arrivals import Batch
from apps.events.envelope import NotAnEventError, Span, check_event
from apps.events.models import Event
from apps.profiles.models import Client, Identifier

MOST = 1000  # events of one request
PAUSE = 0.2  # seconds between two rings of a process: one drain serves all that came meanwhile

CONTAINERS = {dict, list}
NUL = b"\\u0000"
SPACES = b" \t\r\n"

router = Router(tags=["events"])
writing = BriefKey("events:write", gettext_lazy("bring events"))
reading = Key("events:read", gettext_lazy("read timelines"))


class EventIn(Body):
    """One thing that happened to one client, who is named by `core_id` or by `contract`."""

    id: Annotated[
        str,
        Field(
            min_length=1,
            max_length=envelope.LONGEST_ID,
            description="Unlike that of any other event of any system. Sent again, it changes nothing.",
        ),
    ]
    core_id: Annotated[str, Field(min_length=1, max_length=envelope.LONGEST_REFERENCE)] = ""
    contract: Annotated[str, Field(min_length=1, max_length=envelope.LONGEST_REFERENCE)] = ""
    kind: Annotated[
        str,
        Field(
            pattern=f"^{envelope.KIND.pattern}$",
            max_length=envelope.LONGEST_KIND,
            examples=["order.placed"],
        ),
    ]
    subject: Annotated[
        str,
        Field(min_length=1, max_length=envelope.LONGEST_SUBJECT, examples=["order:1207"]),
    ] = ""
    occurred_at: Annotated[
        str,
        Field(pattern=f"^{envelope.MOMENT.pattern}$", examples=["2020-02-28T21:30:00Z"]),
    ]
    properties: Annotated[
        dict[str, Any],
        Field(max_length=envelope.MOST_NAMES, description="At most 4096 bytes."),
    ] = {}


class EventsIn(Body):
    """Up to a thousand events; each is judged by itself."""

    events: Annotated[list[EventIn], Field(min_length=1, max_length=MOST)]


def described(schema: type[BaseModel]) -> dict[str, Any]:
    """Return what OpenAPI says of a body that the view reads by itself."""
    written = schema.model_json_schema()
    for name, known in written.pop("$defs", {}).items():
        reference = orjson.dumps({"$ref": f"#/$defs/{name}"})
        written = orjson.loads(orjson.dumps(written).replace(reference, orjson.dumps(known)))
    return {"requestBody": {"required": True, "content": {JSON: {"schema": written}}}}


class AcceptedOut(BaseModel):
    """The event is safe, and stands on the timeline in a moment."""

    state: Literal["accepted"] = "accepted"


class BatchOut(BaseModel):
    """How many events are safe, and why the others were not taken."""

    accepted: int
    refused: int
    errors: list[Fault]


@router.post("/events", auth=writing, response=AcceptedOut, openapi_extra=described(EventIn))
@once
def bring_event(request: HttpRequest) -> AcceptedOut:
    """Bring one event. It is safe when the answer is 200, and on the timeline within two seconds."""
    event, body = read(request)
    at = clock.now()
    try:
        moment = check_event(event, Span.until(at))
    except NotAnEventError as error:
        raise RefusedError(422, error.reason, [fault(error)]) from error
    keep(request, Batch(f"[{body.decode()}]", [moment]), at=at)
    return AcceptedOut()


@router.post("/events/batch", auth=writing, response=BatchOut, openapi_extra=described(EventsIn))
@once
def bring_events(request: HttpRequest) -> BatchOut:
    """Bring many events. Those that are refused keep no other out; `errors` says where and why."""
    events, body = many(*read(request))
    at = clock.now()
    span = Span.until(at)
    moments, refused, errors = [], [], []
    for place, event in enumerate(events):
        try:
            moments.append(check_event(event, span))
        except NotAnEventError as error:
            refused.append(place)
            errors.append(fault(error, "events", place))
    if moments:
        keep(request, Batch(body, moments, refused), at=at)
    return BatchOut(accepted=len(moments), refused=len(refused), errors=errors)


def fault(error: NotAnEventError, *path: str | int) -> Fault:
    inner = error.path.split(".") if error.path else []
    return Fault(code=error.code, detail=error.reason, pointer=pointer((*path, *inner)))


def many(body: Any, raw: bytes) -> tuple[list[Any], str]:
    """Return the events of a batch, and their list as it was written."""
    listed = body.get("events") if type(body) is dict else None
    if type(listed) is not list or len(body) > 1:
        said = _('Send an object with one field: {"events": [...]}.')
        raise RefusedError(422, said, [Fault(code="wrong_type", detail=said, pointer="#")])
    if not 0 < len(listed) <= MOST:
        said = _("Send 1 to %(most)d events at a time.") % {"most": MOST}
        raise RefusedError(422, said, [Fault(code="wrong_length", detail=said, pointer="#/events")])
    text = raw.decode()
    return listed, text[text.index("[") : text.rindex("]") + 1]


def keep(request: HttpRequest, batch: Batch, *, at: datetime) -> None:
    key: ApiKey = request.auth  # type: ignore[attr-defined]
    try:
        kept = arrivals.accept(batch, key, at=at)
    except DataError as error:
        said = _("The events hold a value that cannot be kept.")
        raise RefusedError(422, said) from error
    if not kept:
        writing.forget(key)
        raise AuthenticationError
    transaction.on_commit(bell.ring)


class Bell:
    """Rings for the drain, not oftener than is of use; a tick comes where the bell is not heard."""

    def __init__(self) -> None:
        self.rung = 0.0

    def ring(self) -> None:
        moment = time.monotonic()
        if moment - self.rung > PAUSE:
            self.rung = moment
            with suppress(OperationalError):  # the events are safe whether it is heard or not
                tasks.drain.apply_async(retry=False)


bell = Bell()


# --- a timeline ---


class EventOut(BaseModel):
    """One thing that happened to a client; `id` is ours."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    kind: str
    subject: str
    occurred_at: datetime
    properties: dict[str, Any]


class TimelineOut(BaseModel):
    """Events, the newest first; `next` asks for those before them, if there are any."""

    items: list[EventOut]
    next: str | None


class Wanted(Paged):
    """Which events to list."""

    kind: Annotated[str | None, Field(max_length=envelope.LONGEST_KIND)] = None
    first: Annotated[Moment | None, Field(alias="from")] = None
    last: Annotated[Moment | None, Field(alias="until", description="Before this moment.")] = None


@router.get("/clients/{core_id}/events", auth=reading, response=TimelineOut)
def read_timeline(request: HttpRequest, core_id: Name, wanted: Query[Wanted]) -> Any:  # noqa: ARG001 (by name)
    """Read what happened to a client, ours and what other systems brought, the newest first."""
    client = Client.objects.filter(
        identifiers__kind=Identifier.Kind.CORE_ID, identifiers__value=core_id
    ).first()
    if client is None:
        raise RefusedError(404, _("There is no such client."))
    said = {
        "kind": wanted.kind,
        "occurred_at__gte": wanted.first,
        "occurred_at__lt": wanted.last,
    }
    events = Event.objects.filter(
        client=client, **{name: value for name, value in said.items() if value is not None}
    )
    page, following = page_of(events, wanted, by=("-occurred_at", "-pk"))
    return {"items": page, "next": following}


# --- reading bodies ---


def read(request: HttpRequest) -> tuple[Any, bytes]:
    """Return what a body says, and its bytes.

    The quick reader passes over names that stand twice and reads decimals as floats. A body in
    which either could be is read by the exact one, which takes three times as long.
    """
    body: bytes = request.body
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return parse(body), body  # it says what is wrong, or knows better
    return (found if _is_exact(found, body) else parse(body)), body


def _is_exact(found: Any, body: bytes) -> bool:
    """Tell whether the quick reading has lost nothing: no floats, no NUL, every name there.

    Each name in a text is followed by a quotation mark and a colon, so the text has as many names
    as it has of these, or fewer.
    """
    if NUL in body:
        return False
    names = 0
    waiting = [found]
    while waiting:
        value = waiting.pop()
        inner = value
        if type(value) is dict:
            names += len(value)
            inner = value.values()
        elif type(value) is not list:
            return type(value) is not float
        types = set(map(type, inner))
        if float in types:
            return False
        if not types.isdisjoint(CONTAINERS):
            waiting += [each for each in inner if type(each) in CONTAINERS]
    return names == body.translate(None, SPACES).count(b'":')
