"""What comes back by mail: bounces (RFC 3464), complaints (RFC 5965), and what is neither.

Anybody may write to the address that bounces come to. A letter counts only if it names one of ours
by its key, which stands in the address that we gave as its sender, or in the letter that it returns.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes, message_from_string
from email.message import Message
from enum import StrEnum
from uuid import UUID

LARGEST = 262_144  # bytes that are looked at: reports stand before the letter that they return
MOST_PARTS = 40
DEEPEST = 30  # bodies inside each other; the reader calls itself for each

# In the sender that we gave, bounce+<key>@…, and in our Message-ID, <key@…>.
VERP = re.compile(r"\+([0-9a-f]{32})@", re.IGNORECASE)
MESSAGE_ID = re.compile(r"<([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@", re.IGNORECASE)
ADDRESSED = ("To", "Delivered-To", "X-Original-To", "Envelope-To")
NESTED = re.compile(rb"multipart/|message/rfc822", re.IGNORECASE)
STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
MAILER = re.compile(r"mailer-daemon|postmaster", re.IGNORECASE)

# The address itself is no good (RFC 3463): other failures for good are the letter's, the sender's
# name's or the mailbox's of today, and a later letter may arrive.
NO_ADDRESS = re.compile(r"5\.(1\.(0|1|2|3|6|10)|2\.1|4\.4)$")


class Fate(StrEnum):
    HARD = "hard"  # the address takes no letter, ever
    SOFT = "soft"  # this letter did not arrive
    DELIVERED = "delivered"
    WAITING = "waiting"  # it is still under way
    COMPLAINT = "complaint"
    OTHER = "other"  # nothing that concerns us


@dataclass(frozen=True)
class Returned:
    """What a letter says of one of ours."""

    fate: Fate
    key: UUID | None = None
    status: str = ""  # as in 5.1.1


def read(raw: bytes) -> Returned:
    """Read a letter, whatever it is; one that cannot be read concerns us not."""
    raw = raw[:LARGEST]
    if len(NESTED.findall(raw)) > DEEPEST:
        return Returned(Fate.OTHER)
    try:
        mail = message_from_bytes(raw)
        found = list(parts(mail))
        fate, status = judge(mail, found)
        return Returned(fate, key_of(mail, found), status)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # Python's mail package on what was made to break it.
        return Returned(Fate.OTHER)


def parts(mail: Message) -> Iterator[Message]:
    for number, part in enumerate(mail.walk()):
        if number >= MOST_PARTS:
            return
        yield part


def judge(mail: Message, found: list[Message]) -> tuple[Fate, str]:
    for part in found:
        match part.get_content_type():
            case "message/feedback-report":
                return complaint(fields(part))
            case "message/delivery-status":
                return report(part)
    return unwritten(mail, found)


def complaint(said: Message) -> tuple[Fate, str]:
    kind = str(said.get("Feedback-Type", "")).strip().lower()
    return (Fate.OTHER if kind == "not-spam" else Fate.COMPLAINT), ""


def report(part: Message) -> tuple[Fate, str]:
    """Read a delivery status: a letter of ours has one recipient."""
    blocks = part.get_payload()
    for block in blocks if isinstance(blocks, list) else [fields(part)]:
        if not isinstance(block, Message):
            continue
        action = str(block.get("Action", "")).strip().lower()
        status = status_in(str(block.get("Status", "")))
        if action == "failed":
            return weighed(status), status
        if action == "delivered":
            return Fate.DELIVERED, status
    return Fate.WAITING, ""  # delayed, relayed, expanded


def unwritten(mail: Message, found: list[Message]) -> tuple[Fate, str]:
    """Read a bounce of a server that knows no delivery status; people's own answers are none."""
    automatic = str(mail.get("Auto-Submitted", "no")).lower().startswith("auto-replied")
    empty = str(mail.get("Return-Path", "")).strip() == "<>"
    if automatic or not (empty or MAILER.search(str(mail.get("From", "")))):
        return Fate.OTHER, ""
    for part in found:
        if part.get_content_type() == "text/plain" and (status := status_in(text(part))):
            return weighed(status), status
    return Fate.SOFT, ""


def weighed(status: str) -> Fate:
    return Fate.HARD if NO_ADDRESS.match(status) else Fate.SOFT


def status_in(said: str) -> str:
    found = STATUS.search(said)
    return found[0] if found and found[1] != "2" else ""


def key_of(mail: Message, found: list[Message]) -> UUID | None:
    """Find which of our letters this is about: by whom it is addressed to, else by what it returns."""
    senders = [value for name in ADDRESSED for value in mail.get_all(name, [])]
    ids = [*mail.get_all("References", []), *mail.get_all("In-Reply-To", [])]
    for part in reversed(found[1:]):
        match part.get_content_type():
            case "text/rfc822-headers":
                ids[:0] = message_from_string(text(part)).get_all("Message-ID", [])
            case "message/feedback-report":
                senders += fields(part).get_all("Original-Mail-From", [])
        ids[:0] = part.get_all("Message-ID", [])
    return first(VERP, senders) or first(MESSAGE_ID, ids)


def first(pattern: re.Pattern[str], said: Sequence[object]) -> UUID | None:
    for value in said:
        if found := pattern.search(str(value)):
            return UUID(found[1])
    return None


def fields(part: Message) -> Message:
    """Return the fields that a report consists of."""
    inside = part.get_payload()
    if isinstance(inside, list):
        inside = inside[0] if inside else ""
    return inside if isinstance(inside, Message) else message_from_string(str(inside).lstrip())


def text(part: Message) -> str:
    read = part.get_payload(decode=True)
    return read.decode("utf-8", errors="replace") if isinstance(read, bytes) else ""
