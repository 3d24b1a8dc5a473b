"""What a client's accounts, instalments and deadlines come to: every figure, with its day."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

from django.db.models import Prefetch
from django.utils.translation import gettext as _

from apps.core import money
from apps.core.clock import issuer_day
from apps.products import returns
from apps.products.models.accounts import Account, Transaction
from apps.products.models.deadlines import Deadline
from apps.products.models.instalments import CreditAccount, Instalment
from apps.products.models.markets import Underlying
from apps.products.queries.facts import Figure, Origin
from apps.products.queries.positions import exact
from apps.products.queries.prices import Known, confirmed_until, fund_of, known_prices, splits_of
from apps.products.queries.wealth_facts import (
    Ahead,
    Change,
    Credit,
    Holdings,
    Position,
    Wealth,
)
from apps.products.returns import Booking, Gain, Return, Splits, Undefined
from apps.profiles.models import Client

T = TypeVar("T")


def wealth(client: Client, *, at: datetime) -> Wealth:
    """Return every figure of what a client holds beside strategies; a fixed number of queries."""
    return Wealth(
        holdings_of(client.accounts.all(), at=at),
        credits_of(client, at=at),
        deadlines_of(client, at=at),
    )


# --- accounts ---


def holdings_of(accounts: Iterable[Account], *, at: datetime) -> tuple[Holdings, ...]:
    """Return the figures of open accounts, in order of their opening; about ten queries."""
    found = Ledger.of(accounts, at=at)
    return tuple(_holdings(account, found) for account in found.accounts)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The rows behind some accounts: bookings by account and underlying, prices and splits."""

    today: date
    accounts: Sequence[Account]
    bookings: Mapping[int, Mapping[int | None, Sequence[Booking]]]
    prices: Mapping[int, Known]
    splits: Mapping[int, Splits]
    targets: Mapping[int, Mapping[int, Decimal]]

    @classmethod
    def of(cls, accounts: Iterable[Account], *, at: datetime) -> "Ledger":
        today = issuer_day(at)
        listed = list(
            Account.objects.filter(pk__in=[one.pk for one in accounts], closed_on__isnull=True)
            .select_related("portfolio")
            .prefetch_related("portfolio__weights")
            .order_by("opened_on", "pk")
        )
        bookings: dict[int, dict[int | None, list[Booking]]] = defaultdict(
            lambda: defaultdict(list)
        )
        rows = Transaction.objects.filter(account__in=listed, day__lte=today)
        for row in rows.order_by("day", "pk"):
            bookings[row.account_id][row.underlying_id].append(booking(row))
        dealt = {pk for by_underlying in bookings.values() for pk in by_underlying if pk}
        return cls(
            today,
            listed,
            bookings,
            known_prices(dealt, on=today, at=at),
            splits_of(dealt),
            {
                one.pk: {each.underlying_id: each.weight for each in one.portfolio.weights.all()}
                for one in listed
                if one.portfolio
            },
        )


def booking(row: Transaction) -> Booking:
    """Return a transaction as the arithmetic takes it."""
    units = Fraction(row.units or 0)
    paid_in = row.kind in Transaction.PAID_IN
    return Booking(
        row.day,
        -units if row.kind == Transaction.Kind.SELL else units,
        row.amount if paid_in else 0,
        0 if paid_in else row.amount,
    )


def _holdings(account: Account, found: Ledger) -> Holdings:
    by_underlying = found.bookings.get(account.pk, {})
    dealt = sorted(
        (pk for pk in by_underlying if pk), key=lambda pk: found.prices[pk].underlying.name
    )
    drafts = [_Draft.of(account, found, pk, by_underlying[pk]) for pk in dealt]
    held = [one for one in drafts if one.units]
    late = tuple(filter(None, (one.known.late for one in held)))
    unpriced = [one.known.late for one in held if one.value is None]
    as_of = min((one.known.last.day for one in held if one.known.last), default=found.today)
    sources = {one.known.last.source for one in held if one.known.last}
    total = _Line(as_of, sources.pop() if len(sources) == 1 else "", "; ".join(unpriced))
    value = None if unpriced else sum(one.value or 0 for one in held)
    loose = by_underlying.get(None, ())
    everything = [one for each in by_underlying.values() for one in each]
    return Holdings(
        account=account,
        positions=tuple(one.figures(value, found.targets.get(account.pk, {})) for one in drafts),
        value=total.figure(value),
        paid_in=_booked(everything, sum(one.paid_in for one in everything), found.today),
        paid_out=_booked(everything, sum(one.paid_out for one in everything), found.today),
        profit=total.change(_together([one.profit for one in drafts], loose)),
        day=_day_of_all(drafts, loose, total),
        money_weighted=total.returned(everything, value),
        late=late,
    )


