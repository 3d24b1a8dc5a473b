"""A session with a message centre: letters go out through a window, what comes in is kept first.

A response to an incoming unit is given once `keep` has stored it: a centre repeats what nobody
answered, so a process that dies loses no receipt.
"""

import logging
import queue
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Thread
from uuid import UUID

from django.utils.translation import gettext as _

from apps.messaging.channels import Answer, Letter, Verdict
from apps.messaging.channels.smpp import pdu
from apps.messaging.channels.smpp.incoming import Incoming, Receipt, Style, read
from apps.messaging.channels.smpp.link import Link, Login
from apps.messaging.channels.smpp.outgoing import Shipment, ship
from apps.messaging.channels.smpp.pdu import Command, Pdu, Status

PATIENCE = 30.0  # seconds for the answer to a message
PAUSES = (0.1, 5.0)  # seconds without new messages after a "too fast"; doubled up to the second
RETRIES = 8  # of a later part, while the centre says "too fast"
KEPT_AT_ONCE = 500
MOST_WAITING = 5_000  # units to keep, above which nothing more is read
MOST_LATE = 10_000  # messages given up, whose answers may still come
FIRST = 16  # below are the numbers of the link's own units
LAST = 0x7FFF_FFFF

Keep = Callable[[Sequence[Incoming]], object]
log = logging.getLogger(__name__)


@dataclass
class Flight:
    """A unit under way."""

    shipment: Shipment
    until: float


