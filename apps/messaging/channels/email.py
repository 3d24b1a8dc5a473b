"""E-mail through SMTP, one connection a batch, step by step so that each failure is understood."""

import smtplib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from typing import cast
from uuid import UUID

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend
from django.utils.translation import gettext as _

from apps.messaging.channels import Account, Answer, Letter, Verdict, unsubscribing

SEVEN_BITS = SMTP.clone(cte_type="7bit")  # every server takes it
BROKEN = (OSError, smtplib.SMTPException)
# What Python's mail package raises for an address like name@[ (UnicodeError is a ValueError).
UNWRITABLE = (AttributeError, LookupError, ValueError)


class Mailer:
    """A connection over which letters go out one by one; opened at the first, and again if lost."""

    def __init__(self, account: Account) -> None:
        self.sender = account.sender or settings.DEFAULT_FROM_EMAIL
        self.backend = EmailBackend()
        self.down = False  # once it does not answer, the rest of the batch waits

    def send(self, letters: Iterable[Letter]) -> Iterator[tuple[UUID, Answer]]:
        for letter in letters:
            yield letter.key, self.take(letter)

    def take(self, letter: Letter) -> Answer:
        try:
            recipient = ascii_address(letter.to)
            content = compose(letter, recipient, self.sender)
        except UNWRITABLE:
            return Answer(Verdict.NEVER, reason=_("The letter or its address cannot be written."))
        try:
            smtp = self.open()
            code = address(smtp, recipient, envelope_sender(letter.key, self.sender))
        except smtplib.SMTPSenderRefused as error:  # our name, our password: not the letter's fault
            return self.refusal(error.smtp_code, Verdict.AGAIN)
        except BROKEN:
            self.drop()
            return Answer(Verdict.AGAIN, reason=_("The mail server does not answer."))
        if refused(code):
            return self.refusal(code, lasting(code))
        return self.hand_over(letter, content)

    def open(self) -> smtplib.SMTP:
        """Return the open connection."""
        if self.down:
            raise smtplib.SMTPServerDisconnected
        self.down = True
        self.backend.open()
        self.down = False
        return cast(smtplib.SMTP, self.backend.connection)

    def hand_over(self, letter: Letter, content: bytes) -> Answer:
        try:
            code, _text = self.open().data(content)
        except smtplib.SMTPDataError as error:  # refused before the content was sent
            code = error.smtp_code
        except BROKEN:
            self.drop()
            self.down = True
            return Answer(
                Verdict.UNKNOWN, reason=_("The mail server took the letter and did not answer.")
            )
        if refused(code):
            return self.refusal(code, lasting(code))
        return Answer(Verdict.SENT, provider_id=message_id(letter, self.sender))

    def refusal(self, code: int, verdict: Verdict) -> Answer:
        """Note what the server said and leave the connection usable."""
        try:
            self.open().rset()
        except BROKEN:
            self.drop()
        reason = _("The mail server answered %(status)s.") % {"status": code}
        return Answer(verdict, reason=reason)

    def drop(self) -> None:
        """Forget a connection of which nothing more can be expected."""
        if self.backend.connection is not None:
            self.backend.connection.close()
            self.backend.connection = None

    def close(self) -> None:
        try:
            self.backend.close()
        except BROKEN:
            self.drop()


def address(smtp: smtplib.SMTP, recipient: str, mailbox: str) -> int:
    """Say from whom and to whom; until then nothing of the letter has left.

    Raises SMTPSenderRefused.
    """
    smtp.ehlo_or_helo_if_needed()
    code, text = smtp.mail(mailbox)
    if refused(code):
        raise smtplib.SMTPSenderRefused(code, text, mailbox)
    code, _text = smtp.rcpt(recipient)
    return code


def refused(code: int) -> bool:
    return not 200 <= code < 300


def lasting(code: int) -> Verdict:
    return Verdict.NEVER if code >= 500 else Verdict.AGAIN


def compose(letter: Letter, recipient: str, sender: str) -> bytes:
    message = EmailMessage(policy=SEVEN_BITS)
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = letter.subject
    message["Date"] = formatdate()
    message["Message-ID"] = message_id(letter, sender)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    page = message.get_body(("html",))
    for picture in letter.pictures if page else ():
        kind = picture.kind.partition("/")[2]
        page.add_related(  # type: ignore[union-attr]
            picture.content, "image", kind, cid=f"<{picture.cid}>", disposition="inline"
        )
    content = message.as_bytes()
    return unsubscribing.lines(letter.key) + content if letter.may_unsubscribe else content


def envelope_sender(key: UUID, sender: str) -> str:
    """Say where a letter goes that does not arrive: to an address of its own, so that it is known."""
    name, _at, domain = settings.BOUNCE_ADDRESS.rpartition("@")
    return f"{name}+{key.hex}@{domain}" if name else parseaddr(sender)[1]


def message_id(letter: Letter, sender: str) -> str:
    """Name the letter after its key, so that a mailbox knows a second copy."""
    return f"<{letter.key}@{parseaddr(sender)[1].rpartition('@')[2]}>"


def ascii_address(address: str) -> str:
    """Write an international domain the way every server reads it. Raises UnicodeError."""
    mailbox, _at, domain = address.rpartition("@")
    mailbox.encode("ascii")
    return f"{mailbox}@{domain.encode('idna').decode()}"


@contextmanager
def connect(account: Account) -> Iterator[Mailer]:
    """Make a mailer for a batch of letters and close what it opened."""
    mailer = Mailer(account)
    try:
        yield mailer
    finally:
        mailer.close()
