"""Letters by HTTP, one call each: who answered what, and what that means for the letter."""

import json
import logging
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

import httpx2
from django.utils.translation import gettext as _

from apps.messaging.channels import Answer, Letter, Verdict

TIMEOUT = httpx2.Timeout(10, connect=5)
# Before a byte has left, nothing can have been taken.
NOT_STARTED = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.InvalidURL,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,  # a secret that cannot stand in a header
    UnicodeError,
)
LARGEST_ANSWER = 65_536  # bytes; an id takes a hundred
PATIENCE = 10  # seconds for an answer's body, however slowly it trickles
LONGEST_NUMBER = 18  # digits
LONGEST_WAIT = 3_600  # seconds for which a provider can have us wait
GATEWAY_TIMEOUT = 504  # said by a proxy that passed the call on and heard no more

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reply:
    """What a provider answered; its body may have been cut short or be none."""

    status: int
    body: bytes
    wait: timedelta | None = None  # as its Retry-After says

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def said(self) -> dict[str, Any]:
        """Read the body as an object; an empty one where it is none."""
        try:
            said = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return said if isinstance(said, dict) else {}


class NotTakenError(Exception):
    """The call has certainly not reached the provider."""


class NoAnswerError(Exception):
    """The call has left and nobody knows what became of it."""


def client(headers: Mapping[str, str] | None = None) -> httpx2.Client:
    """Open connections to a provider; redirects are not followed, secrets go nowhere else."""
    return httpx2.Client(headers=headers, timeout=TIMEOUT, verify=trust())


def post(
    opened: httpx2.Client,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    data: Any = None,
) -> Reply:
    """Make one call, with bytes or with JSON. Raises NotTakenError or NoAnswerError."""
    sent = {"Accept-Encoding": "identity", **(headers or {})}
    try:
        with opened.stream("POST", url, headers=sent, content=content, json=data) as response:
            reply = Reply(response.status_code, body(response), retry_after(response))
    except NOT_STARTED as error:
        raise NotTakenError from error
    except httpx2.HTTPError as error:
        raise NoAnswerError from error
    if reply.status == GATEWAY_TIMEOUT:
        raise NoAnswerError
    return reply


def body(response: httpx2.Response) -> bytes:
    """Read an answer's body; what is too long, too slow or breaks off counts as none."""
    read, until = b"", time.monotonic() + PATIENCE
    try:
        for part in response.iter_raw():
            read += part
            if len(read) > LARGEST_ANSWER or time.monotonic() > until:
                return b""
    except httpx2.HTTPError:
        return b""
    return read


def retry_after(response: httpx2.Response) -> timedelta | None:
    said = response.headers.get("Retry-After", "").strip()
    if not said.isdecimal():
        return None
    # Of thousands of digits no number is made.
    return timedelta(seconds=min(int(said[:LONGEST_NUMBER]), LONGEST_WAIT))


def is_silent(answer: Answer) -> bool:
    """Say whether an answer is none: the provider cannot be reached, or said nothing."""
    return answer.reason in {unreached(), unanswered()}


def carried(
    letters: Iterable[Letter],
    take: Callable[[Letter], Answer],
    window: int,
    *,
    is_down: Callable[[Answer], bool] = is_silent,
) -> Iterator[tuple[UUID, Answer]]:
    """Hand letters over, `window` of them at once, and answer for each as soon as it is known.

    `take` answers for one letter; an answer that says that the provider is down stops the taking of
    further ones, since each would wait as long.
    """
    with ThreadPoolExecutor(max(window, 1)) as pool:
        running: dict[Future[Answer], UUID] = {}
        for letter in letters:
            # A thread of its own would speak the default language.
            running[pool.submit(copy_context().run, attempt, take, letter)] = letter.key
            if len(running) >= window:
                down = False
                for key, answer in finished(running):
                    down = down or is_down(answer)
                    yield key, answer
                if down:
                    break
        while running:
            yield from finished(running)


def finished(running: dict[Future[Answer], UUID]) -> Iterator[tuple[UUID, Answer]]:
    done, _others = wait(running, return_when=FIRST_COMPLETED)
    for each in done:
        yield running.pop(each), each.result()


def attempt(take: Callable[[Letter], Answer], letter: Letter) -> Answer:
    try:
        return take(letter)
    except NotTakenError:
        return Answer(Verdict.AGAIN, reason=unreached())
    except NoAnswerError:
        return Answer(Verdict.UNKNOWN, reason=unanswered())
    except Exception:  # what it broke on is one letter; the others have their answers
        log.exception("A call to a provider failed.")
        return Answer(Verdict.UNKNOWN, reason=_("The program that sends it failed on it."))


def unreached() -> str:
    return _("The provider cannot be reached.")


def unanswered() -> str:
    return _("The provider took the message and did not answer.")


def refused(reply: Reply) -> Answer:
    """Answer for a call that was refused for a reason that is not the letter's."""
    reason = _("The provider answered %(status)s.") % {"status": reply.status}
    return Answer(Verdict.AGAIN, reason=reason, wait=reply.wait)


def provider_id(value: object) -> str:
    """Keep a provider's id, if it is one that can be kept."""
    kept = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return kept[:120] if kept.isprintable() else ""


@cache
def trust() -> ssl.SSLContext:
    """Read the certificates once a process: 55 ms, more than a batch of letters takes."""
    return httpx2.create_ssl_context()
