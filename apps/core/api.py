"""What every part of the API shares: keys with scopes, limits, exact numbers."""

import json
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from ninja.errors import HttpError
from ninja.parser import Parser
from ninja.security import HttpBearer
from redis.exceptions import RedisError

from apps.core import clock
from apps.core.actions import SCOPES, recognise_key
from apps.core.models import ApiKey

WINDOW = 60  # seconds over which requests are counted
LARGEST = 1024 * 1024  # bytes of a body: a thousand quotes take a tenth


class TooManyRequestsError(Exception):
    """A key has used up its requests; `wait` says for how many seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__(wait)
        self.wait = wait


class Key(HttpBearer):
    """Lets in who sends a good key with the scope, within its number of requests."""

    def __init__(self, scope: str, says: str | Promise) -> None:
        super().__init__()
        self.scope = scope
        SCOPES[scope] = says

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        at = clock.now()
        key = recognise_key(token, at=at)
        if key is None:
            return None
        if wait := _over_the_limit(key, int(at.timestamp())):
            raise TooManyRequestsError(wait)
        if not key.may(self.scope):
            raise HttpError(403, _("This key may not do that: %s.") % self.scope)
        # Here, since a body is read only after this.
        if int(request.headers.get("Content-Length") or 0) > LARGEST:
            raise HttpError(413, _("The body is larger than %d bytes.") % LARGEST)
        return key


def _over_the_limit(key: ApiKey, second: int) -> int:
    """Count a request; return the seconds to wait where it is one too many."""
    window, gone = divmod(second, WINDOW)
    name = f"api:{key.pk}:{window}"
    try:
        cache.add(name, 0, 2 * WINDOW)
        used = cache.incr(name)
    except (RedisError, ValueError):
        return 0  # a cache that fails or forgets must not keep prices out
    return WINDOW - gone if used > settings.API_REQUESTS_A_MINUTE else 0


class ExactParser(Parser):
    """Reads numbers as they are written, never through a binary float."""

    def parse_body(self, request: HttpRequest) -> Any:
        return json.loads(request.body, parse_float=Decimal, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(constant)
