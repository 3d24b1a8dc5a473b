"""A mail server that takes commands by groups, answers letters late, and notes when it took each."""

import asyncio
import threading
import time
from collections import deque
from contextlib import contextmanager


class Sink:
    """Keeps (moment, recipient) of every letter in `taken`; a moment is of the monotonic clock.

    `refusals` holds what it says instead, by (command, recipient); None is to hang up.
    """

    def __init__(self, *, delay=0.0, pause=0.0):
        self.delay = delay  # seconds before a letter is answered
        self.pause = pause  # seconds that any other command takes, one after the other
        self.refusals = {}
        self.taken = []
        self.lines = set()
        self.loop = asyncio.new_event_loop()

    def run(self, started):
        async def serve():
            server = await self.loop.create_server(lambda: Line(self), "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            started.set()
            return server

        server = self.loop.run_until_complete(serve())
        self.loop.run_forever()
        server.close()
        for line in self.lines:
            line.transport.abort()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()


class Line(asyncio.Protocol):
    def __init__(self, sink):
        self.sink = sink
        self.rest = b""
        self.is_letter = False
        self.recipient = ""
        self.asked = deque()

    def connection_made(self, transport):
        self.transport = transport
        self.sink.lines.add(self)
        self.say("220 ready")

    def connection_lost(self, exc):
        self.sink.lines.discard(self)

    def say(self, *lines):
        if not self.transport.is_closing():
            self.transport.write("".join(f"{line}\r\n" for line in lines).encode())

    def after(self, seconds, act, *args):
        """Act when what was asked before is done, and some seconds later.

        One after the other: timers of one moment go off in any order.
        """
        self.asked.append((seconds, act, args))
        if len(self.asked) == 1:
            self.begin()

    def begin(self):
        seconds, _act, _args = self.asked[0]
        if seconds:
            self.sink.loop.call_later(seconds, self.do)
        else:
            self.do()

    def do(self):
        _seconds, act, args = self.asked[0]
        act(*args)
        self.asked.popleft()
        if self.asked:
            self.begin()

    def data_received(self, data):
        *lines, self.rest = (self.rest + data).split(b"\r\n")
        for line in lines:
            self.hear(line)

    def hear(self, line):
        if self.is_letter:
            if line == b".":
                self.is_letter = False
                self.after(self.sink.delay, self.take, self.recipient)
            return
        verb = line[:4].decode().upper()
        if verb == "EHLO":
            self.say("250-here", "250 PIPELINING")
        elif verb == "QUIT":
            self.say("221 bye")
            self.transport.close()
        else:
            if verb == "RCPT":
                self.recipient = line.partition(b"<")[2].partition(b">")[0].decode()
            usual = "354 go ahead" if verb == "DATA" else "250 fine"
            said = self.sink.refusals.get((verb, self.recipient), usual)
            self.is_letter = said.startswith("354")
            if verb == "RCPT" and said != usual:
                self.recipient = ""
            self.after(self.sink.pause, self.say, said)

    def take(self, recipient):
        """Answer that the letter is accepted; it counts from now on."""
        usual = "250 taken" if recipient else "554 to nobody"
        said = self.sink.refusals.get((".", recipient), usual)
        if said is None:
            self.transport.close()
            return
        if said.startswith("250"):
            self.sink.taken.append((time.monotonic(), recipient))
        self.say(said)


@contextmanager
def sink(**options):
    running, started = Sink(**options), threading.Event()
    thread = threading.Thread(target=running.run, args=[started], daemon=True)
    thread.start()
    assert started.wait(30)
    try:
        yield running
    finally:
        running.loop.call_soon_threadsafe(running.loop.stop)
        thread.join(30)
