"""Talking to the outside services that carry messages: one module each, no database.

A module is a kind of provider. Its `connect(account)` opens a carrier for a batch of letters and
closes it again. The carrier is given an iterator and yields for every letter that it took from it
one answer, in any order, so it may keep a window or several connections busy. It takes a letter
only when it can write it to the service at once: what was taken counts as handed over, what it
leaves in the iterator certainly has not left. Reasons are stored and read by marketers: they hold
no address and no text of a letter.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from importlib import import_module
from typing import Any, Protocol, cast
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from apps.core.recipients import may_be_written_to


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
    parts: int | None = None  # as which the provider says it charges
    wait: timedelta | None = None  # how long the provider wants to be left alone
    gone: bool = False  # nobody is reached at this address any more


@dataclass(frozen=True)
class Picture:
    """A picture that a letter shows: its HTML names it by `cid:` and this name."""

    cid: str
    content: bytes
    kind: str = "image/png"


@dataclass(frozen=True)
class Case:
    """What a carrier inside the house knows besides: whom a letter is for, and how urgent it is."""

    message: int
    client: int
    contact_point: int
    about: str  # like strategy:5
    purpose: str
    title: str
    priority: int
    at: datetime  # at which it was written
    deadline: datetime | None = None


@dataclass(frozen=True)
class Letter:
    """One message as it goes out: what the client reads, and under which key."""

    key: UUID
    to: str
    text: str
    subject: str = ""
    html: str = ""
    may_unsubscribe: bool = False
    language: str = ""
    link: str = ""  # the personal one, where the channel shows it apart from the text
    tag: str = ""  # shared by what goes to several devices: one that gets two shows one
    pictures: tuple[Picture, ...] = ()  # shared by all letters that show them
    is_test: bool = False  # to our own people: no receipt is asked for
    case: Case | None = None  # for what never leaves the house


@dataclass(frozen=True)
class Account:
    """A provider as its carrier knows it."""

    name: str
    sender: str = ""  # empty: that of the settings
    options: Mapping[str, Any] = field(default_factory=dict)
    secret: str = ""
    window: int = 1  # letters or connections under way at once, as the kind can


def any_time(_letter: Letter) -> bool:
    return True


class Letters:
    """Letters to be taken, and the last word on each of them.

    A carrier that needs several steps for a letter asks right before the last one whether it
    `may_leave`: something may have changed since it was taken. One that may not has not left, and
    gets no answer.
    """

    def __init__(
        self, letters: Iterable[Letter], may_leave: Callable[[Letter], bool] = any_time
    ) -> None:
        self.letters, self.may_leave = letters, may_leave

    def __iter__(self) -> Iterator[Letter]:
        return iter(self.letters)


class Carrier(Protocol):
    def send(self, letters: Iterable[Letter]) -> Iterator[tuple[UUID, Answer]]:
        """Hand letters over; answer for each that was taken from the iterator."""
        ...


class Asked(Protocol):
    """A carrier whose provider can be asked what it has taken."""

    def look_up(self, keys: Sequence[UUID]) -> Iterator[tuple[UUID, Answer | None]]:
        """Yield what became of letters; None for one that never came, nothing when nobody knows."""
        ...


class Module(Protocol):
    def connect(self, account: Account) -> AbstractContextManager[Carrier]: ...


# By the kind of a provider; imported when first needed, since few installations need all.
REGISTRY = {
    "anymail": "apps.messaging.channels.anymail",
    "call": "apps.messaging.channels.call",
    "fcm": "apps.messaging.channels.fcm",
    "in_app": "apps.messaging.channels.in_app",
    "smtp": "apps.messaging.channels.email",
    "sms_http": "apps.messaging.channels.sms",
    "telegram": "apps.messaging.channels.telegram",
    "viber": "apps.messaging.channels.viber",
    "web_push": "apps.messaging.channels.web_push",
    "whatsapp": "apps.messaging.channels.whatsapp",
    "smpp": "apps.messaging.channels.smpp",
}
# Kinds with a process of their own that keeps one standing connection: the ticks leave them alone.
STANDING = frozenset({"smpp"})


@contextmanager
def connect(kind: str, account: Account) -> Iterator[Carrier]:
    """Open a carrier of a kind; outside production it writes to the test list alone.

    Raises KeyError for a kind that nobody knows.
    """
    with cast(Module, import_module(REGISTRY[kind])).connect(account) as carrier:
        yield carrier if settings.LIVE or "*" in settings.TEST_RECIPIENTS else Fenced(carrier)


class Fenced:
    """A carrier that takes letters for the test list alone and refuses all others for good."""

    def __init__(self, carrier: Carrier) -> None:
        self.carrier = carrier

    def send(self, letters: Iterable[Letter]) -> Iterator[tuple[UUID, Answer]]:
        refused: deque[UUID] = deque()

        def allowed() -> Iterator[Letter]:
            for letter in letters:
                if may_be_written_to(letter.to):
                    yield letter
                else:
                    refused.append(letter.key)

        may_leave = letters.may_leave if isinstance(letters, Letters) else any_time
        for answered in self.carrier.send(Letters(allowed(), may_leave)):
            yield from kept_back(refused)
            yield answered
        yield from kept_back(refused)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.carrier, name)  # a provider may be asked wherever it is


def kept_back(keys: deque[UUID]) -> Iterator[tuple[UUID, Answer]]:
    while keys:
        reason = _(
            "Not sent: outside production only the addresses of the test list are written to."
        )
        yield keys.popleft(), Answer(Verdict.NEVER, reason=reason)
