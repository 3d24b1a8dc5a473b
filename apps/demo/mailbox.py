"""The demo's phones and inboxes: a real SMTP server and a real SMS gateway on loopback ports.

They answer like a provider and keep what they are given as letters. A letter that comes again
under its key, as after an answer that got lost, stays one.
"""

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy
from email.message import EmailMessage
from hmac import compare_digest
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from aiosmtpd.controller import Controller
from django.db import DatabaseError, connections

from apps.demo.models import Letter

Keep = Callable[[Letter], object]

LOOPBACK = "127.0.0.1"
LARGEST = 1_000_000  # bytes; no SMS is longer
log = logging.getLogger(__name__)


class Inboxes:
    """Take e-mails by SMTP; one letter a recipient, known by its Message-ID."""

    def __init__(self, keep: Keep) -> None:
        self.keep = keep
        # One thread, hence one database connection, whatever the number of senders.
        self.threads = ThreadPoolExecutor(max_workers=1)

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self.threads, self.take, envelope)
        except DatabaseError:
            log.exception("An e-mail could not be kept")
            return "451 Try again later"
        return "250 OK"

    def take(self, envelope: Any) -> None:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        for recipient in envelope.rcpt_tos:
            self.keep(
                Letter(
                    channel="email",
                    sender=str(mail["From"] or envelope.mail_from),
                    recipient=recipient,
                    subject=str(mail["Subject"] or ""),
                    text=part(mail, "plain"),
                    html=part(mail, "html"),
                    key=f"{mail['Message-ID']} {recipient}",
                )
            )

    def close(self) -> None:
        self.threads.submit(connections.close_all)
        self.threads.shutdown()


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    return found.get_content() if found else ""


class Gateway(BaseHTTPRequestHandler):
    """Take an SMS as POST /messages: JSON with to, from, text and key; a bearer token."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body of an answer leave in two writes
    server: "Phones"

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        if size > LARGEST:
            self.close_connection = True
            return self.answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": "too long"})
        body = self.rfile.read(size)
        if not compare_digest(self.headers.get("Authorization", ""), f"Bearer {self.server.token}"):
            return self.answer(HTTPStatus.UNAUTHORIZED, {"error": "wrong token"})
        try:
            letter = sms(json.loads(body), self.headers.get("Idempotency-Key", ""))
        except (ValueError, KeyError, TypeError) as error:
            return self.answer(HTTPStatus.BAD_REQUEST, {"error": f"not understood: {error}"})
        try:
            self.server.keep(letter)
        except DatabaseError:
            log.exception("An SMS could not be kept")
            return self.answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "try again later"})
        return self.answer(HTTPStatus.ACCEPTED, {"id": letter.key})

    def answer(self, status: HTTPStatus, said: dict[str, str]) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            connections.close_all()  # each call has its thread, each thread its own connection

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (their name)
        log.debug(format, *args)


def sms(said: dict[str, str], header: str) -> Letter:
    if header and header != said["key"]:
        raise ValueError("Idempotency-Key and key differ")
    return Letter(
        channel="sms",
        sender=said["from"],
        recipient=said["to"],
        text=said["text"],
        key=f"sms {said['key']}",
    )


class Phones(ThreadingHTTPServer):
    """The SMS gateway's server; closing it hangs up on senders that keep their connection."""

    daemon_threads = False  # each is waited for: it closes its connection to the database

    def __init__(self, port: int, keep: Keep, token: str) -> None:
        self.keep = keep
        self.token = token
        self.calls: set[socket.socket] = set()
        super().__init__((LOOPBACK, port), Gateway)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.calls.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.calls.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        for call in list(self.calls):
            with contextlib.suppress(OSError):
                call.shutdown(socket.SHUT_RDWR)
        super().server_close()


class Post(Controller):
    """The SMTP server in a thread of its own; port 0 lets the system choose, as everywhere."""

    def _trigger_server(self) -> None:
        # Its first caller is itself, which needs the real port.
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


class Mailbox:
    """Both peers, running from entry to exit."""

    def __init__(self, keep: Keep, *, token: str, smtp_port: int = 0, sms_port: int = 0) -> None:
        self.inboxes = Inboxes(keep)
        self.smtp = Post(self.inboxes, hostname=LOOPBACK, port=smtp_port)
        self.phones = Phones(sms_port, keep, token)

    def __enter__(self) -> "Mailbox":
        self.smtp.start()
        Thread(target=self.phones.serve_forever, name="sms", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.phones.shutdown()
        self.phones.server_close()
        self.smtp.stop()
        self.inboxes.close()

    @property
    def smtp_port(self) -> int:
        port: int = self.smtp.port
        return port

    @property
    def sms_url(self) -> str:
        return f"http://{LOOPBACK}:{self.phones.server_port}/messages"
