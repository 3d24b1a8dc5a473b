"""The socket of a session: units out and in, in a thread of its own, checked while nothing comes."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread

from apps.messaging.channels.smpp import pdu
from apps.messaging.channels.smpp.pdu import Command, Pdu, Status, Units


@dataclass(frozen=True)
class Login:
    """Where a message centre is, how it knows us, and how long we wait for it (in seconds)."""

    host: str
    port: int
    name: str
    password: str
    system_type: str = ""
    tls: ssl.SSLContext | None = None
    patience: float = 10  # for a connection, a bind, an answer to "are you there?"
    silence: float = 30  # after which we ask


class DownError(Exception):
    """The message centre does not let us in; `status` is its own answer, if it gave one."""

    def __init__(self, status: int | None = None) -> None:
        super().__init__(status)
        self.status = status


class Link(asyncio.Protocol):
    """One connection, bound as a transceiver; what it hears goes to `hear`, its end is None.

    All reading and writing happens in the loop's thread: TLS does not bear two threads at once.
    """

    def __init__(self, login: Login, hear: Callable[[Pdu | None], None]) -> None:
        self.login = login
        self.hear = hear
        self.units = Units()
        self.loop = asyncio.new_event_loop()
        self.bound: asyncio.Future[Pdu] = self.loop.create_future()
        self.transport: asyncio.Transport | None = None
        self.heard_at = self.loop.time()
        self.asked_at: float | None = None
        self.is_up = False
        self.thread = Thread(target=self.run, name="smpp link", daemon=True)

    def open(self) -> None:
        """Connect and bind. Raises DownError."""
        self.thread.start()
        opening = asyncio.run_coroutine_threadsafe(self.bind(), self.loop)
        try:
            opening.result(3 * self.login.patience)
        except OSError as error:  # as those of TLS and of time are
            self.close()
            raise DownError from error
        except DownError:
            self.close()
            raise

    def run(self) -> None:
        self.loop.run_forever()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
            self.loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    async def bind(self) -> None:
        login = self.login
        async with asyncio.timeout(login.patience):
            await self.loop.create_connection(
                lambda: self,
                login.host,
                login.port,
                ssl=login.tls,
                server_hostname=login.host if login.tls else None,
            )
        body = pdu.bind(login.name, login.password, login.system_type)
        self.write(Pdu(Command.BIND_TRANSCEIVER, 1, body=body))
        async with asyncio.timeout(login.patience):
            answer = await self.bound
        if answer.status != Status.OK:
            raise DownError(answer.status)
        self.is_up = True
        self.watch()

    def send(self, unit: Pdu) -> None:
        """Write a unit from any thread; one that comes after the end is dropped."""
        try:
            self.loop.call_soon_threadsafe(self.write, unit)
        except RuntimeError:  # the loop is closed
            return

    def write(self, unit: Pdu) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(unit.to_bytes())

    def hold_back(self, *, hold: bool) -> None:
        """Read no more until what was read is kept."""
        if self.transport is not None and self.is_up:
            act = self.transport.pause_reading if hold else self.transport.resume_reading
            self.loop.call_soon_threadsafe(act)

    def close(self) -> None:
        """Take leave and end the thread."""
        if not self.thread.is_alive():
            if not self.loop.is_closed():
                self.loop.close()
            return
        if self.is_up:
            self.send(Pdu(Command.UNBIND, 2))
        self.loop.call_soon_threadsafe(self.end)
        self.thread.join(self.login.patience)

    def end(self) -> None:
        if self.transport is not None:
            self.transport.close()
        # The transport tells of its end in the loop's next round.
        self.loop.call_later(0.05, self.loop.stop)

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (a stream has no other)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard_at, self.asked_at = self.loop.time(), None
        try:
            for unit in self.units.feed(data):
                self.sort(unit)
        except pdu.BrokenError:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_up = False
        if not self.bound.done():
            self.bound.set_exception(exc or ConnectionResetError())
            self.bound.exception()  # nobody need ask for it
        self.hear(None)

    def sort(self, unit: Pdu) -> None:
        """Answer what only concerns the link; pass on the rest."""
        if not self.bound.done():
            if unit.is_response:
                self.bound.set_result(unit)
        elif unit.command == Command.ENQUIRE_LINK:
            self.write(unit.response())
        elif unit.command == Command.UNBIND:
            self.write(unit.response())
            self.end_politely()
        elif unit.is_response or unit.command == Command.DELIVER_SM:
            self.hear(unit)
        else:
            self.write(Pdu(Command.GENERIC_NACK, unit.sequence, Status.INVALID_COMMAND))

    def end_politely(self) -> None:
        self.is_up = False
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def watch(self) -> None:
        """Ask after a silence whether the other side lives; give it up when it does not answer."""
        if not self.is_up:
            return
        now, login = self.loop.time(), self.login
        if self.asked_at is not None and now - self.asked_at > login.patience:
            self.abort()
            return
        if self.asked_at is None and now - self.heard_at > login.silence:
            self.asked_at = now
            self.write(Pdu(Command.ENQUIRE_LINK, 3))
        self.loop.call_later(min(login.silence, login.patience) / 4, self.watch)
