"""Who may: keys with scopes, and how often."""

from datetime import datetime
from functools import cache
from hashlib import sha256
from threading import Lock

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from ninja.security import HttpBearer
from redis import Redis
from redis.exceptions import RedisError

from apps.core import audit, clock
from apps.core.actions import SCOPES, recognise_key
from apps.core.api.bodies import read_json
from apps.core.api.problems import RefusedError
from apps.core.models import ApiKey

WINDOW = 60  # seconds over which requests are counted
SHARES = 100  # of a minute's requests, which a busy door counts at a time
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

    def recognise(self, token: str, *, at: datetime) -> ApiKey | None:
        return recognise_key(token, at=at)

    def take_turn(self, key: ApiKey, second: int) -> bool:
        """Say whether the key may make one more request in this minute, which is counted."""
        return turns(key, second // WINDOW, 1) > 0

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        at = clock.now()
        key = self.recognise(token, at=at)
        if key is None:
            return None
        second = int(at.timestamp())
        if not self.take_turn(key, second):
            raise RefusedError(
                429,
                _("Too many requests; come back later."),
                headers={"Retry-After": str(WINDOW - second % WINDOW)},
            )
        if not key.may(self.scope):
            raise RefusedError(403, _("This key may not do that: %s.") % self.scope)
        audit.amend(by=key)
        if request.method in WRITING and not self.streams:
            # Here, after strangers were turned away and before Django reads what it takes for all.
            request._body = read_json(request)  # noqa: SLF001
        return key


class BriefKey(Key):
    """Spares most looks at the table, for views whose own statement asks whether the key is good.

    Such a view calls `forget` where it is not. Nobody else may use this: a key that was revoked
    would be good for another moment.
    """

    def __init__(self, scope: str, says: str | Promise) -> None:
        super().__init__(scope, says)
        self.known: dict[bytes, ApiKey] = {}
        self.turns: dict[tuple[int, int], int] = {}  # that are left, by key and window
        self.lock = Lock()

    def recognise(self, token: str, *, at: datetime) -> ApiKey | None:
        digest = sha256(token.encode()).digest()
        key = self.known.get(digest)
        if key is None or key.last_used_on != at.date():
            key = recognise_key(token, at=at)
            if key is not None:
                key.last_used_on = at.date()
                self.known[digest] = key
        return key

    def take_turn(self, key: ApiKey, second: int) -> bool:
        """Take turns by the hundredth of a minute's, and count only those: never more than allowed."""
        mine = (key.pk, second // WINDOW)
        with self.lock:
            left = self.turns.get(mine, 0)
            if not left:
                share = max(1, settings.API_REQUESTS_A_MINUTE // SHARES)
                left = turns(key, mine[1], share)
                self.turns = {one: n for one, n in self.turns.items() if one[1] == mine[1]}
            self.turns[mine] = max(0, left - 1)
        return left > 0

    def forget(self, key: ApiKey) -> None:
        self.known = {digest: one for digest, one in self.known.items() if one.pk != key.pk}


@cache
def _counter() -> Redis:
    """Return a client of the cache that is kept: Django's makes one a call, dearer than the call."""
    return Redis.from_url(settings.CACHES["default"]["LOCATION"])


def turns(key: ApiKey, window: int, wanted: int) -> int:
    return granted(f"api:{key.pk}", window, wanted, most=settings.API_REQUESTS_A_MINUTE)


def granted(whose: str, window: int, wanted: int, *, most: int) -> int:
    """Count somebody's requests in a window; return how many of them are within the limit."""
    name = f"{whose}:{window}"
    try:
        with _counter().pipeline(transaction=False) as asked:
            asked.set(name, 0, ex=2 * WINDOW, nx=True)
            asked.incrby(name, wanted)
            used = int(asked.execute()[1])
    except RedisError:
        return wanted  # a cache that fails must not keep prices out
    return max(0, min(wanted, most - (used - wanted)))