@dataclass
class Session:
    """One bind. `send` belongs to one thread at a time; receiving goes on beside it."""

    login: Login
    style: Style
    keep: Keep
    window: int = 10
    patience: float = PATIENCE  # for the answer to a message
    leave: Callable[[], object] = bool  # what the thread that keeps does at its end
    flights: dict[int, Flight] = field(default_factory=dict)  # oldest first

    def __post_init__(self) -> None:
        self.heard: queue.SimpleQueue[Pdu | None] = queue.SimpleQueue()
        self.incoming: queue.SimpleQueue[Pdu | Receipt | None] = queue.SimpleQueue()
        self.late: dict[int, Shipment] = {}
        self.has_ended = self.is_held = False
        self.link = Link(self.login, self.hear)
        self.sequence = FIRST
        self.pause = 0.0
        self.paused_until = 0.0
        self.keeper = Thread(target=self.keep_all, name="smpp keeper", daemon=True)

    @property
    def is_up(self) -> bool:
        return self.link.is_up

    def open(self) -> None:
        """Connect and bind. Raises DownError."""
        self.link.open()
        self.keeper.start()

    def close(self) -> None:
        """Keep and answer what came, and take leave."""
        self.incoming.put(None)
        if self.keeper.ident is not None:
            self.keeper.join(self.login.patience)
        self.link.close()

    def hear(self, unit: Pdu | None) -> None:
        if unit is not None and unit.command == Command.DELIVER_SM:
            self.incoming.put(unit)
            if self.incoming.qsize() > MOST_WAITING and not self.is_held:
                self.is_held = True
                self.link.hold_back(hold=True)
        else:
            self.heard.put(unit)

    # Out.

    def send(self, letters: Iterable[Letter]) -> Iterator[tuple[UUID, Answer]]:
        """Hand letters over as the window allows; leave the rest when the line is down."""
        rest: Iterator[Letter] | None = iter(letters)
        while True:
            while rest is not None and self.may_take():
                letter = next(rest, None)
                if letter is None:
                    rest = None
                elif refusal := self.begin(letter):
                    yield letter.key, refusal
                if not self.heard.empty():
                    break
            if not self.is_up:
                rest = None
            if rest is None and not self.flights:
                return
            yield from self.settle(block=rest is None or not self.may_take())

    def may_take(self) -> bool:
        return (
            self.is_up
            and len(self.flights) < self.window
            and (not self.paused_until or time.monotonic() >= self.paused_until)
        )

    def begin(self, letter: Letter) -> Answer | None:
        """Send a letter's first part; a letter that cannot be written is refused."""
        try:
            shipment = ship(letter, self.style)
        except ValueError:
            return Answer(Verdict.NEVER, reason=_("The message or its number cannot be written."))
        self.submit(shipment)
        return None

    def submit(self, shipment: Shipment) -> None:
        self.sequence = self.sequence + 1 if self.sequence < LAST else FIRST
        self.flights[self.sequence] = Flight(shipment, time.monotonic() + self.patience)
        self.link.send(Pdu(Command.SUBMIT_SM, self.sequence, body=shipment.unit()))

    def settle(self, *, block: bool) -> Iterator[tuple[UUID, Answer]]:
        """Take what was heard; where nothing can be done meanwhile, wait for it."""
        try:
            unit = self.heard.get(timeout=self.wait()) if block else self.heard.get_nowait()
        except queue.Empty:
            yield from self.overdue()
            return
        if unit is None:
            self.has_ended = True
            return
        flight = self.flights.pop(unit.sequence, None)
        if flight is None:
            self.remember(unit)
            return
        answer = self.judge(flight.shipment, unit)
        if answer is not None:
            yield flight.shipment.key, answer

    def wait(self) -> float:
        """Return for how many seconds nothing is due."""
        if self.has_ended:
            return 0.0
        moments = [flight.until for flight in self.flights.values()][:1]
        if self.paused_until:
            moments.append(self.paused_until)
        return min(1.0, max(0.0, min(moments, default=0.0) - time.monotonic()))

    def judge(self, shipment: Shipment, unit: Pdu) -> Answer | None:
        """Read an answer; None while there is more to send."""
        if unit.status == Status.OK and unit.command != Command.GENERIC_NACK:
            self.pause = self.paused_until = 0.0
            shipment.taken += 1
            if shipment.taken < len(shipment.parts):
                self.submit(shipment)
                return None
            provider_id = self.style.answered_id(pdu.read_id(unit.body))
            return Answer(Verdict.SENT, provider_id=provider_id, parts=len(shipment.parts))
        if unit.status in self.style.too_fast:
            self.slow_down()
            if shipment.taken and shipment.retries < RETRIES:
                shipment.retries += 1
                time.sleep(self.pause)
                self.submit(shipment)
                return None
        return refusal(shipment, unit.status, self.style)

    def slow_down(self) -> None:
        least, most = PAUSES
        self.pause = min(most, max(least, self.pause * 2))
        self.paused_until = time.monotonic() + self.pause

    def overdue(self) -> Iterator[tuple[UUID, Answer]]:
        """Give up what was not answered in time, or never will be since the line broke."""
        now = time.monotonic()
        while number := next(iter(self.flights), 0):
            if self.flights[number].until > now and not self.has_ended:
                return
            shipment = self.flights.pop(number).shipment
            if len(self.late) < MOST_LATE:
                self.late[number] = shipment
            yield shipment.key, no_answer()

    def remember(self, unit: Pdu) -> None:
        """Take the answer to a message that was given up for a receipt."""
        shipment = self.late.pop(unit.sequence, None)
        if shipment is None or unit.status != Status.OK:
            return
        if shipment.taken + 1 == len(shipment.parts):
            provider_id = self.style.answered_id(pdu.read_id(unit.body))
            self.incoming.put(Receipt(provider_id, "ACCEPTD", key=shipment.key))

    # In.

    def keep_all(self) -> None:
        """Store what comes, many at once, and answer it."""
        ended = False
        while not ended:
            units = [self.incoming.get()]
            while len(units) < KEPT_AT_ONCE and not self.incoming.empty():
                units.append(self.incoming.get())
            ended = None in units
            self.keep_some([unit for unit in units if unit is not None])
            if self.is_held and self.incoming.qsize() < MOST_WAITING:
                self.is_held = False
                self.link.hold_back(hold=False)
        self.leave()

    def keep_some(self, units: Sequence[Pdu | Receipt]) -> None:
        found: list[tuple[Pdu | Receipt, Incoming]] = []
        for unit in units:
            try:
                found.append((unit, self.understand(unit)))
            except pdu.BrokenError:
                log.warning("A message centre brought what cannot be read")
                self.respond(unit, Status.NEVER)
        if found:
            self.keep_together(found)

    def keep_together(self, found: Sequence[tuple[Pdu | Receipt, Incoming]]) -> None:
        """Keep what was understood; one that cannot be kept holds up none of the others."""
        try:
            self.keep([incoming for _unit, incoming in found])
        except Exception:
            log.exception("What a message centre brought could not be kept")
            if len(found) > 1:
                for each in found:
                    self.keep_together([each])
                return
            status = Status.TRY_LATER
        else:
            status = Status.OK
        for unit, _incoming in found:
            self.respond(unit, status)

    def understand(self, unit: Pdu | Receipt) -> Incoming:
        return unit if isinstance(unit, Receipt) else read(unit.body, self.style)

    def respond(self, unit: Pdu | Receipt, status: Status) -> None:
        if isinstance(unit, Pdu):
            self.link.send(unit.response(status, b"\0"))


def no_answer() -> Answer:
    reason = _("The message centre took the message and did not answer.")
    return Answer(Verdict.UNKNOWN, reason=reason)


def refusal(shipment: Shipment, status: int, style: Style) -> Answer:
    """Say what a refused part means for its message."""
    lasting = status in style.never
    said = {"status": f"0x{status:08X}", "part": shipment.taken + 1, "parts": len(shipment.parts)}
    if not shipment.taken:
        reason = _("The message centre answered %(status)s.") % said
        return Answer(Verdict.NEVER if lasting else Verdict.AGAIN, reason=reason)
    reason = _("The message centre answered part %(part)s of %(parts)s with %(status)s.") % said
    return Answer(Verdict.NEVER if lasting else Verdict.UNKNOWN, reason=reason)
