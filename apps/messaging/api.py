"""Apps on clients' phones by HTTP: the issuer's backend registers them for push, and gives them up."""

from typing import Annotated

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from ninja import Router
from pydantic import BaseModel, Field

from apps.core import clock
from apps.core.api.bodies import Body
from apps.core.api.keys import Key
from apps.core.api.once import once
from apps.core.api.problems import Fault, RefusedError
from apps.core.api.values import Name
from apps.core.models import ApiKey
from apps.messaging.actions.devices import Subscription, add_device, remove_device
from apps.messaging.models.devices import Device
from apps.profiles.queries.core_ids import client_of

router = Router(tags=["clients"])
writing = Key("devices:write", gettext_lazy("register apps on phones for push"))

Token = Annotated[
    str, Field(description="The app's registration token of Firebase Cloud Messaging.")
]


class AppIn(Body):
    """An app on a phone on which a client wants push messages."""

    token: Token
    consent_text: Annotated[
        str,
        Field(min_length=1, max_length=50, description="Which text the client agreed to there."),
    ]
    name: Annotated[str, Field(max_length=80, description="By which he knows the phone again.")] = (
        ""
    )
    turned_on: Annotated[
        bool,
        Field(
            description="The client has just turned push on in the app, with his own hand. Without it"
            " an app that was removed on his page stays off."
        ),
    ] = False


class AppGone(Body):
    """An app on which the client is signed in no more."""

    token: Token


class AppOut(BaseModel):
    """What became of it: new, unchanged, off or removed; the address stands among his contacts."""

    state: str
    address: str


@router.post("/clients/{core_id}/apps", auth=writing, response=AppOut)
@once
def add_app(request: HttpRequest, core_id: Name, app: AppIn) -> AppOut:
    """Push to an app from now on; a token that another client had is his no longer."""
    key: ApiKey = request.auth  # type: ignore[attr-defined]
    phone = Subscription(Device.Kind.FCM, app.token, name=app.name)
    try:
        became = add_device(
            _client(core_id), phone, source=f"app:{key.name}"[:100],
            text_version=app.consent_text, turned_on=app.turned_on, at=clock.now(),
        )  # fmt: skip
    except ValidationError as error:
        said = " ".join(error.messages)
        raise RefusedError(422, said, [_fault(said)]) from error
    return AppOut(state=became, address=phone.address)


@router.post("/clients/{core_id}/apps/remove", auth=writing, response=AppOut)
@once
def remove_app(request: HttpRequest, core_id: Name, app: AppGone) -> AppOut:  # noqa: ARG001 (by name)
    """Push to an app no more, as when the client signs out of it."""
    phone = Subscription(Device.Kind.FCM, app.token)
    is_gone = remove_device(_client(core_id), phone.address, signs_out=True, at=clock.now())
    return AppOut(state="removed" if is_gone else "unchanged", address=phone.address)


def _client(core_id: str) -> int:
    client_id = client_of(core_id)
    if client_id is None:
        raise RefusedError(404, _("There is no such client."))
    return client_id


def _fault(said: str) -> Fault:
    return Fault(code="not_a_token", detail=said, pointer="#/token")
