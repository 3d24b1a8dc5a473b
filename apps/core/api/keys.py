"""Who may: keys with scopes, and how often."""

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from ninja.security import HttpBearer
from redis.exceptions import RedisError

from apps.core import audit, clock
from apps.core.actions import SCOPES, recognise_key
from apps.core.api.bodies import read_json
from apps.core.api.problems import RefusedError
from apps.core.models import ApiKey

WINDOW = 60  # seconds over which requests are counted
WRITING = {"POST", "PUT", "PATCH"}


class Key(HttpBearer):
    """Lets in who sends a good key with the scope, within its number of requests.

    `streams`: the view reads the body by itself, which is no JSON.
    """

    def __init__(self, scope: str, says: str | Promise, *, streams: bool = False) -> None:
        super().__init__()
        self.scope = scope
        self.streams = streams
        SCOPES[scope] = says

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        at = clock.now()
        key = recognise_key(token, at=at)
        if key is None:
            return None
        if wait := _over_the_limit(key, int(at.timestamp())):
            raise RefusedError(
                429,
                _("Too many requests; come back later."),
                headers={"Retry-After": str(wait)},
            )
        if not key.may(self.scope):
            raise RefusedError(403, _("This key may not do that: %s.") % self.scope)
        audit.amend(by=key)
        if request.method in WRITING and not self.streams:
            # Here, after strangers were turned away and before Django reads what it takes for all.
            request._body = read_json(request)  # noqa: SLF001
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
