"""The gate: may this client be told this, in this channel, now? A verdict with its reason.

Asked when a message is planned, by SQL for whole batches, and asked again for each message when it
is sent, since the answer may have changed. Both decide alike: what is written here is the rule.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

NEVER_OPEN = timedelta(days=3)  # no hour is day in all his zones, if none was for so long
LOTS = 10_000  # a hold-out group is as fine as a hundredth of a percent


class Refusal(StrEnum):
    """Why not, in the order in which it is asked."""

    STOPPED = "stopped"
    NO_CONSENT = "no_consent"
    SUPPRESSED = "suppressed"
    OUT_OF_DATE = "out_of_date"
    HELD = "held"
    TOO_LATE = "too_late"
    HELD_OUT = "held_out"
    DAY_TAKEN = "day_taken"
    TOO_OFTEN = "too_often"
    QUIET = "quiet"
    CLOSED = "closed"
    NO_ADDRESS = "no_address"
    NO_WORDING = "no_wording"
    # What befalls a message afterwards: one that counts more took its day.
    DISPLACED = "displaced"


# These pass: he may be told later, when a stop is released, a price is confirmed or a provider is
# open again. So long it is left alone before it is asked again.
PATIENCE = {
    Refusal.STOPPED: timedelta(minutes=5),
    Refusal.HELD: timedelta(hours=1),
    Refusal.CLOSED: timedelta(minutes=5),
}


@dataclass(frozen=True)
class Quiet:
    """The local hours in which a client is left alone, from one time up to another.

    Where nobody knows in which zone of his country he lives, the others stand in `beside`: it must
    be day in all of them. His calendar is that of the first.
    """

    begins: time
    ends: time
    zone: ZoneInfo
    beside: tuple[ZoneInfo, ...] = ()

    def holds(self, moment: datetime) -> bool:
        return any(self._holds(moment, zone) for zone in (self.zone, *self.beside))

    def opens(self, moment: datetime) -> datetime | None:
        """Return from when it is not quiet, in UTC; None where it always is in some zone."""
        latest = moment + NEVER_OPEN
        while moment <= latest:
            zones = [zone for zone in (self.zone, *self.beside) if self._holds(moment, zone)]
            if not zones:
                return moment
            moment = max(self._next_end(moment, zone) for zone in zones)
        return None

    def day(self, moment: datetime) -> date:
        """Return the day that the client's calendar shows."""
        return moment.astimezone(self.zone).date()

    def _holds(self, moment: datetime, zone: ZoneInfo) -> bool:
        clock = moment.astimezone(zone).time()
        if self.begins < self.ends:
            return self.begins <= clock < self.ends
        return clock >= self.begins or clock < self.ends

    def _next_end(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """Return when the quiet hours that hold now end in a zone, in UTC.

        A local time that the clock skips counts as much later as it skips (RFC 5545); one that it
        shows twice counts the first time that is still ahead. Should a day skip the only hours
        that are not quiet, the next day's count.
        """
        today = moment.astimezone(zone).date()
        ends = [
            datetime.combine(today + timedelta(days), self.ends, tzinfo=zone)
            .replace(fold=fold)
            .astimezone(UTC)
            for days in (0, 1, 2)
            for fold in (0, 1)
        ]
        return min(end for end in ends if end > moment and not self._holds(end, zone))


@dataclass(frozen=True)
class Rival:
    """Another offer to the same client; one that has not left may have to make way."""

    notice: int
    day: date
    priority: int
    is_movable: bool


@dataclass(frozen=True)
class Limit:
    """So many offers in so many days of the client's calendar in a row."""

    offers: int
    days: int


@dataclass(frozen=True)
class Frequency:
    """What one offer competes with: one a day, and no more than the limits allow."""

    priority: int
    rivals: tuple[Rival, ...] = ()
    limits: tuple[Limit, ...] = ()

    def rival(self, day: date) -> Rival | None:
        return next((rival for rival in self.rivals if rival.day == day), None)

    def refusal(self, day: date) -> Refusal | None:
        rival = self.rival(day)
        if rival and not (rival.is_movable and rival.priority < self.priority):
            return Refusal.DAY_TAKEN
        for limit in self.limits:
            begins = day - timedelta(days=limit.days)
            if sum(begins < other.day < day for other in self.rivals) >= limit.offers:
                return Refusal.TOO_OFTEN
        return None


@dataclass(frozen=True)
class Wish:
    """All that counts for telling one client one thing at one address."""

    consented: bool
    reachable: bool
    quiet: Quiet
    stopped: bool = False  # by the kill switch, at all or in this channel
    suppressed: bool = False  # the address must not be written to, whatever was agreed or asked
    up_to_date: bool = True  # nothing that it tells was corrected since
    held: bool = False  # a price that it rests on waits for a second person
    deadline: datetime | None = None
    hold_out: str = ""  # the group that is not told
    frequency: Frequency | None = None  # of an offer; service and security are free of it
    closed: bool = False  # the provider that reaches this address is, while the channel has others
    worded: bool = True  # something is published that could be said
    # He waits for it or must know: neither consent, group nor quiet hours matter.
    urgent: bool = False


@dataclass(frozen=True)
class Verdict:
    """A moment from which it may be sent, or why not; or not yet, and when to ask again."""

    send_at: datetime | None = None
    refusal: Refusal | None = None
    ask_after: datetime | None = None


def decide(wish: Wish, *, at: datetime) -> Verdict:
    """Say whether and from when; a moment that has come means now."""
    send_at = at if wish.urgent else wish.quiet.opens(at)
    objections = _objections(wish, at, send_at)
    refusal = next((refusal for refusal, holds in objections if holds), None)
    if refusal in PATIENCE and _is_late(wish, at):
        refusal = Refusal.TOO_LATE
    if refusal is None:
        return Verdict(send_at=send_at)
    patience = PATIENCE.get(refusal)
    return Verdict(refusal=refusal, ask_after=at + patience if patience else None)


def may_stay(wish: Wish, *, at: datetime) -> bool:
    """Say whether what has been sent may still be shown to its reader, who comes to it by himself.

    Neither the hour nor other offers matter any more.
    """
    return not any(holds for _refusal, holds in _objections(replace(wish, frequency=None), at, at))


def _objections(
    wish: Wish, at: datetime, send_at: datetime | None
) -> tuple[tuple[Refusal, bool], ...]:
    rivalry = None
    if wish.frequency and send_at:
        rivalry = wish.frequency.refusal(wish.quiet.day(send_at))
    return (
        (Refusal.STOPPED, wish.stopped),
        (Refusal.NO_CONSENT, not (wish.consented or wish.urgent)),
        (Refusal.SUPPRESSED, wish.suppressed),
        (Refusal.OUT_OF_DATE, not wish.up_to_date),
        (Refusal.HELD, wish.held),
        (Refusal.TOO_LATE, _is_late(wish, send_at or at)),
        (Refusal.HELD_OUT, bool(wish.hold_out) and not wish.urgent),
        (Refusal.DAY_TAKEN, rivalry == Refusal.DAY_TAKEN),
        (Refusal.TOO_OFTEN, rivalry == Refusal.TOO_OFTEN),
        (Refusal.QUIET, send_at is None),
        (Refusal.CLOSED, wish.closed),
        (Refusal.NO_ADDRESS, not wish.reachable),
        (Refusal.NO_WORDING, not wish.worded),
    )


def _is_late(wish: Wish, moment: datetime) -> bool:
    return wish.deadline is not None and moment > wish.deadline


def lot(group: int, client: int) -> int:
    """Draw a client's lot for a hold-out group, 0 … LOTS - 1: always the same, and by SQL too."""
    digest = hashlib.md5(f"{group}:{client}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:8], 16) % LOTS
