"""SMS through an HTTP gateway: POST {"to", "from", "text", "key"}, answered with {"id"}."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import httpx2
from django.conf import settings
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
    httpx2.LocalProtocolError,  # a token that cannot stand in a header
)
# Not the letter's fault: our token, our haste, or a gateway that is down (all 5xx).
LATER = {401, 408, 425, 429}


class Gateway:
    """A connection over which letters go out one by one."""

    def __init__(self, client: httpx2.Client) -> None:
        self.client = client
        self.down = False  # once it does not answer, the rest of the batch waits

    def send(self, letter: Letter) -> Answer:
        if not settings.SMS_GATEWAY_URL:
            return Answer(Verdict.AGAIN, reason=_("No SMS gateway is set up."))
        if self.down:
            return Answer(Verdict.AGAIN, reason=_("The SMS gateway cannot be reached."))
        try:
            response = self.client.post(
                settings.SMS_GATEWAY_URL,
                json={
                    "to": letter.to,
                    "from": settings.SMS_SENDER,
                    "text": letter.text,
                    "key": str(letter.key),
                },
                headers={"Idempotency-Key": str(letter.key)},
            )
        except NOT_STARTED:
            self.down = True
            return Answer(Verdict.AGAIN, reason=_("The SMS gateway cannot be reached."))
        except httpx2.HTTPError:
            self.down = True
            return Answer(
                Verdict.UNKNOWN, reason=_("The SMS gateway took the message and did not answer.")
            )
        return read(response)


def read(response: httpx2.Response) -> Answer:
    status = response.status_code
    if response.is_success:
        return Answer(Verdict.SENT, provider_id=provider_id(response))
    reason = _("The SMS gateway answered %(status)s.") % {"status": status}
    if status in LATER or status >= 500:
        return Answer(Verdict.AGAIN, reason=reason)
    return Answer(Verdict.NEVER, reason=reason)


def provider_id(response: httpx2.Response) -> str:
    """Read the gateway's id; without one the message is sent all the same."""
    try:
        answer = response.json()
    except ValueError:
        return ""
    return str(answer.get("id", ""))[:120] if isinstance(answer, dict) else ""


@cache
def trust() -> ssl.SSLContext:
    """Read the certificates once a process: 55 ms, more than a batch of letters takes."""
    return httpx2.create_ssl_context()


@contextmanager
def connect() -> Iterator[Gateway]:
    """Open one connection for a batch of letters."""
    token = settings.SMS_GATEWAY_TOKEN
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx2.Client(headers=headers, timeout=TIMEOUT, verify=trust()) as client:
        yield Gateway(client)