def _together(gains: Sequence[Gain | None], loose: Iterable[Booking]) -> Gain | None:
    """Return the gain of all holdings with the fees on the account; None where one is not known."""
    known = [one for one in gains if one is not None]
    if len(known) < len(gains):
        return None
    fees = returns.gain(
        before=0,
        paid_in=sum(one.paid_in for one in loose),
        paid_out=sum(one.paid_out for one in loose),
        after=0,
    )
    return returns.total([*known, fees])


def _day_of_all(drafts: "Sequence[_Draft]", loose: Iterable[Booking], total: "_Line") -> Change:
    """Return the account's change of a day, which only prices of the same two days can tell."""
    held = [one for one in drafts if one.units]
    start = min((one.known.before.day for one in held if one.known.before), default=total.as_of)
    counted = [one for one in drafts if one.units or one.booked_after(start)]
    if not counted:
        return total.change(None, _("nothing is held"))
    gains = [one.day for one in counted]
    if None in gains:
        return total.change(None, _("the price of the session before is not known"))
    if len({one.days for one in counted}) > 1:
        return total.change(None, _("the prices are of different days"))
    return total.change(_together(gains, [one for one in loose if start and one.day > start]))


@dataclass(frozen=True, slots=True)
class _Line:
    """The day and source of some figures, and the reason where they cannot be told."""

    as_of: date | None
    source: str
    lacking: str

    def figure(self, value: T | None, reason: str = "") -> Figure[T]:
        said = self.source if value is not None else self.lacking or reason
        return Figure(value, self.as_of, Origin.CLOSE, said)

    def change(self, gain: Gain | None, reason: str = "") -> Change:
        return Change(
            self.figure(gain.amount if gain else None, reason),
            self.figure(gain.rate if gain else None, reason or _("nothing was paid in")),
        )

    def returned(self, bookings: Sequence[Booking], value: int | None) -> Figure[Return]:
        if value is None:
            return self.figure(None)
        flows = [(one.day, one.paid_out - one.paid_in) for one in bookings]
        ends = max([self.as_of or date.min, *(day for day, _amount in flows)])
        found = returns.money_weighted([*flows, (ends, value)])
        if isinstance(found, Undefined):
            return self.figure(None, why_undefined(found))
        return self.figure(found)


def why_undefined(reason: Undefined) -> str:
    """Say in a client's words why there is no money-weighted return."""
    return {
        Undefined.NO_TIME: _("no time has passed since the purchase"),
        Undefined.ONE_WAY: _("money has moved in one direction only"),
        Undefined.SEVERAL: _("more than one rate fits the payments"),
        Undefined.EXTREME: _("no rate fits the payments"),
    }[reason]


@dataclass(frozen=True, slots=True)
class _Draft:
    """One holding while its account is added up."""

    known: Known
    today: date
    bookings: Sequence[Booking]
    units: Fraction
    value: int | None
    profit: Gain | None
    day: Gain | None

    @classmethod
    def of(cls, account: Account, found: Ledger, pk: int, bookings: Sequence[Booking]) -> "_Draft":
        known, splits, today = found.prices[pk], found.splits.get(pk, ()), found.today
        places = money.decimals(account.currency)
        before = None if known.gap else known.before
        return cls(
            known,
            today,
            bookings,
            returns.units_on(bookings, splits, today),
            returns.value_on(bookings, splits, today, known.price, places),
            returns.gain_between(
                bookings, splits, places, since=None, before=None, until=today, after=known.price
            ),
            returns.gain_between(
                bookings, splits, places,
                since=before.day, before=known.price_before, until=today, after=known.price,
            ) if before else None,
        )  # fmt: skip

    @property
    def days(self) -> tuple[date, ...]:
        """Return the days of the two prices between which the day's change lies."""
        return tuple(quote.day for quote in (self.known.before, self.known.last) if quote)

    def booked_after(self, day: date | None) -> bool:
        return any(day is None or one.day > day for one in self.bookings)

    def figures(self, all_worth: int | None, targets: Mapping[int, Decimal]) -> Position:
        share: Underlying = self.known.underlying
        last = self.known.last
        line = _Line(last.day if last else None, last.source if last else "", self.known.late)
        known = line if self.value is None else replace(line, lacking="")
        return Position(
            underlying=share,
            fund=fund_of(share),
            units=_booked(self.bookings, exact(self.units), self.today),
            price=line.figure(last.close if last else None),
            value=known.figure(self.value),
            part=Fraction(self.value, all_worth) if self.value and all_worth else None,
            target=targets.get(share.pk),
            paid_in=_booked(self.bookings, sum(one.paid_in for one in self.bookings), self.today),
            paid_out=_booked(self.bookings, sum(one.paid_out for one in self.bookings), self.today),
            profit=known.change(self.profit),
            day=known.change(self.day, _("the price of the session before is not known")),
            money_weighted=known.returned(self.bookings, self.value),
            late=self.known.late if self.units else "",
        )


