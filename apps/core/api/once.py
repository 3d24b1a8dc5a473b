"""Answering a write: after it is committed, and once, however often it is sent with the same key."""

import re
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja.operation import Operation
from ninja.utils import contribute_operation_callback
from pydantic import BaseModel

from apps.core import clock
from apps.core.actions import KEPT, claim_answer, keep_answer
from apps.core.api.problems import Fault, RefusedError, refusal
from apps.core.models import ApiKey, KeptAnswer

HEADER = "Idempotency-Key"
VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")
SOON = "1"  # seconds after which the first request has probably been answered

View = Callable[..., HttpResponse]


def once(view: Callable[..., BaseModel]) -> View:
    """Answer what a view returns; with an `Idempotency-Key`, do its work at most once.

    The key is stored in the transaction of the work: both are there or neither. Hence a request
    that was refused has not used its key up, and one that was answered is answered the same again.
    """

    @wraps(view)
    def answered(request: HttpRequest, **values: Any) -> HttpResponse:
        name = request.headers.get(HEADER)
        if name is None:
            return _answer(view(request, **values).model_dump_json())
        if not VISIBLE.fullmatch(name):
            raise RefusedError(
                400,
                _("%(header)s is 1 to 255 visible characters of ASCII.") % {"header": HEADER},
                [Fault(code="not_a_key", detail=_("Write it anew."), header=HEADER)],
            )
        return _once(request, name, lambda: view(request, **values).model_dump_json())

    contribute_operation_callback(answered, _declare)
    return answered


def _declare(operation: Operation) -> None:
    operation.openapi_extra = {
        **(operation.openapi_extra or {}),
        "parameters": [
            {
                "in": "header",
                "name": HEADER,
                "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
                "required": False,
                "description": "A name of the sender's own for this request: sent again, it is"
                f" answered again and done once. Kept for {KEPT.days} days.",
            }
        ],
        "responses": {400: refusal(400), 409: refusal(409)},
    }


def _once(request: HttpRequest, name: str, work: Callable[[], str]) -> HttpResponse:
    key: ApiKey = request.auth  # type: ignore[attr-defined]
    digest = _digest(request)
    with transaction.atomic():
        if not claim_answer(key, name):
            raise RefusedError(
                409,
                _("A request with this key is still at work; ask again."),
                headers={"Retry-After": SOON},
            )
        known = KeptAnswer.objects.filter(key=key, name=name).first()
        if known is None:
            body = work()
            keep_answer(key, name, digest=digest, body=body, at=clock.now())
            return _answer(body)
    if known.digest != digest:
        said = _("This key was used for another request within %d days.") % KEPT.days
        raise RefusedError(422, said, [Fault(code="key_reused", detail=said, header=HEADER)])
    answer = _answer(known.body)
    answer["Idempotency-Replayed"] = "true"
    return answer


def _answer(body: str) -> HttpResponse:
    return HttpResponse(body, content_type="application/json; charset=utf-8")


def _digest(request: HttpRequest) -> str:
    asked = f"{request.method} {request.get_full_path()}\n".encode()
    return sha256(asked + request.body).hexdigest()
