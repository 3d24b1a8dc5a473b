"""The mailbox that bounces come to, read by IMAP.

A mailbox keeps what comes while we are down, and any hosted mail has one; a program that the mail
server starts for each letter would need our code and database on the mail server, and loses letters
when either is away.
"""

import imaplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import unquote, urlsplit

from apps.messaging.channels.returned import LARGEST

PATIENCE = 30  # seconds
PORTS = {"imaps": 993, "imap": 143}
MOST = 500  # letters a look
BROKEN = (OSError, imaplib.IMAP4.error)
MISSET = (ValueError, LookupError)  # an address that is none, or neither imap:// nor imaps://


class MailboxError(Exception):
    """The mailbox cannot be read; the text is the server's or the network's own."""


class Mailbox:
    """An open mailbox: letters that nobody has looked at, which are then thrown away or marked."""

    def __init__(self, server: imaplib.IMAP4) -> None:
        self.server = server

    def letters(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield number and beginning of each letter that is neither marked nor thrown away."""
        found = self.ask("SEARCH", "UNFLAGGED", "UNDELETED")
        for number in found[0].split()[:MOST] if found and isinstance(found[0], bytes) else []:
            answer = self.ask("FETCH", number.decode(), f"(BODY.PEEK[]<0.{LARGEST}>)")
            raw = [part[1] for part in answer if isinstance(part, tuple)]
            yield number, raw[0] if raw else b""

    def throw_away(self, number: bytes) -> None:
        self.ask("STORE", number.decode(), "+FLAGS.SILENT", r"(\Deleted)")

    def mark(self, number: bytes) -> None:
        """Leave a letter for a person."""
        self.ask("STORE", number.decode(), "+FLAGS.SILENT", r"(\Flagged)")

    def ask(self, command: str, *given: str) -> list[bytes | tuple[bytes, bytes]]:
        status, answer = self.server.uid(command, *given)
        if status != "OK":
            raise MailboxError(f"{command}: {status}")
        return answer


@contextmanager
def opened(url: str) -> Iterator[Mailbox]:
    """Open imaps://user:password@host/folder and leave it tidy. Raises MailboxError."""
    try:
        where = urlsplit(url)
        kind = imaplib.IMAP4_SSL if where.scheme == "imaps" else imaplib.IMAP4
        with closed(
            kind(where.hostname or "", where.port or PORTS[where.scheme], timeout=PATIENCE)
        ) as server:
            server.login(unquote(where.username or ""), unquote(where.password or ""))
            status, _answer = server.select(unquote(where.path.lstrip("/")) or "INBOX")
            if status != "OK":
                raise MailboxError("SELECT")
            yield Mailbox(server)
            server.expunge()
    except (*BROKEN, *MISSET) as error:
        raise MailboxError(str(error)) from error


@contextmanager
def closed(server: imaplib.IMAP4) -> Iterator[imaplib.IMAP4]:
    """Take leave, and close the socket whatever happens: the library's own end leaves it open."""
    try:
        yield server
        server.logout()
    finally:
        with suppress(OSError):  # closed already
            server.shutdown()
