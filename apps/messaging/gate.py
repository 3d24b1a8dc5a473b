"""The gate: may this client be told this, at this address, now? A verdict with its reason.

Asked when a message is planned and asked again when it is sent, since the answer may have changed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Refusal(StrEnum):
    SUPPRESSED = "suppressed"
    NO_CONSENT = "no consent"
    NO_ADDRESS = "no address"
    TOO_LATE = "too late"
    OUT_OF_DATE = "out of date"


@dataclass(frozen=True)
class Quiet:
    """The local hours in which a client is left alone, from one time up to another."""

    begins: time
    ends: time
    zone: ZoneInfo

    def holds(self, moment: datetime) -> bool:
        clock = moment.astimezone(self.zone).time()
        if self.begins < self.ends:
            return self.begins <= clock < self.ends
        return clock >= self.begins or clock < self.ends

    def next_end(self, moment: datetime) -> datetime:
        """Return when the quiet hours that hold now end, in UTC.

        A local time that the clock skips counts as much later as it skips (RFC 5545); one that it
        shows twice counts the first time that is still ahead. Should a day skip the only hours
        that are not quiet, the next day's count.
        """
        today = moment.astimezone(self.zone).date()
        ends = [
            datetime.combine(
                today + timedelta(days), self.ends, tzinfo=self.zone
            ).replace(fold=fold).astimezone(UTC)
            for days in (0, 1, 2)
            for fold in (0, 1)
        ]  # fmt: skip
        return min(end for end in ends if end > moment and not self.holds(end))


@dataclass(frozen=True)
class Wish:
    """All that counts for telling one client one thing at one address."""

    consented: bool
    reachable: bool
    quiet: Quiet
    up_to_date: bool = True  # nothing that it tells was corrected since
    suppressed: bool = False  # the address must not be written to, whatever was agreed or asked
    asked_for: bool = False  # the client waits for it: neither consent nor quiet hours matter
    deadline: datetime | None = None


@dataclass(frozen=True)
class Verdict:
    """Either a moment from which it may be sent, or why it may not."""

    send_at: datetime | None = None
    refusal: Refusal | None = None


def decide(wish: Wish, *, at: datetime) -> Verdict:
    """Say whether and from when; a moment that has come means now."""
    if not wish.up_to_date:
        return Verdict(refusal=Refusal.OUT_OF_DATE)
    if wish.suppressed:
        return Verdict(refusal=Refusal.SUPPRESSED)
    if not (wish.consented or wish.asked_for):
        return Verdict(refusal=Refusal.NO_CONSENT)
    if not wish.reachable:
        return Verdict(refusal=Refusal.NO_ADDRESS)
    waits = wish.quiet.holds(at) and not wish.asked_for
    send_at = wish.quiet.next_end(at) if waits else at
    if wish.deadline is not None and send_at > wish.deadline:
        return Verdict(refusal=Refusal.TOO_LATE)
    return Verdict(send_at=send_at)
