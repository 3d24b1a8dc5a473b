"""The shapes of what a client holds beside strategies; decided in `wealth`, for all who show it.

Amounts are in minor units of the account's currency. A figure of None is not known, and its detail
says why in words for the client.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from apps.products.models.accounts import Account
from apps.products.models.deadlines import Deadline
from apps.products.models.funds import Fund
from apps.products.models.instalments import CreditAccount, Instalment
from apps.products.models.markets import Underlying
from apps.products.queries.facts import Figure
from apps.products.returns import Return


@dataclass(frozen=True, slots=True)
class Change:
    """A gain or a loss: its amount, and the fraction of what it was made on."""

    amount: Figure[int]
    rate: Figure[Fraction]


@dataclass(frozen=True, slots=True)
class Position:
    """One fund or share in an account; `late` says what is wrong with its price, if anything is."""

    underlying: Underlying
    fund: Fund | None
    units: Figure[Decimal]
    price: Figure[Decimal]
    value: Figure[int]
    part: Fraction | None  # of the account's value
    target: Decimal | None  # what the model portfolio means it to be
    paid_in: Figure[int]
    paid_out: Figure[int]
    profit: Change
    day: Change
    money_weighted: Figure[Return]
    late: str

    @property
    def is_held(self) -> bool:
        return bool(self.units.value)


@dataclass(frozen=True, slots=True)
class Holdings:
    """An account as a whole and each fund or share in it; `late` lists what is wrong with prices."""

    account: Account
    positions: tuple[Position, ...]
    value: Figure[int]
    paid_in: Figure[int]
    paid_out: Figure[int]
    profit: Change
    day: Change
    money_weighted: Figure[Return]
    late: tuple[str, ...]

    @property
    def held(self) -> tuple[Position, ...]:
        return tuple(one for one in self.positions if one.is_held)


@dataclass(frozen=True, slots=True)
class Credit:
    """An instalment product: what may still be used, and where the plan of paying back stands."""

    account: CreditAccount
    limit: Figure[int]
    used: Figure[int]
    remaining: Figure[int]
    next: Instalment | None
    overdue: tuple[Instalment, ...]
    overdue_amount: Figure[int]
    paid: Figure[int]
    left: Figure[int]
    instalments: tuple[Instalment, ...]


@dataclass(frozen=True, slots=True)
class Ahead:
    """A day by which the client should act, and how many days are left."""

    deadline: Deadline
    day: date
    days: int
    amount: Figure[int]


@dataclass(frozen=True, slots=True)
class Wealth:
    """All that a client holds beside strategies."""

    accounts: tuple[Holdings, ...]
    credits: tuple[Credit, ...]
    deadlines: tuple[Ahead, ...]

    def __bool__(self) -> bool:
        return bool(self.accounts or self.credits or self.deadlines)


@dataclass(frozen=True, slots=True)
class Veiled:
    """What may be read over a shoulder of an account: no number, no units and no money."""

    name: str
    currency: str
    kind: str
    profit: Figure[Fraction]
    day: Figure[Fraction]
    money_weighted: Figure[Return]
    late: tuple[str, ...]

    @classmethod
    def of(cls, holdings: Holdings) -> "Veiled":
        """Return the part of an account's figures that says nothing about money."""
        account = holdings.account
        return cls(
            name=account.name,
            currency=account.currency,
            kind=account.get_kind_display(),
            profit=holdings.profit.rate,
            day=holdings.day.rate,
            money_weighted=holdings.money_weighted,
            late=holdings.late,
        )
