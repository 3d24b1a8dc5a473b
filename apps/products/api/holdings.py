"""All that a client holds, by HTTP: the same figures as on his own page, each with its day."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router
from pydantic import BaseModel, Field

from apps.core import clock, money
from apps.core.api.problems import RefusedError
from apps.core.api.values import Name
from apps.products.api.rows import holdings as scopes
from apps.products.models.instalments import Instalment
from apps.products.queries import facts, figures, wealth, wealth_facts
from apps.profiles.models import Client, Identifier

PLACES = Decimal("1e-10")  # of a level or rate that never ends: prices have eight

router = Router(tags=["holdings"])


class FigureOut(BaseModel):
    """One figure with its day and its source; a value of null is not known, and `detail` says why.

    Amounts are in whole units of the currency named beside; rates, parts and levels are fractions.
    """

    value: str | None
    as_of: date | None
    origin: str = Field(description="terms, close, result, policy or supposed.")
    detail: str


class ChangeOut(BaseModel):
    """A gain or a loss."""

    amount: FigureOut
    rate: FigureOut


class ShareOut(BaseModel):
    """A share of a basket, against the barrier of the next observation."""

    ticker: str
    currency: str
    close: FigureOut
    level: FigureOut
    barrier: str | None = Field(description="The level that the coupon needs.")
    barrier_price: FigureOut | None
    distance: FigureOut | None = Field(description="Price of the barrier ÷ close − 1.")
    is_worst: bool


class CouponOut(BaseModel):
    """What one observation meant for a policy."""

    number: int
    outcome: str
    amount: FigureOut


class NextOut(BaseModel):
    """The next observation."""

    number: int
    day: date
    closes_at: datetime
    waiting_for: str


class PolicyFigures(BaseModel):
    """A policy and what it has brought so far."""

    number: str
    state: str
    starts_on: date
    ends_on: date
    closed_on: date | None
    nominal: FigureOut
    premium: FigureOut
    paid: FigureOut
    payable: FigureOut
    remembered: FigureOut
    supposed: FigureOut = Field(description="The next coupon if the last closes were its closes.")
    coupons: list[CouponOut]


class StrategyFigures(BaseModel):
    """A coupon strategy with the client's policies on it."""

    code: str
    name: str
    currency: str
    state: str
    next: NextOut | None
    supposed: str = Field(description="Outcome of the next observation on the last closes.")
    shares: list[ShareOut]
    policies: list[PolicyFigures]


class PositionOut(BaseModel):
    """One fund or share in an account; `late` says what is wrong with its price, if anything is."""

    ticker: str
    name: str
    units: FigureOut
    price: FigureOut
    value: FigureOut
    part: str | None
    target: str | None
    paid_in: FigureOut
    paid_out: FigureOut
    profit: ChangeOut
    day: ChangeOut
    money_weighted: FigureOut
    late: str


class AccountFigures(BaseModel):
    """An account with its value and everything in it."""

    number: str
    name: str
    kind: str
    currency: str
    value: FigureOut
    paid_in: FigureOut
    paid_out: FigureOut
    profit: ChangeOut
    day: ChangeOut
    money_weighted: FigureOut
    late: list[str]
    positions: list[PositionOut]


class InstalmentFigures(BaseModel):
    """One instalment of a plan."""

    number: int
    due_on: date
    amount: str
    paid: str
    paid_on: date | None


class CreditFigures(BaseModel):
    """An instalment product: what may still be used, and where its plan stands."""

    number: str
    name: str
    currency: str
    limit: FigureOut
    used: FigureOut
    remaining: FigureOut
    overdue: FigureOut
    paid: FigureOut
    left: FigureOut
    instalments: list[InstalmentFigures]


class HoldingsOut(BaseModel):
    """All that a client holds, as it is known at `at`."""

    at: datetime
    strategies: list[StrategyFigures]
    refused: list[str] = Field(description="Strategies whose terms have to be mended first.")
    accounts: list[AccountFigures]
    instalment_accounts: list[CreditFigures]


@router.get("/clients/{core_id}/holdings", auth=scopes[0], response=HoldingsOut)
def read_holdings(request: HttpRequest, core_id: Name) -> Any:  # noqa: ARG001 (by name)
    """Read the figures of a client's strategies, accounts and instalment products."""
    client = Client.objects.filter(
        identifiers__kind=Identifier.Kind.CORE_ID, identifiers__value=core_id
    ).first()
    if client is None:
        raise RefusedError(404, _("There is no such client."))
    at = clock.now()
    portfolio, all_else = figures.portfolio(client, at=at), wealth.wealth(client, at=at)
    return HoldingsOut(
        at=at,
        strategies=[_strategy(one) for one in portfolio.holdings],
        refused=list(portfolio.refused),
        accounts=[_account(one) for one in all_else.accounts],
        instalment_accounts=[_credit(one) for one in all_else.credits],
    )


