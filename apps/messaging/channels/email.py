"""E-mail through SMTP: several connections side by side, each command group in one go.

A server that says PIPELINING is sent a letter's envelope at once (RFC 2920), any other command by
command. While one connection's server works, the others are written to.
"""

import smtplib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from uuid import UUID

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend
from django.utils.translation import gettext as _

from apps.messaging.channels import Account, Answer, Letter, Verdict
from apps.messaging.channels.mime import Skeleton, domain_of, mailbox_of

BROKEN = (OSError, smtplib.SMTPException)
# What cannot be written into an envelope or a header, like name@[ (UnicodeError is a ValueError).
UNWRITABLE = (AttributeError, LookupError, ValueError)
GO_AHEAD = 354


class RefusedError(Exception):
    """The server says no to a letter, or to us, before anything of it has left."""

    def __init__(self, code: int, verdict: Verdict) -> None:
        super().__init__(code)
        self.answer = Answer(
            verdict, reason=_("The mail server answered %(status)s.") % {"status": code}
        )


class Line:
    """One connection, opened at its first letter."""

    def __init__(self) -> None:
        self.backend = EmailBackend()
        self.smtp: smtplib.SMTP | None = None

    def open(self) -> smtplib.SMTP:
        if self.smtp is None:
            self.backend.open()
            smtp = self.backend.connection
            if smtp is None:
                raise smtplib.SMTPServerDisconnected
            smtp.ehlo_or_helo_if_needed()
            self.smtp = smtp
        return self.smtp

    def offer(self, mailbox: str, recipient: str) -> None:
        """Say from whom and to whom; a server that cannot take it all at once hears it later."""
        smtp = self.open()
        self.commands = [
            f"MAIL FROM:<{mailbox}>\r\n".encode("ascii"),
            f"RCPT TO:<{recipient}>\r\n".encode("ascii"),
            b"DATA\r\n",
        ]
        self.at_once = smtp.has_extn("pipelining")
        smtp.send(b"".join(self.commands) if self.at_once else self.commands[0])

    def agree(self) -> None:
        """Hear what the server says to the envelope. Raises RefusedError."""
        smtp = self.open()
        codes: list[int] = []
        for position in range(len(self.commands)):
            if position and not self.at_once:
                smtp.send(self.commands[position])
            codes.append(smtp.getreply()[0])
            if not self.at_once and refused(codes[-1]) and codes[-1] != GO_AHEAD:
                break
        if codes[-1] == GO_AHEAD and not any(refused(code) for code in codes[:2]):
            return
        if codes[-1] == GO_AHEAD:  # it waits for a letter to nobody
            smtp.send(b".\r\n")
            smtp.getreply()
        smtp.rset()
        if refused(codes[0]):  # our name, our password: not the letter's fault
            raise RefusedError(codes[0], Verdict.AGAIN)
        code = next(code for code in codes[1:] if refused(code))
        raise RefusedError(code, lasting(code))

    def give(self, content: bytes) -> None:
        self.open().send(content + b".\r\n")

    def taken(self) -> int:
        return self.open().getreply()[0]

    def close(self) -> None:
        try:
            self.backend.close()
        except BROKEN:
            self.drop()

    def drop(self) -> None:
        """Forget a connection of which nothing more can be expected."""
        if self.backend.connection is not None:
            self.backend.connection.close()
            self.backend.connection = None
        self.smtp = None


class Mailer:
    """As many lines as the window says, each with one letter under way."""

    def __init__(self, account: Account) -> None:
        self.sender = account.sender or settings.DEFAULT_FROM_EMAIL
        self.skeleton = Skeleton(self.sender)
        self.lines = [Line() for _ in range(max(1, account.window))]
        self.down = False  # once it does not answer, the rest of the batch waits

    def send(self, letters: Iterable[Letter]) -> Iterator[tuple[UUID, Answer]]:
        waiting = iter(letters)
        while turn := list(islice(waiting, len(self.lines))):
            yield from self.take(turn)

    def take(self, letters: list[Letter]) -> Iterator[tuple[UUID, Answer]]:
        """Bring one letter over each line: offer them all, then write, then hear."""
        offered = []
        for line, letter in zip(self.lines, letters, strict=False):
            answer = self.offer(line, letter)
            if answer:
                yield letter.key, answer
            else:
                offered.append((line, letter))
        written = []
        for line, letter in offered:
            answer = self.write(line, letter)
            if answer:
                yield letter.key, answer
            else:
                written.append((line, letter))
        for line, letter in written:
            yield letter.key, self.hear(line, letter)

    def offer(self, line: Line, letter: Letter) -> Answer | None:
        """Offer a letter to the server; an answer where that is the end of it."""
        if self.down:
            return self.unreached(line)
        try:
            recipient = ascii_address(letter.to)
            self.skeleton.check(letter, recipient)
        except UNWRITABLE:
            return Answer(Verdict.NEVER, reason=_("The letter or its address cannot be written."))
        try:
            line.offer(envelope_sender(letter.key, self.sender), recipient)
        except (*BROKEN, *UNWRITABLE):  # the server's name or our password: not the letter's fault
            return self.unreached(line)
        return None

    def write(self, line: Line, letter: Letter) -> Answer | None:
        try:
            line.agree()
        except RefusedError as refusal:
            return refusal.answer
        except BROKEN:
            return self.unreached(line)
        try:
            line.give(self.skeleton.fill(letter, ascii_address(letter.to)))
        except BROKEN:
            return self.unheard(line)
        return None

    def hear(self, line: Line, letter: Letter) -> Answer:
        try:
            code = line.taken()
        except BROKEN:
            return self.unheard(line)
        if refused(code):
            return RefusedError(code, lasting(code)).answer
        return Answer(Verdict.SENT, provider_id=message_id(letter, self.sender))

    def unreached(self, line: Line) -> Answer:
        line.drop()
        self.down = True
        return Answer(Verdict.AGAIN, reason=_("The mail server does not answer."))

    def unheard(self, line: Line) -> Answer:
        line.drop()
        self.down = True
        return Answer(
            Verdict.UNKNOWN, reason=_("The mail server took the letter and did not answer.")
        )

    def close(self) -> None:
        for line in self.lines:
            line.close()


def refused(code: int) -> bool:
    return not 200 <= code < 300


def lasting(code: int) -> Verdict:
    return Verdict.NEVER if code >= 500 else Verdict.AGAIN


def envelope_sender(key: UUID, sender: str) -> str:
    """Say where a letter goes that does not arrive: to an address of its own, so that it is known."""
    name, _at, domain = settings.BOUNCE_ADDRESS.rpartition("@")
    return f"{name}+{key.hex}@{domain}" if name else mailbox_of(sender)


def message_id(letter: Letter, sender: str) -> str:
    """Name the letter after its key, so that a mailbox knows a second copy."""
    return f"<{letter.key}@{domain_of(sender)}>"


def ascii_address(address: str) -> str:
    """Write an international domain the way every server reads it.

    Raises UnicodeError, and ValueError for what would end a command or a header.
    """
    mailbox, _at, domain = address.rpartition("@")
    mailbox.encode("ascii")
    made = f"{mailbox}@{domain.encode('idna').decode()}"
    if not mailbox or not domain or any(sign in made for sign in " \r\n<>[]\0"):
        raise ValueError
    return made


@contextmanager
def connect(account: Account) -> Iterator[Mailer]:
    """Make a mailer for a batch of letters and close what it opened."""
    mailer = Mailer(account)
    try:
        yield mailer
    finally:
        mailer.close()
