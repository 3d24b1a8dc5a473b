"""SMS through an HTTP gateway: POST {"to", "from", "text", "key"}, answered with {"id"}."""

import json
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from uuid import UUID

import httpx2
from django.conf import settings
from django.utils.translation import gettext as _

from apps.messaging.channels import Account, Answer, Letter, Verdict

TIMEOUT = httpx2.Timeout(10, connect=5)
# Before a byte has left, nothing can have been taken.
NOT_STARTED = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.InvalidURL,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,  # a token that cannot stand in a header
)
# Of the letter itself. Any other refusal is not its fault: our token, our haste, an address that
# is wrong or has moved, a gateway that is down.
REFUSED = {400, 413, 415, 422}
GATEWAY_TIMEOUT = 504  # said by a proxy that passed the message on and heard no more
LARGEST_ANSWER = 65_536  # bytes; an id takes a hundred
PATIENCE = 10  # seconds for an answer's body, however slowly it trickles


class Gateway:
    """A connection over which letters go out one by one."""

    def __init__(self, client: httpx2.Client, account: Account) -> None:
        self.client = client
        self.sender = account.sender or settings.SMS_SENDER
        self.down = False  # once it does not answer, the rest of the batch waits

    def send(self, letters: Iterable[Letter]) -> Iterator[tuple[UUID, Answer]]:
        for letter in letters:
            yield letter.key, self.take(letter)

    def take(self, letter: Letter) -> Answer:
        if not settings.SMS_GATEWAY_URL:
            return Answer(Verdict.AGAIN, reason=_("No SMS gateway is set up."))
        if self.down:
            return Answer(Verdict.AGAIN, reason=_("The SMS gateway cannot be reached."))
        try:
            with self.client.stream(
                "POST",
                settings.SMS_GATEWAY_URL,
                json={
                    "to": letter.to,
                    "from": self.sender,
                    "text": letter.text,
                    "key": str(letter.key),
                },
                headers={"Idempotency-Key": str(letter.key), "Accept-Encoding": "identity"},
            ) as response:
                answer = read(response)
        except NOT_STARTED:
            self.down = True
            return Answer(Verdict.AGAIN, reason=_("The SMS gateway cannot be reached."))
        except httpx2.HTTPError:
            answer = no_answer()
        self.down = answer.verdict == Verdict.UNKNOWN
        return answer


def read(response: httpx2.Response) -> Answer:
    status = response.status_code
    if response.is_success:
        return Answer(Verdict.SENT, provider_id=provider_id(response))
    if status == GATEWAY_TIMEOUT:
        return no_answer()
    reason = _("The SMS gateway answered %(status)s.") % {"status": status}
    return Answer(Verdict.NEVER if status in REFUSED else Verdict.AGAIN, reason=reason)


def no_answer() -> Answer:
    return Answer(Verdict.UNKNOWN, reason=_("The SMS gateway took the message and did not answer."))


def provider_id(response: httpx2.Response) -> str:
    """Read the gateway's id; without one that can be kept the message is sent all the same."""
    try:
        answer = json.loads(body(response))
    except (httpx2.HTTPError, ValueError, RecursionError):
        return ""
    found = str(answer.get("id") or "") if isinstance(answer, dict) else ""
    return found[:120] if found.isprintable() else ""


def body(response: httpx2.Response) -> bytes:
    """Read an answer's body. Raises ValueError for one that is too long or too slow."""
    read, until = b"", time.monotonic() + PATIENCE
    for part in response.iter_raw():
        read += part
        if len(read) > LARGEST_ANSWER or time.monotonic() > until:
            raise ValueError
    return read


@cache
def trust() -> ssl.SSLContext:
    """Read the certificates once a process: 55 ms, more than a batch of letters takes."""
    return httpx2.create_ssl_context()


@contextmanager
def connect(account: Account) -> Iterator[Gateway]:
    """Open one connection for a batch of letters."""
    token = settings.SMS_GATEWAY_TOKEN
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx2.Client(headers=headers, timeout=TIMEOUT, verify=trust()) as client:
        yield Gateway(client, account)
