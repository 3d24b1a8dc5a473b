"""E-mail through SMTP: several connections side by side, each command group in one go.

A server that says PIPELINING is sent a letter together with the envelope of the next (RFC 2920),
any other command by command. While one connection's server works, the others are written to.
"""

import smtplib
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend
from django.utils.translation import gettext as _

from apps.messaging.channels import Account, Answer, Letter, Letters, Verdict
from apps.messaging.channels.mime import Skeleton, domain_of, mailbox_of

BROKEN = (OSError, smtplib.SMTPException)
# What cannot be written into an envelope or a header, like name@[ (UnicodeError is a ValueError).
UNWRITABLE = (AttributeError, LookupError, ValueError)
GO_AHEAD = 354
LONGEST_REPLY = 8_192  # bytes of a line


class RefusedError(Exception):
    """The server says no to a letter, or to us, before anything of it has left."""

    def __init__(self, code: int, verdict: Verdict) -> None:
        super().__init__(code)
        self.answer = Answer(
            verdict, reason=_("The mail server answered %(status)s.") % {"status": code}
        )


@dataclass(slots=True)
class Envelope:
    """A letter, and what its server hears of it first."""

    letter: Letter
    recipient: str
    commands: tuple[bytes, ...]


class Line:
    """One connection, opened at its first letter: one letter is given, the next one is offered."""

    def __init__(self) -> None:
        self.backend = EmailBackend()
        self.smtp: smtplib.SMTP | None = None
        self.socket: socket.socket | None = None
        self.at_once = False  # whether the server takes commands in groups
        self.given: Letter | None = None
        self.offered: Envelope | None = None

    @property
    def is_busy(self) -> bool:
        return bool(self.given or self.offered)

    def open(self) -> smtplib.SMTP:
        if self.smtp is None:
            self.backend.open()
            smtp = self.backend.connection
            if smtp is None:
                raise smtplib.SMTPServerDisconnected
            smtp.ehlo_or_helo_if_needed()
            self.smtp, self.socket = smtp, smtp.sock
            self.at_once = smtp.has_extn("pipelining")
        return self.smtp

    def write(self, content: bytes, envelope: Envelope | None = None) -> None:
        """Send a letter, and from whom and to whom the next one is, as far as the server hears it."""
        self.open()
        if self.socket is None:
            raise smtplib.SMTPServerDisconnected
        if envelope:
            commands = envelope.commands if self.at_once else envelope.commands[:1]
            content = b"".join((content, *commands))
        self.socket.sendall(content)

    def reply(self) -> int:
        """Hear one answer: smtplib's own way takes three times as long, and keeps what was said."""
        file = self.smtp.file if self.smtp else None
        if file is None:
            raise smtplib.SMTPServerDisconnected
        while True:
            said = file.readline(LONGEST_REPLY)
            if not said.endswith(b"\n") or not said[:3].isdigit():
                raise smtplib.SMTPServerDisconnected
            if said[3:4] != b"-":
                return int(said[:3])

    def agree(self, envelope: Envelope) -> None:
        """Hear what the server says to the envelope. Raises RefusedError."""
        codes: list[int] = []
        for position, command in enumerate(envelope.commands):
            if position and not self.at_once:
                self.write(command)
            codes.append(self.reply())
            if not self.at_once and refused(codes[-1]) and codes[-1] != GO_AHEAD:
                break
        if codes[-1] == GO_AHEAD and not any(refused(code) for code in codes[:2]):
            return
        if codes[-1] == GO_AHEAD:  # it waits for a letter to nobody
            self.write(b".\r\n")
            self.reply()
        self.open().rset()
        if refused(codes[0]):  # our name, our password: not the letter's fault
            raise RefusedError(codes[0], Verdict.AGAIN)
        code = next(code for code in codes[1:] if refused(code))
        raise RefusedError(code, lasting(code))

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
        self.smtp = self.socket = None


