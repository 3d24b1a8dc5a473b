"""Talking to the outside services that carry messages: one module each, no database.

A channel takes letters one after another over one connection, gives the provider each letter's
key, and answers for each what became of it. Reasons are stored and read by marketers: they hold no
address and no text of a letter.
"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Verdict(StrEnum):
    SENT = "sent"
    NEVER = "never"  # the provider refuses this letter for good
    AGAIN = "again"  # the provider certainly has not taken it, and may later
    UNKNOWN = "unknown"  # the provider may have taken it: its answer never came


@dataclass(frozen=True)
class Answer:
    """What became of one letter; a refusal has a reason."""

    verdict: Verdict
    provider_id: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture that a letter shows: its HTML names it by `cid:` and this name."""

    cid: str
    content: bytes
    kind: str = "image/png"


@dataclass(frozen=True)
class Letter:
    """One message as it goes out: what the client reads, and under which key."""

    key: UUID
    to: str
    text: str
    subject: str = ""
    html: str = ""
    may_unsubscribe: bool = False
    pictures: tuple[Picture, ...] = ()  # shared by all letters that show them
