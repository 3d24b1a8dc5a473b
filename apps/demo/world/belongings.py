"""What the demo's clients hold beside strategies: invented accounts, booked at real closes.

The shares and their prices are real, the accounts, instalments and deadlines are not; their names
say so. As everywhere in this world, nothing is drawn by chance.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal

from apps.demo.world import closes
from apps.demo.world.files import File
from apps.demo.world.people import Person

BEGINS, ENDS = date(2012, 2, 1), date(2013, 2, 1)  # the first and the last monthly purchase
PAIRS = (("AAPL", "IBM"), ("GOOG", "MSFT"), ("IBM", "MSFT"), ("AAPL", "GOOG"))
MONTHLY = (100, 250, 500)  # in whole dollars a share
CENT, FRACTION = Decimal("0.01"), Decimal("0.0001")
FEE = Decimal("2.50")
ACCOUNTS = {"en": "Shares (fictional)", "ru": "Акции (вымышленный счёт)"}
KITCHENS = {"en": "Kitchen (fictional)", "ru": "Кухня (вымышленная рассрочка)"}
DEADLINE, TOLD_BEFORE = date(2013, 3, 29), 40


@dataclass(frozen=True)
class Saving:
    """One client's monthly purchases of two shares."""

    person: Person
    tickers: tuple[str, str]
    monthly: int

    @property
    def number(self) -> str:
        return f"{self.person.core_id}-S"


def savings(persons: Sequence[Person]) -> list[Saving]:
    """Give two of three clients an account of two shares."""
    return [
        Saving(
            person,
            PAIRS[person.number % len(PAIRS)],
            MONTHLY[person.number // 2 % len(MONTHLY)],
        )
        for person in persons
        if person.number % 3
    ]


def purchases() -> Iterator[date]:
    """Yield the first session of each month."""
    known = list(closes.closes())
    month = BEGINS
    while month <= ENDS:
        yield known[bisect_left(known, month)]
        month = date(month.year + month.month // 12, month.month % 12 + 1, 1)


def accounts(held: Sequence[Saving]) -> File:
    rows = [
        {
            "number": one.number,
            "core_id": one.person.core_id,
            "name": ACCOUNTS[one.person.home.language],
            "currency": "USD",
            "opened_on": BEGINS,
        }
        for one in held
    ]
    return File("accounts", "accounts.csv", rows)


def transactions(held: Sequence[Saving]) -> File:
    """Write the monthly purchases, one sale and a fee at the end of the year."""
    rows = [row for one in held for row in booked(one)]
    return File("transactions", "transactions.csv", rows)


def booked(one: Saving) -> Iterator[dict[str, object]]:
    for number, day in enumerate(purchases(), 1):
        for ticker in one.tickers:
            close = Decimal(closes.closes()[day][ticker])
            units = (one.monthly / close).quantize(FRACTION, ROUND_DOWN)
            yield row_of(one, f"{number}-{ticker}", "buy", day, ticker, units, units * close)
    year_end = date(2012, 12, 31)
    if one.person.number % 4 == 1:
        ticker, units = one.tickers[0], Decimal("0.1")
        worth = units * Decimal(closes.closes()[year_end][ticker])
        yield row_of(one, "sale", "sell", year_end, ticker, units, worth)
    yield row_of(one, "fee", "fee", year_end, "", "", FEE)


def row_of(
    one: Saving,
    reference: str,
    kind: str,
    day: date,
    ticker: str,
    units: Decimal | str,
    amount: Decimal,
) -> dict[str, object]:
    return {
        "reference": f"{one.number}-{reference}",
        "account": one.number,
        "kind": kind,
        "day": day,
        "ticker": ticker,
        "units": units,
        "amount": amount.quantize(CENT),
        "currency": "USD",
    }


def borrowers(persons: Sequence[Person]) -> list[Person]:
    return [person for person in persons if person.number % 10 in {1, 6}]


def credit_accounts(persons: Sequence[Person], day: date) -> File:
    rows = [
        {
            "number": f"{person.core_id}-I",
            "core_id": person.core_id,
            "name": KITCHENS[person.home.language],
            "currency": "USD",
            "limit": 5000,
            "used": 1200 - 100 * paid_of(person),
            "reported_on": day,
        }
        for person in persons
    ]
    return File("instalment_accounts", "instalment-accounts.csv", rows)


def instalments(persons: Sequence[Person]) -> File:
    """Write a year of payments on the fifth of each month; one in four clients is behind."""
    rows = []
    for person in persons:
        for number in range(1, 13):
            due_on = date(2012 + (number + 7) // 12, (number + 7) % 12 + 1, 5)
            done = number <= paid_of(person)
            rows.append(
                {
                    "account": f"{person.core_id}-I",
                    "number": number,
                    "due_on": due_on,
                    "amount": 100,
                    "currency": "USD",
                    "paid": 100 if done else "",
                    "paid_on": due_on if done else "",
                }
            )
    return File("instalments", "instalments.csv", rows)


def paid_of(person: Person) -> int:
    return 5 if person.number % 4 == 1 else 6  # of the six that were due by the present


def deadlines(held: Sequence[Saving]) -> File:
    rows = [
        {
            "reference": f"{one.number}-2012",
            "core_id": one.person.core_id,
            "kind": "tax_deduction",
            "day": DEADLINE,
            "year": 2012,
            "amount": 100 + one.person.number,
            "currency": "USD",
            "account": one.number,
            "days_before": TOLD_BEFORE,
        }
        for one in held
        if one.person.number % 5 == 2
    ]
    return File("deadlines", "deadlines.csv", rows)
