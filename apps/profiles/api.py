"""Clients by HTTP: who they are, where they are reached, what they agreed to and when."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from ninja import Router
from pydantic import BaseModel

from apps.core.api.items import incoming, outgoing
from apps.core.api.keys import Key
from apps.core.api.once import once
from apps.core.api.problems import RefusedError
from apps.core.api.routes import Landed, Served, bring_one, items_out, said_of, serve
from apps.core.api.values import Name
from apps.core.imports.kinds import KINDS
from apps.profiles.models import Channel, Client, ConsentRecord, ContactPoint, Identifier

router = Router(tags=["clients"])
reading = Key("clients:read", gettext_lazy("read clients"))
writing = Key("clients:write", gettext_lazy("bring clients"))
asking = Key("consents:read", gettext_lazy("read what clients agreed to"))
answering = Key("consents:write", gettext_lazy("bring what clients agreed to"))

CORE_ID = Identifier.Kind.CORE_ID
clients = KINDS["clients"]


def by_core_id(core_ids: Sequence[str]) -> Q:
    known = Identifier.objects.filter(kind=CORE_ID, value__in=core_ids)
    return Q(pk__in=known.values("client_id"))


def by_address(channel: Channel) -> Any:
    def found(addresses: Sequence[str]) -> Q:
        points = ContactPoint.objects.filter(channel=channel, address__in=addresses)
        live = points.exclude(state=ContactPoint.State.REMOVED)
        return Q(pk__in=live.values("client_id"))

    return found


def of_client(core_ids: Sequence[str]) -> Q:
    known = Identifier.objects.filter(kind=CORE_ID, value__in=core_ids)
    return Q(client__in=known.values("client_id"))


for served in (
    Served(
        "clients", "/clients", "Client", reading, writing,
        {
            "core_id": by_core_id,
            "phone": by_address(Channel.SMS),
            "email": by_address(Channel.EMAIL),
        },
        only=Q(merged_into=None),
    ),
    Served("contacts", "/contacts", "Contact", reading, writing, {"core_id": of_client}),
    Served("consents", "/consents", "Consent", asking, answering, {"core_id": of_client}),
):  # fmt: skip
    serve(router, served)

ClientKnown = incoming(clients, "ClientKnown", without=("core_id",))
ClientOut = outgoing(clients, "ClientOut")


class AddressOut(BaseModel):
    """An address in one channel, and whether it reaches the client."""

    channel: str
    address: str
    state: str
    verified_at: datetime | None
    checked_at: datetime | None


class AnswerOut(BaseModel):
    """One answer of a client to one question; the last one counts."""

    purpose: str
    channel: str
    granted: bool
    text_version: str
    source: str
    given_on: date | None
    recorded_at: datetime
    is_current: bool


class AddressesOut(BaseModel):
    """All addresses of a client, those that were given up too."""

    items: list[AddressOut]


class AnswersOut(BaseModel):
    """All answers of a client, the newest first."""

    items: list[AnswerOut]


@router.get("/clients/{core_id}", auth=reading, response=ClientOut)
def read_client(request: HttpRequest, core_id: Name) -> Any:  # noqa: ARG001 (by name)
    """Read one client."""
    return next(iter(items_out(clients, [_client(core_id)])))


@router.put("/clients/{core_id}", auth=writing, response=Landed)
@once
def put_client(request: HttpRequest, core_id: Name, client: ClientKnown) -> Landed:  # type: ignore[valid-type]
    """Store one client, new or changed; fields that are left out stay as they are."""
    return bring_one(request, clients, {"core_id": core_id, **said_of(client)})


@router.get("/clients/{core_id}/contacts", auth=reading, response=AddressesOut)
def read_contacts(request: HttpRequest, core_id: Name) -> Any:  # noqa: ARG001 (by name)
    """Read all addresses of a client."""
    return {"items": list(_client(core_id).contact_points.order_by("pk").values())}


@router.get("/clients/{core_id}/consents", auth=asking, response=AnswersOut)
def read_consents(request: HttpRequest, core_id: Name) -> Any:  # noqa: ARG001 (by name)
    """Read every answer of a client, with its proof: which text, from where, when."""
    answers = ConsentRecord.objects.filter(client=_client(core_id))
    said: set[tuple[str, str]] = set()
    items = []
    for answer in answers.order_by("-recorded_at", "-pk").values():
        asked = (answer["purpose"], answer["channel"])
        items.append({**answer, "is_current": asked not in said})
        said.add(asked)
    return {"items": items}


def _client(core_id: str) -> Client:
    client = Client.objects.filter(by_core_id([core_id])).first()
    if client is None:
        raise RefusedError(404, _("There is no such client."))
    return client