# --- from figures to fields ---


def plain(value: Fraction | Decimal | int | None) -> str | None:
    """Return a number in digits, exact where it ends."""
    if value is None:
        return None
    with localcontext(prec=60):
        if isinstance(value, Fraction):
            value = (Decimal(value.numerator) / value.denominator).quantize(PLACES)
        text = f"{Decimal(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _figure(figure: facts.Figure[Any], value: str | None) -> FigureOut:
    return FigureOut(
        value=value, as_of=figure.as_of, origin=figure.origin.value, detail=figure.detail
    )


def _number(figure: facts.Figure[Any]) -> FigureOut:
    return _figure(figure, plain(figure.value))


def _amount(figure: facts.Figure[int], currency: str) -> FigureOut:
    minor = figure.value
    return _figure(figure, None if minor is None else _major(minor, currency))


def _major(minor: int, currency: str) -> str:
    return f"{money.major_units(minor, money.decimals(currency)):f}"


def _change(change: wealth_facts.Change, currency: str) -> ChangeOut:
    return ChangeOut(amount=_amount(change.amount, currency), rate=_number(change.rate))


def _returned(figure: facts.Figure[Any]) -> FigureOut:
    return _figure(figure, plain(figure.value.whole) if figure.value else None)


def _strategy(held: facts.Holding) -> StrategyFigures:
    strategy, ahead = held.strategy, held.next
    return StrategyFigures(
        code=strategy.code,
        name=strategy.name,
        currency=strategy.currency,
        state=strategy.state,
        next=_next(ahead) if ahead else None,
        supposed=held.supposed.outcome if held.supposed else "",
        shares=[_share(share) for share in held.shares],
        policies=[
            _policy(one, one.private, strategy.currency) for one in held.policies if one.private
        ],
    )


def _next(ahead: facts.Next) -> NextOut:
    return NextOut(
        number=ahead.number,
        day=ahead.day,
        closes_at=ahead.closes_at,
        waiting_for=ahead.waiting_for,
    )


def _share(share: facts.Share) -> ShareOut:
    barrier = share.barrier
    return ShareOut(
        ticker=share.ticker,
        currency=share.currency,
        close=_number(share.close),
        level=_number(share.level),
        barrier=plain(barrier.level) if barrier else None,
        barrier_price=_number(barrier.price) if barrier else None,
        distance=_number(barrier.distance) if barrier else None,
        is_worst=share.is_worst,
    )


def _policy(held: facts.Held, own: facts.Private, currency: str) -> PolicyFigures:
    amounts = ("nominal", "premium", "paid", "payable", "remembered", "supposed")
    return PolicyFigures(
        number=own.number,
        state=held.state,
        starts_on=held.starts_on,
        ends_on=held.ends_on,
        closed_on=held.closed_on,
        **{name: _amount(getattr(own, name), currency) for name in amounts},
        coupons=[
            CouponOut(number=one.number, outcome=one.outcome, amount=_amount(one.amount, currency))
            for one in own.coupons
        ],
    )


def _account(held: wealth_facts.Holdings) -> AccountFigures:
    account = held.account
    currency = account.currency
    return AccountFigures(
        number=account.number,
        name=account.name,
        kind=account.kind,
        currency=currency,
        **_worth(held, currency),
        late=list(held.late),
        positions=[
            PositionOut(
                ticker=one.underlying.ticker,
                name=one.underlying.name,
                units=_number(one.units),
                price=_number(one.price),
                part=plain(one.part),
                target=plain(one.target),
                **_worth(one, currency),
                late=one.late,
            )
            for one in held.positions
        ],
    )


def _worth(held: wealth_facts.Holdings | wealth_facts.Position, currency: str) -> dict[str, Any]:
    return {
        "value": _amount(held.value, currency),
        "paid_in": _amount(held.paid_in, currency),
        "paid_out": _amount(held.paid_out, currency),
        "profit": _change(held.profit, currency),
        "day": _change(held.day, currency),
        "money_weighted": _returned(held.money_weighted),
    }


def _credit(credit: wealth_facts.Credit) -> CreditFigures:
    account = credit.account
    currency = account.currency
    amounts = ("limit", "used", "remaining", "paid", "left")
    return CreditFigures(
        number=account.number,
        name=account.name,
        currency=currency,
        **{name: _amount(getattr(credit, name), currency) for name in amounts},
        overdue=_amount(credit.overdue_amount, currency),
        instalments=list(_instalments(credit.instalments, currency)),
    )


def _instalments(plan: Iterable[Instalment], currency: str) -> Iterable[InstalmentFigures]:
    return (
        InstalmentFigures(
            number=one.number,
            due_on=one.due_on,
            amount=_major(one.amount, currency),
            paid=_major(one.paid, currency),
            paid_on=one.paid_on,
        )
        for one in plan
    )
