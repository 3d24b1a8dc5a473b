"""E-mail through the HTTP interface of a provider, as django-anymail speaks with a dozen of them.

    {"esp": "mailgun", "settings": {"sender_domain": "news.example.com"}}

`esp` is the name of anymail's backend, `settings` what it takes besides our secret. The letter's key
goes along as metadata, by which the provider's events find their message.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from email.mime.image import MIMEImage
from importlib.util import find_spec
from ssl import SSLCertVerificationError
from typing import Any
from uuid import UUID

import requests
from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.utils.translation import gettext as _
from urllib3.exceptions import MaxRetryError, NewConnectionError, SSLError

from apps.messaging.channels import (
    Account,
    Answer,
    Carrier,
    Letter,
    Verdict,
    unsubscribing,
)
from apps.messaging.channels.calls import (
    GATEWAY_TIMEOUT,
    NoAnswerError,
    NotTakenError,
    carried,
    provider_id,
)
from apps.messaging.channels.options import Misset, OptionsError, read_options

OPTIONS: dict[str, Any] = {"esp": "", "settings": {}, "secret_name": "api_key"}
SECRET_NAMES = {"postmark": "server_token"}  # where it is not called api_key
NEVER = {400, 413, 422}  # of the letter itself
TAKEN, REFUSED = {"sent", "queued"}, {"invalid", "rejected", "failed"}
TIMEOUT = 15  # seconds
NOT_TAKEN = (
    requests.ConnectTimeout,
    requests.TooManyRedirects,
    requests.exceptions.InvalidURL,
)


def is_backend(esp: str) -> bool:
    return esp.isidentifier() and find_spec(f"anymail.backends.{esp}") is not None


ALLOWED: dict[str, Callable[[Any], bool]] = {"esp": is_backend, "secret_name": str.isidentifier}


class Provider:
    """Connections over which letters go out, one a thread: they are not to be shared."""

    def __init__(self, account: Account, options: dict[str, Any]) -> None:
        self.account = account
        self.options = options
        self.local = threading.local()
        self.opened: list[Any] = []

    def send(self, letters: Iterable[Letter]) -> Iterator[tuple[UUID, Answer]]:
        yield from carried(letters, self.take, self.account.window)

    def take(self, letter: Letter) -> Answer:
        """Hand one letter over. Raises NotTakenError, NoAnswerError."""
        message = self.write(letter)
        try:
            count = self.backend().send_messages([message])
        except AnymailRecipientsRefused:
            return Answer(Verdict.NEVER, reason=_("The provider refuses to write to the address."))
        except AnymailAPIError as error:
            return judged(error)
        except (AnymailError, ValueError):
            # An address or a header that cannot be written, or what this provider cannot do.
            count = 0
        if not count:
            return Answer(Verdict.NEVER, reason=_("The letter or its address cannot be written."))
        return accepted(message.anymail_status)

    def backend(self) -> Any:
        """Return this thread's connection."""
        if not hasattr(self.local, "backend"):
            esp = self.options["esp"]
            secret_name = SECRET_NAMES.get(esp, self.options["secret_name"])
            self.local.backend = get_connection(
                f"anymail.backends.{esp}.EmailBackend",
                requests_timeout=TIMEOUT,
                **{secret_name: self.account.secret, **self.options["settings"]},
            )
            self.local.backend.open()
            if isinstance(
                session := getattr(self.local.backend, "session", None), requests.Session
            ):
                session.max_redirects = 0  # the secret and the letter are for nobody else
            self.opened.append(self.local.backend)
        return self.local.backend

    def write(self, letter: Letter) -> Any:
        headers = {"Auto-Submitted": "auto-generated"}
        if letter.may_unsubscribe:
            headers |= unsubscribing.headers(letter.key)
        message: Any = EmailMultiAlternatives(
            subject=letter.subject,
            body=letter.text,
            from_email=self.account.sender or settings.DEFAULT_FROM_EMAIL,
            to=[letter.to],
            headers=headers,
        )
        if letter.html:
            message.attach_alternative(letter.html, "text/html")
        for picture in letter.pictures:
            image = MIMEImage(picture.content, picture.kind.partition("/")[2])
            image.add_header("Content-ID", f"<{picture.cid}>")
            image.add_header("Content-Disposition", "inline", filename=picture.cid)
            message.attach(image)
        message.metadata = {"key": str(letter.key)}
        message.track_opens = message.track_clicks = False  # our links count people themselves
        return message

    def close(self) -> None:
        for backend in self.opened:
            backend.close()


def accepted(status: Any) -> Answer:
    """Say what a good answer means: a provider may have refused the one recipient."""
    if status.status and status.status <= TAKEN:
        return Answer(Verdict.SENT, provider_id=provider_id(status.message_id))
    if status.status and status.status <= REFUSED:
        return Answer(Verdict.NEVER, reason=_("The provider refuses to write to the address."))
    return Answer(Verdict.UNKNOWN, reason=_("The provider gave an answer that says nothing."))


def judged(error: AnymailAPIError) -> Answer:
    """Say what a failed call means. Raises NotTakenError, NoAnswerError."""
    status = error.status_code
    if status is None:
        raise (NotTakenError if has_not_left(error) else NoAnswerError) from error
    if status == GATEWAY_TIMEOUT or 200 <= status < 300:  # the second: it said what is no answer
        raise NoAnswerError from error
    reason = _("The provider answered %(status)s.") % {"status": status}
    return Answer(Verdict.NEVER if status in NEVER else Verdict.AGAIN, reason=reason)


def has_not_left(error: Exception) -> bool:
    """Say whether the connection failed before a byte of the letter was sent."""
    cause = error.__cause__
    if isinstance(cause, NOT_TAKEN):
        return True
    inner = cause.args[0] if isinstance(cause, requests.ConnectionError) and cause.args else None
    reason = inner.reason if isinstance(inner, MaxRetryError) else None
    if isinstance(reason, SSLError):  # other errors of TLS may come when all has been written
        return bool(reason.args) and isinstance(reason.args[0], SSLCertVerificationError)
    return isinstance(reason, NewConnectionError)


@contextmanager
def connect(account: Account) -> Iterator[Carrier]:
    """Open connections for a batch of letters."""
    try:
        options = read_options(account.options, OPTIONS, ALLOWED)
    except OptionsError as error:
        yield Misset(str(error))
        return
    provider = Provider(account, options)
    try:
        yield provider
    finally:
        provider.close()
