"""The shapes of the figures on a client's page; what they are worth is decided in `figures`.

Each figure knows as of when it holds and where it comes from; a value of None is not known, and
the page says so. Levels, prices and rates stay exact here; the page writes them.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Generic, TypeVar

from apps.products.models.strategies import Observation, Strategy
from apps.products.scenarios import Scenario
from apps.products.terms.sheet import TermSheet

T = TypeVar("T")


class Origin(StrEnum):
    """Where a figure comes from."""

    TERMS = "terms"  # the term sheet
    CLOSE = "close"  # closing prices; the detail names the file or feed
    RESULT = "result"  # an evaluated observation; the detail is the formula's version
    POLICY = "policy"  # the register of policies and payments
    SUPPOSED = "supposed"  # the formula applied to today's closes


@dataclass(frozen=True, slots=True)
class Figure(Generic[T]):
    """One value with its day and its source; None is "not known"."""

    value: T | None
    as_of: date | None
    origin: Origin
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Bound:
    """A barrier for one share: its level, its price today and the move that leads there."""

    level: Fraction
    price: Figure[Fraction]
    distance: Figure[Fraction]  # price ÷ close − 1: below zero the share may fall so far


@dataclass(frozen=True, slots=True)
class Share:
    """A share of the basket where it stands now; `initial` is as struck, `adjusted` after splits."""

    ticker: str
    name: str
    currency: str
    initial: Figure[Fraction]
    adjusted: Figure[Fraction]
    close: Figure[Decimal]
    level: Figure[Fraction]
    barrier: Bound | None
    upper: Bound | None
    call: Bound | None
    earns: bool | None  # whether it stands where the coupon is earned; None without a close
    is_worst: bool


@dataclass(frozen=True, slots=True)
class ObservedShare:
    """A share as an observation saw it; `gap` is its close against the price of its barrier.

    The gap is close ÷ barrier price − 1, below zero where the barrier was missed; None without one.
    """

    ticker: str
    name: str
    day: date
    close: Decimal
    level: Decimal
    is_worst: bool
    gap: Fraction | None
    met: bool


@dataclass(frozen=True, slots=True)
class Correction:
    """What an observation had been said to bring, before a restatement put it right."""

    number: int
    day: date
    corrected_on: date
    outcome: str
    called: bool
    rate_paid: Decimal
    rate_remembered: Decimal
    because: str


@dataclass(frozen=True, slots=True)
class Change:
    """A corporate action of a share of the basket since the strike; `number` by its kind.

    New shares for one old of a split, the amount a share of a special dividend.
    """

    ticker: str
    name: str
    kind: str
    ex_on: date
    number: Decimal | None
    currency: str
    factor: Fraction  # what the initial fixing was multiplied by
    source: str


@dataclass(frozen=True, slots=True)
class Move:
    """A valuation day that changed after the strategy was published."""

    number: int
    from_on: date
    to_on: date
    because: str
    moved_on: date


@dataclass(frozen=True, slots=True)
class Observed:
    """An observation: what is known of its day, and its outcome once it has one."""

    number: int
    state: str
    scheduled_on: date
    valuation_on: date
    moved_because: str
    pays_on: date | None
    waiting_for: str
    outcome: str
    called: bool
    matured: bool
    shares: tuple[ObservedShare, ...]
    upper: Fraction | None
    worst: str
    worst_level: Decimal | None
    rate_paid: Figure[Decimal]
    rate_remembered: Figure[Decimal]
    redemption: Decimal | None
    deferred: Decimal | None

    @property
    def mark(self) -> str:
        """Return what the observation is shown as: its outcome, or CALLED, or where it stands."""
        return "CALLED" if self.called else self.outcome or self.state.upper()


@dataclass(frozen=True, slots=True)
class Next:
    """The next observation; the last of the basket's exchanges closes at `closes_at`."""

    number: int
    day: date
    closes_at: datetime
    days: int
    waiting_for: str


