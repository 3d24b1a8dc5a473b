"""The demo's clients and policies: fictional, marked as such, and the same on every machine.

Nothing is drawn by chance: habits follow from a client's number by cycles of different lengths, so
that every combination occurs. Addresses cannot belong to anybody: example.com is reserved, and so
are the phone numbers (Ofcom's 07700 900000–900999; 555-0100 to 0199 in North America).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import NamedTuple

from apps.demo.world.strategies import STRATEGIES, TermSheet

CLIENTS = 200
FOUNDING = 15  # the first of them came for the strategy of 2004
WITHDRAWAL_ON = date(2012, 10, 8)
OLDEST, *YOUNGER = STRATEGIES


class Home(NamedTuple):
    """Where a client lives, as far as is known, and which language he reads."""

    time_zone: str
    language: str
    dials: str  # reserved range: all of a number but its last three digits


UK, WASHINGTON, LOS_ANGELES = "+447700900", "+1202555", "+1213555"
HOMES = (
    Home("Europe/London", "en", UK),
    Home("Europe/Moscow", "ru", UK),
    Home("America/New_York", "en", WASHINGTON),
    Home("Asia/Yekaterinburg", "ru", UK),
    Home("", "ru", UK),
    Home("Europe/Berlin", "en", UK),
    Home("Asia/Vladivostok", "ru", UK),
    Home("America/Los_Angeles", "en", LOS_ANGELES),
    Home("", "en", UK),
)
SMS, EMAIL = ("service", "sms"), ("service", "email")
DIGEST = ("digest", "email")
HABITS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("sms", (SMS, EMAIL, DIGEST)),
    ("email", (EMAIL, DIGEST)),
    ("sms", (SMS,)),
    ("email", (SMS, EMAIL, DIGEST)),
    ("", (SMS, EMAIL)),
)
QUIET = ((time(21), time(9)), (time(22), time(8)), (time(21), time(9)), (time(8), time(17)))
NAMES = {"en": ("Client", "(fictional)"), "ru": ("Клиент", "(вымышленный)")}
STEP = 1000  # the nominals' grain: one note


@dataclass(frozen=True)
class Person:
    """One fictional client."""

    number: int
    since: date
    home: Home
    preferred_channel: str
    consents: tuple[tuple[str, str], ...]
    withdraws: bool
    quiet_from: time
    quiet_until: time

    @property
    def core_id(self) -> str:
        return f"DEMO-{self.number:04d}"

    @property
    def first_name(self) -> str:
        return f"{NAMES[self.home.language][0]} {self.number:03d}"

    @property
    def last_name(self) -> str:
        return NAMES[self.home.language][1]

    @property
    def phone(self) -> str:
        # North America reserves 100 numbers an area code, Britain 1,000.
        last = 100 + self.number % 100 if self.home.dials != UK else self.number
        return f"{self.home.dials}{'0' if self.home.dials != UK else ''}{last:03d}"

    @property
    def email(self) -> str:
        return f"client{self.number:03d}@example.com"

    @property
    def birth_on(self) -> date:
        return date(1940 + self.number * 7 % 50, 1 + self.number % 12, 1 + self.number % 28)


@dataclass(frozen=True)
class Contract:
    """One fictional policy; its nominal in whole units of the strategy's currency."""

    number: str
    person: Person
    sheet: TermSheet
    nominal: int


def people() -> list[Person]:
    return [person(number) for number in range(1, CLIENTS + 1)]


def person(number: int) -> Person:
    channel, consents = HABITS[number % len(HABITS)]
    quiet_from, quiet_until = QUIET[number // 3 % len(QUIET)]
    return Person(
        number=number,
        since=(OLDEST if number <= FOUNDING else YOUNGER[0]).struck_on,
        home=HOMES[number % len(HOMES)],
        preferred_channel=channel,
        consents=() if number % 13 == 0 else consents,
        withdraws=number % 19 == 0,
        quiet_from=quiet_from,
        quiet_until=quiet_until,
    )


def contracts(persons: Sequence[Person]) -> list[Contract]:
    """Give everybody a policy, some a second one of the same strategy, some another strategy."""
    return [
        Contract(
            number=f"{person.core_id}-{tranche}",
            person=person,
            sheet=sheet,
            nominal=STEP * (1 + (person.number * 7 + tranche * 11) % 60),
        )
        for person in persons
        for tranche, sheet in enumerate(holdings(person), 1)
    ]


def holdings(person: Person) -> Iterator[TermSheet]:
    if person.number <= FOUNDING:
        yield OLDEST
    own = YOUNGER[person.number % len(YOUNGER)]
    yield own
    if person.number % 10 == 5:
        yield own
    if person.number % 4 == 2:
        yield YOUNGER[(person.number + 3) % len(YOUNGER)]
