"""A message centre that speaks SMPP 3.4: it answers as told, forgets, reorders, hangs up.

python -m tests.peers.smsc PORT     one that takes everything, for benchmarks
"""

import asyncio
import sys
import threading
from collections import deque
from contextlib import contextmanager

from apps.messaging import gsm
from apps.messaging.channels.smpp.pdu import (
    Address,
    BrokenError,
    Command,
    Fields,
    Pdu,
    ShortMessage,
    Status,
    Tag,
    Units,
)

SILENT = object()  # an answer that never comes
HANG_UP = object()


class Centre:
    """Keeps what it takes in `messages`; what it answers first stands in `answers`."""

    def __init__(self, *, password="secret", receipts="", tls=None):
        self.password = password
        self.receipts = receipts  # the state to tell of each message that asks for it
        self.tls = tls
        self.answers = deque()  # statuses, SILENT or HANG_UP, before all is taken
        self.reversed_by = 1  # answers are given in groups of so many, the last first
        self.delay = 0.0  # seconds before a message is taken and answered
        self.answers_links = True
        self.is_hex = False
        self.messages = []
        self.count = 0  # of messages, by which they are called
        self.binds = []
        self.responses = []  # (command, status) of what it was answered
        self.sessions = []
        self.changed = threading.Condition()
        self.port = 0

    def start(self, port=0):
        self.loop = asyncio.new_event_loop()
        started = threading.Event()

        async def serve():
            self.server = await self.loop.create_server(
                lambda: Line(self), "127.0.0.1", port, ssl=self.tls
            )
            self.port = self.server.sockets[0].getsockname()[1]
            started.set()

        def run():
            self.loop.run_until_complete(serve())
            self.loop.run_forever()
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        started.wait()

    def stop(self):
        self.do(self.end)
        self.thread.join(10)

    def end(self):
        self.server.close()
        for line in self.sessions:
            line.transport.abort()
        self.loop.call_later(0.05, self.loop.stop)

    def do(self, act, *given):
        self.loop.call_soon_threadsafe(act, *given)

    def hang_up(self):
        """Break every line at once."""
        self.do(lambda: [line.transport.abort() for line in self.sessions])

    def bring(self, message):
        """Bring the client a message or receipt over the newest line."""
        self.do(lambda: self.sessions[-1].deliver(message))

    def write(self, text, sender="+79161234567", **options):
        """Let somebody write to us."""
        wide, content = gsm.whole(text)
        fields = {"data_coding": 8 if wide else 0, **options}
        digits = sender.removeprefix("+")
        self.bring(ShortMessage(Address(digits), Address("Tidings", 5, 0), content, **fields))

    def bring_bytes(self, raw):
        self.do(lambda: self.sessions[-1].transport.write(raw))

    def take(self, message):
        self.count += 1
        self.messages.append(message)

    def until(self, holds, seconds=30):
        """Wait until a condition holds that a message or a line may bring about."""
        with self.changed:
            assert self.changed.wait_for(holds, seconds)

    def note(self, act):
        with self.changed:
            act()
            self.changed.notify_all()


class Line(asyncio.Protocol):
    def __init__(self, centre):
        self.centre = centre
        self.units = Units()
        self.held = []
        self.number = 0

    def connection_made(self, transport):
        self.transport = transport
        self.centre.note(lambda: self.centre.sessions.append(self))

    def connection_lost(self, exc):
        self.centre.note(lambda: self.centre.sessions.remove(self))

    def data_received(self, data):
        try:
            for unit in self.units.feed(data):
                self.take(unit)
        except BrokenError:
            self.transport.abort()

    def take(self, unit):
        if unit.is_response:
            self.centre.note(lambda: self.centre.responses.append((unit.command, unit.status)))
        elif unit.command == Command.BIND_TRANSCEIVER:
            self.bind(unit)
        elif unit.command == Command.SUBMIT_SM:
            if self.centre.delay:
                self.centre.loop.call_later(self.centre.delay, self.submit, unit)
            else:
                self.submit(unit)
        elif unit.command == Command.ENQUIRE_LINK:
            if self.centre.answers_links:
                self.write(unit.response())
        elif unit.command == Command.UNBIND:
            self.write(unit.response())
            self.transport.close()

    def bind(self, unit):
        fields = Fields(unit.body)
        name, password = fields.text(), fields.text()
        self.centre.note(lambda: self.centre.binds.append(name))
        right = password == self.centre.password
        status = Status.OK if right else Status.WRONG_PASSWORD
        self.write(unit.response(status, b"SIM\0" if right else b""))

    def submit(self, unit):
        answer = self.centre.answers.popleft() if self.centre.answers else Status.OK
        if answer is HANG_UP:
            self.transport.abort()
            return
        message = ShortMessage.read(unit.body)
        if answer is SILENT or answer == Status.OK:
            self.centre.note(lambda: self.centre.take(message))
        if answer is SILENT:
            self.centre.unanswered = unit
            return
        number = self.centre.count
        if answer != Status.OK:
            self.answer(unit.response(answer))
            return
        provider_id = f"{number:x}" if self.centre.is_hex else f"m{number}"
        self.answer(unit.response(Status.OK, provider_id.encode() + b"\0"))
        if self.centre.receipts and message.registered_delivery:
            told = str(number) if self.centre.is_hex else provider_id
            self.deliver(receipt(message, told, self.centre.receipts))

    def answer(self, unit):
        self.held.append(unit)
        if len(self.held) >= self.centre.reversed_by:
            for held in reversed(self.held):
                self.write(held)
            self.held.clear()

    def deliver(self, message):
        self.number += 1
        self.write(Pdu(Command.DELIVER_SM, self.number, body=message.to_bytes()))

    def write(self, unit):
        self.transport.write(unit.to_bytes())


def receipt(message, provider_id, stat, *, code="000", **tags):
    """Return the receipt of a message as most centres write it."""
    text = (
        f"id:{provider_id} sub:001 dlvrd:001 submit date:2003021200 done date:2003021201 "
        f"stat:{stat} err:{code} text:"
    )
    return ShortMessage(
        message.destination,
        message.source,
        text.encode(),
        esm_class=4,
        tags={Tag[name]: value for name, value in tags.items()},
    )


@contextmanager
def centre(**options):
    running = Centre(**options)
    running.start()
    try:
        yield running
    finally:
        running.stop()


if __name__ == "__main__":
    forever = Centre(receipts="DELIVRD")
    forever.messages = deque(maxlen=1)
    forever.start(int(sys.argv[1]))
    print(forever.port, flush=True)
    forever.thread.join()