class Mailer:
    """As many lines as the window says, which take turns."""

    def __init__(self, account: Account) -> None:
        self.sender = account.sender or settings.DEFAULT_FROM_EMAIL
        self.domain = domain_of(self.sender)
        self.skeleton = Skeleton(self.sender)
        self.lines = [Line() for _ in range(max(1, account.window))]
        self.down = False  # once it does not answer, the rest of the batch waits

    def send(self, letters: Iterable[Letter]) -> Iterator[tuple[UUID, Answer]]:
        asked = letters if isinstance(letters, Letters) else Letters(letters)
        waiting = iter(asked)
        while True:
            for line in self.lines:
                yield from self.turn(line, waiting, asked)
            if not any(line.is_busy for line in self.lines):
                return

    def turn(
        self, line: Line, waiting: Iterator[Letter], asked: Letters
    ) -> Iterator[tuple[UUID, Answer]]:
        """Hear what became of one letter, write the one that was offered, and offer another.

        Taking another may wait for the provider's rate: only then is it asked what may leave.
        """
        if letter := line.given:
            line.given = None
            yield letter.key, self.hear(line, letter)
        agreed = None
        if envelope := line.offered:
            line.offered = None
            if answer := self.agree(line, envelope):
                yield envelope.letter.key, answer
            else:
                agreed = envelope
        if line.at_once or not agreed:
            yield from self.take(line, waiting)
        content = b""
        if agreed and asked.may_leave(agreed.letter):
            content = self.skeleton.fill(agreed.letter, agreed.recipient) + b".\r\n"
            line.given = agreed.letter
        elif agreed:  # the server waits for the letter: only hanging up takes back what was offered
            line.drop()
        if content or line.offered:
            yield from self.write(line, content)

    def take(self, line: Line, waiting: Iterator[Letter]) -> Iterator[tuple[UUID, Answer]]:
        """Take a letter that can be offered; one that cannot is answered for."""
        for letter in waiting:
            if self.down:
                yield letter.key, self.unreached(line)
                return
            try:
                line.offered = self.envelope(letter)
            except UNWRITABLE:
                reason = _("The letter or its address cannot be written.")
                yield letter.key, Answer(Verdict.NEVER, reason=reason)
            else:
                return

    def envelope(self, letter: Letter) -> Envelope:
        """Say from whom and to whom. Raises ValueError and others for what nobody can write."""
        recipient = ascii_address(letter.to)
        self.skeleton.check(letter, recipient)
        commands = (
            f"MAIL FROM:<{envelope_sender(letter.key, self.sender)}>\r\n".encode("ascii"),
            f"RCPT TO:<{recipient}>\r\n".encode("ascii"),
            b"DATA\r\n",
        )
        return Envelope(letter, recipient, commands)

    def agree(self, line: Line, envelope: Envelope) -> Answer | None:
        """Let the server agree to a letter; an answer where that is the end of it."""
        try:
            line.agree(envelope)
        except RefusedError as refusal:
            return refusal.answer
        except BROKEN:
            return self.unreached(line)
        return None

    def write(self, line: Line, content: bytes) -> Iterator[tuple[UUID, Answer]]:
        try:
            line.write(content, line.offered)
        except (*BROKEN, *UNWRITABLE):  # the server's name or our password: not the letter's fault
            given, offered = line.given, line.offered
            line.given = line.offered = None
            if given:
                yield given.key, self.unheard(line)
            if offered:
                yield offered.letter.key, self.unreached(line)

    def hear(self, line: Line, letter: Letter) -> Answer:
        try:
            code = line.reply()
        except BROKEN:
            return self.unheard(line)
        if refused(code):
            return RefusedError(code, lasting(code)).answer
        # Named after its key, so that a mailbox knows a second copy.
        return Answer(Verdict.SENT, provider_id=f"<{letter.key}@{self.domain}>")

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


def ascii_address(address: str) -> str:
    """Write an international domain the way every server reads it.

    Raises UnicodeError, and ValueError for what would end a command or a header.
    """
    mailbox, _at, domain = address.rpartition("@")
    mailbox.encode("ascii")
    made = f"{mailbox}@{ascii_domain(domain)}"
    if not mailbox or not domain or any(sign in made for sign in " \r\n<>[]\0"):
        raise ValueError
    return made


@lru_cache(maxsize=1_000)
def ascii_domain(domain: str) -> str:
    return domain.encode("idna").decode()


@contextmanager
def connect(account: Account) -> Iterator[Mailer]:
    """Make a mailer for a batch of letters and close what it opened."""
    mailer = Mailer(account)
    try:
        yield mailer
    finally:
        mailer.close()