def _booked(bookings: Sequence[Booking], value: T, today: date) -> Figure[T]:
    """Return what the register says, as of the last booking."""
    return Figure(value, max((one.day for one in bookings), default=today), Origin.POLICY)


# --- the course of an account ---


def courses(
    accounts: Iterable[Account], *, since: date, at: datetime
) -> dict[int, list[tuple[date, int]]]:
    """Return each account's value at each day with closes, from a day on; about ten queries.

    A day on which something held has had no price yet is left out: nothing is guessed.
    """
    found = Ledger.of(accounts, at=at)
    dealt = {pk for held in found.bookings.values() for pk in held if pk}
    closes = _closes_of(dealt, found.today)
    return {one.pk: list(_course(one, found, closes, since)) for one in found.accounts}


def _course(
    account: Account,
    found: Ledger,
    closes: Mapping[date, Mapping[int, returns.Price]],
    since: date,
) -> Iterator[tuple[date, int]]:
    held = {pk: rows for pk, rows in found.bookings.get(account.pk, {}).items() if pk}
    first = min((row.day for rows in held.values() for row in rows), default=date.max)
    places = money.decimals(account.currency)
    last: dict[int, returns.Price] = {}
    for day in sorted(closes):
        new = closes[day].keys() & held.keys()
        last |= {pk: closes[day][pk] for pk in new}
        if not new or day < max(since, first):
            continue
        values = [
            returns.value_on(rows, found.splits.get(pk, ()), day, last.get(pk), places)
            for pk, rows in held.items()
        ]
        if None not in values:
            yield day, sum(filter(None, values))


def _closes_of(underlyings: Iterable[int], until: date) -> Mapping[date, dict[int, returns.Price]]:
    closes: dict[date, dict[int, returns.Price]] = defaultdict(dict)
    quotes = confirmed_until(until).filter(underlying__in=underlyings)
    for pk, day, close in quotes.values_list("underlying_id", "day", "close"):
        closes[day][pk] = returns.Price(day, Fraction(close))
    return closes


# --- instalments and deadlines ---


def credits_of(client: Client, *, at: datetime) -> tuple[Credit, ...]:
    """Return the client's open instalment products; two queries."""
    accounts = client.credit_accounts.filter(closed_on__isnull=True).order_by("number")
    plan = Prefetch("instalments", Instalment.objects.order_by("due_on", "number"))
    return tuple(_credit(one, issuer_day(at)) for one in accounts.prefetch_related(plan))


def _credit(account: CreditAccount, today: date) -> Credit:
    plan = tuple(account.instalments.all())
    unpaid = [one for one in plan if one.paid_on is None]
    overdue = tuple(one for one in unpaid if one.due_on < today)

    def figure(value: int) -> Figure[int]:
        return Figure(value, account.reported_on, Origin.POLICY, account.source)

    return Credit(
        account=account,
        limit=figure(account.limit),
        used=figure(account.used),
        remaining=figure(max(account.limit - account.used, 0)),
        next=next((one for one in unpaid if one.due_on >= today), None),
        overdue=overdue,
        overdue_amount=figure(sum(one.amount - one.paid for one in overdue)),
        paid=figure(sum(one.paid for one in plan)),
        left=figure(sum(one.amount - one.paid for one in plan)),
        instalments=plan,
    )


def deadlines_of(client: Client, *, at: datetime) -> tuple[Ahead, ...]:
    """Return the days by which the client should act, soonest first; one query."""
    today = issuer_day(at)
    ahead = Deadline.objects.filter(client=client, day__gte=today, done_on__isnull=True)
    return tuple(
        Ahead(
            one,
            one.day,
            (one.day - today).days,
            Figure(one.amount, today, Origin.POLICY, "" if one.amount else _("not known")),
        )
        for one in ahead.select_related("policy", "account").order_by("day", "pk")
    )
