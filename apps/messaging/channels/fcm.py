"""Push to apps on phones, by Firebase Cloud Messaging's HTTP v1 interface.

The account's secret is the service account as Firebase's console gives it, or the path of the file
that holds it; its option `url` may name another address. A letter's `to` is written by
`actions.devices.destinations`.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import jwt
from django.conf import settings
from django.utils.translation import gettext as _

from apps.core import clock
from apps.messaging.channels import Account, Answer, Letter, Verdict, calls

OPTIONS = {"url": ""}
URL = "https://fcm.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_FOR = timedelta(hours=1)
GONE = {"UNREGISTERED", "SENDER_ID_MISMATCH"}
INVALID = "INVALID_ARGUMENT"
REFUSED, UNKNOWN_TOKEN = 400, 404


class UnusableError(Exception):
    """The service account cannot be read or is not accepted; why, as a marketer reads it."""


class Apps:
    """Connections to Firebase, which knows us by a token that lasts an hour."""

    def __init__(self, opened: httpx2.Client, account: Account) -> None:
        self.opened = opened
        self.account = account
        self.token = ""
        self.url = ""

    def send(self, letters: Iterable[Letter]) -> Iterator[tuple[UUID, Answer]]:
        try:
            self.sign_in()
        except (UnusableError, calls.NotTakenError, calls.NoAnswerError) as error:
            # Nothing of theirs has left: the first is put off and says why, the others wait.
            reason = str(error) or calls.unreached()
            for letter in letters:
                yield letter.key, Answer(Verdict.AGAIN, reason=reason)
                return
        yield from calls.carried(letters, self.take, self.account.window)

    def sign_in(self) -> None:
        """Change the service account's signature for a token. Raises UnusableError."""
        known = read_account(self.account.secret)
        now = int(clock.now().timestamp())
        claims = {
            "iss": known["client_email"], "scope": SCOPE, "aud": known["token_uri"],
            "iat": now, "exp": now + int(TOKEN_FOR.total_seconds()),
        }  # fmt: skip
        try:
            assertion = jwt.encode(claims, known["private_key"], algorithm="RS256")
        except (jwt.PyJWTError, ValueError, TypeError):
            raise UnusableError(_("The key of the service account cannot be read.")) from None
        reply = calls.post(
            self.opened, known["token_uri"], data={"grant_type": GRANT, "assertion": assertion}
        )
        self.token = str(reply.said().get("access_token") or "")
        if not self.token.isascii() or not self.token:
            raise UnusableError(
                _("The service account was refused with %(status)s.") % {"status": reply.status}
            )
        base = str(self.account.options.get("url") or URL).rstrip("/")
        self.url = f"{base}/v1/projects/{known['project_id']}/messages:send"

    def take(self, letter: Letter) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}"}
        message = note(letter, self.account.sender or settings.ISSUER_NAME)
        return judge(calls.post(self.opened, self.url, headers=headers, data={"message": message}))


def read_account(secret: str) -> dict[str, str]:
    """Read a service account. Raises UnusableError."""
    wanted = ("client_email", "private_key", "project_id", "token_uri")
    try:
        text = secret if secret.lstrip().startswith("{") else Path(secret).read_text()
        known = json.loads(text)
        if all(isinstance(known[name], str) for name in wanted):
            return {name: known[name] for name in wanted}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass
    raise UnusableError(_("No service account of Firebase is set up."))


def note(letter: Letter, title: str) -> dict[str, Any]:
    """Write a message as Firebase takes it; one that comes twice takes its own place."""
    key = str(letter.key)
    tag = letter.tag or key
    return {
        "token": json.loads(letter.to)["endpoint"],
        "notification": {"title": letter.subject or title, "body": letter.text},
        "data": {"link": letter.link, "key": key},
        "android": {"collapse_key": tag, "notification": {"tag": tag}},
        "apns": {"headers": {"apns-collapse-id": tag}},
    }


def judge(reply: calls.Reply) -> Answer:
    said = reply.said()
    if reply.is_success:
        named = calls.provider_id(said.get("name"))
        if named:
            return Answer(Verdict.SENT, provider_id=named)
        return Answer(Verdict.UNKNOWN, reason=_("The provider's answer cannot be read."))
    code = error_code(said)
    if code in GONE or reply.status == UNKNOWN_TOKEN:
        return Answer(Verdict.NEVER, gone=True, reason=_("The app was removed from the phone."))
    if reply.status == REFUSED and code in {INVALID, ""}:
        return Answer(Verdict.NEVER, reason=_("The provider does not take such a message."))
    return calls.refused(reply)


def error_code(said: dict[str, Any]) -> str:
    """Find Firebase's own code among an error's details, else its status."""
    error = said.get("error")
    if not isinstance(error, dict):
        return ""
    details = error.get("details")
    for each in details if isinstance(details, list) else ():
        if isinstance(each, dict) and isinstance(each.get("errorCode"), str):
            return str(each["errorCode"])
    return str(error.get("status") or "")


@contextmanager
def connect(account: Account) -> Iterator[Apps]:
    with calls.client() as opened:
        yield Apps(opened, account)
