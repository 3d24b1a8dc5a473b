"""What providers send us over HTTP: receipts and replies, signed as Standard Webhooks 1.0 say."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from pydantic import AwareDatetime, Field, ValidationError

from apps.core import clock
from apps.core.api.bodies import Body, parse, read
from apps.core.api.problems import Fault, RefusedError, problem
from apps.messaging.actions import inbound, receipts
from apps.messaging.models.providers import Provider
from apps.webhooks.signing import is_secret, is_signed

WINDOW = timedelta(minutes=5)  # a copy of a request that somebody kept is worth nothing after it
LARGEST = 1024 * 1024  # bytes
MOST = 1_000  # receipts, or replies, of one request

Id = Annotated[str, Field(max_length=120)]
Moment = Annotated[
    AwareDatetime,
    Field(strict=False, ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(2100, 1, 1, tzinfo=UTC)),
]


class ReceiptBody(Body):
    state: Literal["accepted", "delivered", "seen", "failed"]
    id: Id = ""
    key: Annotated[UUID | None, Field(strict=False)] = None
    occurred_at: Moment | None = None
    reason: Annotated[str, Field(max_length=2_000)] = ""


class ReplyBody(Body):
    sender: Annotated[str, Field(min_length=1, max_length=254)]
    text: Annotated[str, Field(max_length=10_000)]
    id: Id = ""
    occurred_at: Moment | None = None


class Heard(Body):
    receipts: Annotated[list[ReceiptBody], Field(max_length=MOST)] = []
    replies: Annotated[list[ReplyBody], Field(max_length=MOST)] = []


@csrf_exempt
@require_POST
def hear(request: HttpRequest, provider: str) -> HttpResponse:
    """Keep what a provider tells; what speaks of messages that nobody knows is kept as well.

    It may be sent again as often as somebody likes: each receipt and each reply counts once.
    """
    at = clock.now()
    try:
        body = read(request, LARGEST)
        message_id = _signed(request, provider, body, at=at)
        heard = _read(body)
        carrier = _known(provider)
    except RefusedError as error:
        return problem(error.status, error.detail, error.errors)
    new = receipts.receive(provider, list(_words(heard.receipts)), at=at)
    said = inbound.receive(provider, carrier.channel, _said(heard.replies, message_id), at=at)
    return JsonResponse({"new_receipts": new, "new_replies": said})


def _signed(request: HttpRequest, provider: str, body: bytes, *, at: datetime) -> str:
    """Return the id of a request that is signed and young; the refusal never says what was wrong."""
    message_id, second, signatures = (
        request.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
    )
    given = settings.RECEIPT_SECRETS.get(provider, [])
    secrets = [secret for secret in given if is_secret(secret)]
    if given and not secrets:
        raise RefusedError(503, _("The secret for this provider is not set as it must be here."))
    if second.isascii() and second.isdecimal() and len(second) <= 11:
        signed_at = datetime.fromtimestamp(int(second), UTC)
        is_young = abs(at - signed_at) <= WINDOW
        if is_young and is_signed(secrets, message_id, signed_at, body, signatures):
            return message_id[:80]
    raise RefusedError(401, _("The request is not signed as it must be, or too old."))


def _known(provider: str) -> Provider:
    known = Provider.objects.filter(name=provider).first()
    if known is None:
        raise RefusedError(404, _("There is no such provider."))
    return known


def _read(body: bytes) -> Heard:
    try:
        return Heard.model_validate(parse(body))
    except ValidationError as error:
        faults = [
            Fault(
                code=each["type"],
                detail=each["msg"],
                pointer="#/" + "/".join(str(part) for part in each["loc"]),
            )
            for each in error.errors(include_url=False, include_input=False)
        ]
        raise RefusedError(422, _("Nothing was kept: see the errors."), faults) from error


def _words(heard: Iterable[ReceiptBody]) -> Iterable[receipts.Word]:
    for each in heard:
        if each.id or each.key:
            yield receipts.Word(each.state, each.id, each.key, each.occurred_at, each.reason)


def _said(heard: Iterable[ReplyBody], message_id: str) -> list[inbound.Said]:
    """Name replies without an id of their own after their request."""
    return [
        inbound.Said(each.sender, each.text, each.id or f"{message_id}#{place}", each.occurred_at)
        for place, each in enumerate(heard)
    ]
