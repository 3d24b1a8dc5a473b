"""What happens when in the demo's past: which files arrive, and where its present begins."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import count

from apps.demo.world import belongings, closes, files, people
from apps.demo.world.files import File
from apps.demo.world.strategies import STRATEGIES

# The afternoon before an observation, with eight more days of real closes still to come.
PRESENT = datetime(2013, 2, 20, 14, tzinfo=UTC)
DAWN = datetime(2004, 8, 1, tzinfo=UTC)  # before anything
# Closes are fed while a strategy lives: of the years between, no page shows anything.
FED = ((date(2004, 8, 31), date(2006, 8, 31)), (date(2012, 1, 3), date(2013, 3, 1)))


@dataclass(frozen=True)
class Step:
    """One evening: the files that arrive then."""

    at: datetime
    files: tuple[File, ...]


def past() -> list[Step]:
    """Return the evenings on which something happens, up to the present.

    Files are numbered in the order in which they arrive.
    """
    evenings = sorted(day for day in eventful_days() if day < PRESENT.date())
    arriving: dict[date, list[File]] = defaultdict(list)
    arriving[evenings[0]] += [files.underlyings(), files.trading_days(), files.splits()]
    persons = people.people()
    for day in sorted({person.since for person in persons}):
        arriving[day].append(files.clients([one for one in persons if one.since == day], day))
    arriving[people.WITHDRAWAL_ON].append(files.withdrawals(persons))
    contracts = people.contracts(persons)
    for sheet in STRATEGIES:
        held = [one for one in contracts if one.sheet == sheet]
        arriving[sheet.struck_on] += [files.strategy(sheet), files.policies(sheet, held)]
    since = date.min
    for day in evenings:
        if days := list(fed(since, day)):
            arriving[day].append(files.quotes(days))
        since = day
    savings, borrowers = belongings.savings(persons), belongings.borrowers(persons)
    arriving[evenings[-1]] += [
        belongings.accounts(savings),
        belongings.transactions(savings),
        belongings.credit_accounts(borrowers, evenings[-1]),
        belongings.instalments(borrowers),
        belongings.deadlines(savings),
    ]
    number = count(1)
    return [
        Step(
            closes.received_at(day),
            tuple(replace(file, name=f"{next(number):03}-{file.name}") for file in arriving[day]),
        )
        for day in evenings
    ]


def eventful_days() -> set[date]:
    """Return the days on which strategies begin or are observed, or clients change their mind."""
    sessions = closes.sessions()
    observed = {
        sessions[bisect_left(sessions, day)] for sheet in STRATEGIES for day in sheet.scheduled
    }
    return {sheet.struck_on for sheet in STRATEGIES} | observed | {people.WITHDRAWAL_ON}


def fed(after: date, until: date) -> Iterator[date]:
    """Yield the days with closes after the one day, up to the other one."""
    known = list(closes.closes())
    for day in known[bisect_right(known, after) : bisect_right(known, until)]:
        if any(first <= day <= last for first, last in FED):
            yield day
