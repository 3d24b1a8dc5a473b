"""Real peers for messages, an SMS gateway and a mail server, and the words that were seeded."""

import json
from email import message_from_bytes
from email.policy import default
from socket import socket
from socketserver import StreamRequestHandler, TCPServer
from threading import Lock, Thread

import pytest
from aiosmtpd.controller import Controller
from werkzeug import Response


class SmsGateway:
    """Takes SMS over HTTP, as many senders at once as there are."""

    def __init__(self, server):
        self.requests = []
        self.answers = []  # status codes to give first, then 200
        self.on_request = None  # what happens before the answer is given
        self.lock = Lock()
        server.expect_request("/sms", method="POST").respond_with_handler(self.take)

    def take(self, request):
        with self.lock:
            self.requests.append(request)
            status = self.answers.pop(0) if self.answers else 200
            number = len(self.requests)
        if self.on_request:
            self.on_request()
        return Response(json.dumps({"id": f"sms-{number}"}), status)

    @property
    def texts(self):
        return [json.loads(request.data)["text"] for request in self.requests]

    @property
    def keys(self):
        return [request.headers["Idempotency-Key"] for request in self.requests]


class Inbox:
    """A mail server's handler that keeps what it is given."""

    def __init__(self):
        self.letters = []
        self.sessions = set()
        self.refusals = {}  # recipient, or ("DATA", recipient), or "MAIL" → answer

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        if "MAIL" in self.refusals:
            return self.refusals["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.sessions.add(session.peer)
        answer = self.refusals.get(("DATA", envelope.rcpt_tos[0]))
        if answer == "hang up":
            server.transport.abort()
        if answer:
            return answer
        self.letters.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"


class DroppingServer(TCPServer):
    """Reads a request to its end and hangs up without an answer."""

    count = 0

    @property
    def port(self):
        return self.server_address[1]

    class RequestHandlerClass(StreamRequestHandler):
        def handle(self):
            length = 0
            while (line := self.rfile.readline().strip()) != b"":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            self.rfile.read(length)
            self.server.count += 1


class MailServer(Controller):
    """A server on whatever port is free."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def gateway(httpserver, settings):
    settings.SMS_GATEWAY_URL = httpserver.url_for("/sms")
    settings.SMS_GATEWAY_TOKEN = "a test's token"
    return SmsGateway(httpserver)


@pytest.fixture
def inbox(settings):
    kept = Inbox()
    controller = MailServer(kept, hostname="127.0.0.1", port=0, ready_timeout=60)
    controller.start()
    settings.EMAIL_HOST, settings.EMAIL_PORT = controller.hostname, controller.port
    yield kept
    controller.stop()


@pytest.fixture
def dropping_server():
    with DroppingServer(("127.0.0.1", 0), DroppingServer.RequestHandlerClass) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def unused_tcp_port():
    """A port on which nobody listens, nor can begin to."""
    with socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
