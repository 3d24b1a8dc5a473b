"""Push to browsers, by RFC 8030: POST to the address that the browser's push service gave us.

A letter's `to` is the subscription as `actions.devices.destinations` writes it. A note that comes
twice is shown once: it carries the message's key as its tag.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
from django.conf import settings
from django.utils.translation import gettext as _

from apps.core import clock
from apps.messaging import webpush
from apps.messaging.channels import Account, Answer, Letter, Verdict, calls
from apps.messaging.queries.devices import push_key

KEPT = timedelta(hours=24)  # by the push service, for a device that is off
TOKEN_FOR = timedelta(hours=12)  # push services take tokens of up to 24
GONE = {404, 410}
TOO_LARGE = 413


class Browsers:
    """Connections to the push services of browsers, one service each."""

    def __init__(self, opened: httpx2.Client, account: Account) -> None:
        self.opened = opened
        self.window = account.window
        self.title = account.sender or settings.ISSUER_NAME
        self.expires = int((clock.now() + TOKEN_FOR).timestamp())
        self.tokens: dict[str, str] = {}  # by service

    def send(self, letters: Iterable[Letter]) -> Iterator[tuple[UUID, Answer]]:
        return calls.carried(letters, self.take, self.window)

    def take(self, letter: Letter) -> Answer:
        try:
            subscription = json.loads(letter.to)
            body = webpush.encrypt(
                note(letter, self.title), subscription["p256dh"], subscription["auth"]
            )
        except (ValueError, LookupError, TypeError):
            return Answer(
                Verdict.NEVER, gone=True, reason=_("The browser's subscription cannot be read.")
            )
        endpoint = subscription["endpoint"]
        headers = {
            "Authorization": self.authorization(endpoint),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(int(KEPT.total_seconds())),
        }
        return judge(calls.post(self.opened, endpoint, headers=headers, content=body))

    def authorization(self, endpoint: str) -> str:
        parts = urlsplit(endpoint)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self.tokens:
            self.tokens[origin] = webpush.authorization(
                push_key(), origin, contact=settings.PUSH_CONTACT, expires=self.expires
            )
        return self.tokens[origin]


def note(letter: Letter, title: str) -> bytes:
    """Write what the page's worker shows; a long text is cut to what a push message holds."""
    told = {
        "title": letter.subject or title,
        "body": letter.text,
        "url": letter.link,
        "language": letter.language,
        "tag": letter.tag or str(letter.key),
    }
    written = json.dumps(told, ensure_ascii=False).encode()
    while len(written) > webpush.LONGEST:
        kept = len(told["body"]) - (len(written) - webpush.LONGEST) // 4 - 2
        told["body"] = told["body"][: max(kept, 0)].rstrip() + "…"
        written = json.dumps(told, ensure_ascii=False).encode()
    return written


def judge(reply: calls.Reply) -> Answer:
    if reply.is_success:
        return Answer(Verdict.SENT)
    if reply.status in GONE:
        return Answer(
            Verdict.NEVER, gone=True, reason=_("The browser takes no notes from us any more.")
        )
    if reply.status == TOO_LARGE:
        return Answer(Verdict.NEVER, reason=_("The note is too long for the browser's service."))
    return calls.refused(reply)


@contextmanager
def connect(account: Account) -> Iterator[Browsers]:
    with calls.client() as opened:
        yield Browsers(opened, account)