@dataclass(frozen=True, slots=True)
class Supposed:
    """What the next observation would find on the last closes; no forecast.

    `lacking` names the shares without a close; then nothing else is known.
    """

    number: int
    as_of: date | None
    lacking: tuple[str, ...] = ()
    counted: bool = False  # the coupon counts days, so one day's closes do not decide it
    outcome: str = ""
    called: bool = False
    worst: str = ""
    worst_level: Fraction | None = None
    rate_paid: Fraction | None = None
    rate_remembered: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Coupon:
    """What one observation meant for one policy."""

    number: int
    outcome: str
    amount: Figure[int]


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money that was or will be paid, for an observation where it came of one."""

    kind: str
    number: int | None
    amount: Figure[int]
    due_on: date
    paid_on: date | None


@dataclass(frozen=True, slots=True)
class Private:
    """What only the client himself sees of his policy: its number and money in minor units."""

    number: str
    nominal: Figure[int]
    premium: Figure[int]
    coupons: tuple[Coupon, ...]
    payments: tuple[Transfer, ...]
    paid: Figure[int]
    payable: Figure[int]
    remembered: Figure[int]
    supposed: Figure[int]
    imagined: tuple[int | None, ...]  # the money of each scenario, its coupon or the capital


@dataclass(frozen=True, slots=True)
class Held:
    """One policy of the client."""

    policy: int
    state: str
    starts_on: date
    ends_on: date
    closed_on: date | None
    private: Private | None


@dataclass(frozen=True, slots=True)
class Portfolio:
    """All that a client holds; of `refused` strategies nothing can be said until they are mended."""

    holdings: "tuple[Holding, ...]"
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coupons:
    """The coupons of all the client's policies on a strategy, in minor units."""

    paid: int
    payable: int
    remembered: int

    @property
    def accrued(self) -> int:
        return self.paid + self.payable


@dataclass(frozen=True, slots=True)
class Holding:
    """A strategy that the client holds, with his policies on it."""

    strategy: Strategy
    terms: TermSheet
    shares: tuple[Share, ...]
    observations: tuple[Observed, ...]
    next: Next | None
    supposed: Supposed | None
    scenarios: tuple[Scenario, ...]
    corrections: tuple[Correction, ...]
    changes: tuple[Change, ...]
    moves: tuple[Move, ...]
    rate_paid: Figure[Fraction]
    rate_remembered: Figure[Fraction]
    policies: tuple[Held, ...]

    @property
    def last(self) -> Observed | None:
        """Return the latest observation that has an outcome."""
        return next((one for one in reversed(self.observations) if one.outcome), None)

    @property
    def caught_up(self) -> bool:
        """Say whether the latest coupon brought what was remembered before it."""
        if len(self.observed) < 2:
            return False
        before, last = self.observed[-2:]
        return bool(before.rate_remembered.value) and not last.rate_remembered.value

    @property
    def pending(self) -> tuple[Observed, ...]:
        return tuple(one for one in self.observations if one.state in Observation.OPEN)

    @property
    def observed(self) -> tuple[Observed, ...]:
        return tuple(one for one in self.observations if one.outcome)

    @property
    def dropped(self) -> tuple[Observed, ...]:
        return tuple(one for one in self.observations if one.state == Observation.State.DROPPED)

    @property
    def closes(self) -> Figure[Decimal] | None:
        """Return the close that speaks for all shares: same day and source, or None."""
        sources = {(share.close.as_of, share.close.detail) for share in self.shares}
        return self.shares[0].close if len(sources) == 1 else None

    @property
    def coupons(self) -> Coupons | None:
        """Return what all policies have brought; None where that is private and hidden."""
        private = [held.private for held in self.policies if held.private]
        if len(private) < len(self.policies):
            return None
        return Coupons(
            paid=sum(one.paid.value or 0 for one in private),
            payable=sum(one.payable.value or 0 for one in private),
            remembered=sum(one.remembered.value or 0 for one in private),
        )

    def public(self) -> "Holding":
        """Return the holding without anything that only the client himself may see."""
        return replace(self, policies=tuple(replace(held, private=None) for held in self.policies))
