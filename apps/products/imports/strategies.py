"""The file of strategies: one row a term sheet, with its basket and observations in lists."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from apps.core import money
from apps.core.imports.columns import Choice, Column, Currency, Day, Flag, Number, Text, Whole
from apps.core.imports.resource import Row, Stored, TableResource
from apps.products.actions.strategies import StrategyError, publish_strategy
from apps.products.imports.amounts import Amount, minor_units
from apps.products.imports.markets import TICKER, said, unknown
from apps.products.models.markets import Underlying
from apps.products.models.strategies import BasketMember, Observation, Strategy

BETWEEN = ";"  # between the entries of a list in one cell
OWN = "-"  # an entry that keeps the strategy's own term

# Lists with one entry an observation, and the term of the observation that they override.
LISTS = {
    "coupon_rates": "coupon_rate",
    "coupon_barriers": "coupon_barrier",
    "corridor_uppers": "corridor_upper",
    "guarantees": "guaranteed",
    "call_barriers": "call_barrier",
    "call_redemptions": "call_redemption",
    "bonuses": "bonus",
    "payment_days": "pays_on",
}
NOT_TERMS = {"code", "state", "denomination", "underlyings", "observations", *LISTS}

# Where a marketer has to look when the strategy breaks a rule of the table.
COLUMN_OF = {
    "strategy_rate_not_negative": "coupon_rate",
    "strategy_corridor_in_order": "corridor_upper",
    "strategy_protection_has_level": "redemption_level",
    "strategy_knock_in_has_barrier": "knock_in_barrier",
}


class Level(Number):
    """A fraction of the initial fixing or the nominal: 0.75."""

    def __init__(self, *, required: bool = False) -> None:
        super().__init__(digits=12, places=8, least=0, required=required)


class Basket(Column[tuple[tuple[str, Decimal], ...]]):
    """Shares with their initial fixings: AAPL 600.12; IBM 201.5."""

    def parse(self, text: str) -> tuple[tuple[str, Decimal], ...]:
        ticker, fixing = Text(20, like=TICKER), Number(digits=20, places=8, above=0)
        members = []
        for entry in _entries(text):
            parts = entry.split()
            if len(parts) != 2:
                raise ValueError(
                    _("“%(entry)s” must be a share and its initial fixing, like AAPL 600.12.")
                    % {"entry": entry}
                )
            members.append((ticker.parse(parts[0]), fixing.parse(parts[1])))
        _refuse_double(name for name, _fixing in members)
        return tuple(members)

    def write(self, value: tuple[tuple[str, Decimal], ...]) -> str:
        return f"{BETWEEN} ".join(f"{ticker} {fixing.normalize():f}" for ticker, fixing in value)


class Days(Column[tuple[date, ...]]):
    """Days in order: 2012-08-31; 2012-11-30."""

    def parse(self, text: str) -> tuple[date, ...]:
        days = tuple(Day().parse(entry) for entry in _entries(text))
        _refuse_double(days)
        if list(days) != sorted(days):
            raise ValueError(_("The days are not in order."))
        return days

    def write(self, value: tuple[date, ...]) -> str:
        return f"{BETWEEN} ".join(day.isoformat() for day in value)


class Each(Column[tuple[Any, ...] | None]):
    """One entry for every observation, in order; `-`, or none at the end: the strategy's own."""

    def __init__(self, entry: Column[Any]) -> None:
        super().__init__()
        self.entry = entry

    def parse(self, text: str) -> tuple[Any, ...] | None:
        return tuple(None if entry == OWN else self.entry.parse(entry) for entry in _entries(text))

    def write(self, value: tuple[Any, ...] | None) -> str:
        return f"{BETWEEN} ".join(
            OWN if entry is None else self.entry.write(entry) for entry in value or ()
        )


def _entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.strip(f"{BETWEEN} ").split(BETWEEN)]


def _refuse_double(entries: Iterable[object]) -> None:
    seen = set()
    for entry in entries:
        if entry in seen:
            raise ValueError(_("%(entry)s is there twice.") % {"entry": entry})
        seen.add(entry)


class StrategyResource(TableResource):
    """One row a strategy; an empty cell means that there is no such term, or the usual one."""

    code = Text(40, required=True, like=(r"[-a-zA-Z0-9_]+", "quartet-2012"))
    name = Text(120, required=True)
    tranche = Text(40)
    currency = Currency(required=True)
    denomination = Amount()
    state = Choice([Strategy.State.DRAFT.value, Strategy.State.PUBLISHED.value])
    struck_on = Day(required=True)
    matures_on = Day(required=True)
    underlyings = Basket(required=True)
    observations = Days(required=True)
    basket = Choice(Strategy.Basket.values)
    coupon_rate = Level(required=True)
    coupon_barrier = Level()
    corridor_upper = Level()
    barrier_strict = Flag()
    memory = Flag()
    guaranteed = Flag()
    guaranteed_rate = Level()
    call_barrier = Level()
    call_first = Whole(least=1, most=1000)
    call_coupon = Choice(Strategy.CallCoupon.values)
    call_redemption = Level()
    call_deferred = Level()
    redemption = Choice(Strategy.Redemption.values)
    redemption_level = Level()
    knock_in_barrier = Level()
    knock_in_style = Choice(Strategy.BarrierStyle.values)
    strike = Level()
    participation = Level()
    rounding = Choice(Strategy.Rounding.values)
    level_dp = Whole(least=0, most=8)
    roll = Choice(Strategy.Roll.values)
    common_sessions = Flag()
    max_disruption = Whole(least=0, most=100)
    disruption_scope = Choice(Strategy.Scope.values)
    payment_lag = Whole(least=0, most=100)
    coupon_rates = Each(Level())
    coupon_barriers = Each(Level())
    corridor_uppers = Each(Level())
    guarantees = Each(Flag())
    call_barriers = Each(Level())
    call_redemptions = Each(Level())
    bonuses = Each(Level())
    payment_days = Each(Day())

    key = ("code",)
    blank_clears = True

    class Meta:
        model = Strategy

    def look_up(self, rows: Sequence[Row]) -> None:
        self.shares = {share.ticker: share for share in Underlying.objects.all()}

    def present(self, rows: Sequence[Row]) -> Iterable[Strategy]:
        return Strategy.objects.filter(code__in=said(rows, "code"))

    def stored(self, instances: Sequence[Strategy]) -> Iterator[Stored]:
        prefetch_related_objects(instances, "basket_members__underlying", "observations")
        for strategy in instances:
            yield Stored(strategy, self._values(strategy))

    def _values(self, strategy: Strategy) -> dict[str, Any]:
        draft = strategy.state == Strategy.State.DRAFT
        note = strategy.denomination
        observations = sorted(strategy.observations.all(), key=lambda each: each.number)
        return {
            "code": strategy.code,
            **{name: getattr(strategy, name) for name in self.fields.keys() - NOT_TERMS},
            "state": (Strategy.State.DRAFT if draft else Strategy.State.PUBLISHED).value,
            "denomination": note and money.major_units(note, money.decimals(strategy.currency)),
            "underlyings": tuple(
                (member.underlying.ticker, member.initial_fixing)
                for member in sorted(strategy.basket_members.all(), key=lambda each: each.pk)
            ),
            "observations": tuple(each.scheduled_on for each in observations),
            **{
                name: _own(tuple(getattr(each, term) for each in observations))
                for name, term in LISTS.items()
            },
        }

    def settle(self, row: Row) -> None:
        """Put the usual terms where cells are empty, and make lists as long as the observations."""
        for name in row.values.keys() - NOT_TERMS:
            if row.values[name] is None:
                row.values[name] = _field(name).get_default()
        if row.values.get("state") is None:
            row.values.pop("state", None)
        if row.values.get("payment_days") is None:  # then they follow from the payment lag
            row.values.pop("payment_days", None)
        count = len(row.values.get("observations", ()))
        for name in LISTS.keys() & row.values.keys():
            entries = row.values[name] or ()
            if count and len(entries) > count:
                row.refuse(
                    name,
                    _("There are %(entries)d entries, but %(count)d observations.")
                    % {"entries": len(entries), "count": count},
                )
            row.values[name] = _own(entries + (None,) * (count - len(entries)))

    def check(self, row: Row) -> None:
        for ticker, _fixing in row.values.get("underlyings", ()):
            if ticker not in self.shares:
                row.refuse("underlyings", unknown(_("share"), ticker, self.shares))
        if currency := row.values.get("currency"):
            minor_units(row, "denomination", currency)
        self._check_days(row)
        if row.stored and row.instance.state != Strategy.State.DRAFT:
            for name in sorted(row.changes):
                row.refuse(
                    name,
                    _("%(strategy)s is %(state)s; its terms no longer change.")
                    % {"strategy": row.instance, "state": row.instance.get_state_display()},
                )
        if not row.faults:
            self._check_rules(row)

    def _check_days(self, row: Row) -> None:
        struck_on, matures_on = row.values.get("struck_on"), row.values.get("matures_on")
        days = row.values.get("observations")
        if struck_on and matures_on and matures_on <= struck_on:
            row.refuse("matures_on", _("The maturity must lie after the strike date."))
            return
        if struck_on and days and days[0] <= struck_on:
            row.refuse("observations", _("The first observation must come after the strike date."))
        if matures_on and days and days[-1] > matures_on:
            row.refuse("observations", _("The last observation comes after the maturity."))

    def _check_rules(self, row: Row) -> None:
        """Hold the strategy against the rules of its table."""
        trial = self._filled(row, Strategy())
        for constraint in Strategy._meta.constraints:
            try:
                constraint.validate(Strategy, trial)
            except ValidationError as error:
                row.refuse(COLUMN_OF.get(constraint.name, ""), " ".join(error.messages))

    def _filled(self, row: Row, strategy: Strategy) -> Strategy:
        values = {**(row.stored.values if row.stored else {}), **row.values}
        strategy.code = values["code"]
        for name in (self.fields.keys() - NOT_TERMS) & values.keys():
            setattr(strategy, name, values[name])
        if "denomination" in row.values:
            strategy.denomination = minor_units(row, "denomination", strategy.currency)
        return strategy

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        drafts = Strategy.objects.select_for_update().filter(state=Strategy.State.DRAFT)
        known = drafts.in_bulk([row.instance.pk for row in rows if row.stored])
        for row in rows:
            if row.stored and row.instance.pk not in known:
                row.refuse("code", _("The strategy was published a moment ago."))
                continue
            row.instance = self._filled(row, known[row.instance.pk] if row.stored else Strategy())
            row.instance.save()
            self._write_basket(row)
            self._write_observations(row)
            if row.values.get("state") == Strategy.State.PUBLISHED:
                try:
                    row.instance = publish_strategy(row.instance.pk, at=at)
                except StrategyError as error:
                    row.refuse("state", str(error))

    def _write_basket(self, row: Row) -> None:
        if "underlyings" in row.changes:
            row.instance.basket_members.all().delete()
            BasketMember.objects.bulk_create(
                BasketMember(
                    strategy=row.instance,
                    underlying=self.shares[ticker],
                    initial_fixing=fixing,
                )
                for ticker, fixing in row.values["underlyings"]
            )

    def _write_observations(self, row: Row) -> None:
        if not row.changes & {"observations", *LISTS}:
            return
        values = {**(row.stored.values if row.stored else {}), **row.values}
        days = values["observations"]
        if "observations" in row.changes:  # other days are paid on other days
            values["payment_days"] = row.values.get("payment_days")
        lists = {
            term: (*(values.get(name) or ()), *[None] * len(days)) for name, term in LISTS.items()
        }
        row.instance.observations.all().delete()
        Observation.objects.bulk_create(
            Observation(
                strategy=row.instance,
                number=place + 1,
                scheduled_on=day,
                valuation_on=day,
                **{term: entries[place] for term, entries in lists.items()},
            )
            for place, day in enumerate(days)
        )


def _own(entries: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Return the entries, or None where each of them is the strategy's own."""
    return entries if any(entry is not None for entry in entries) else None


def _field(name: str) -> Any:
    return Strategy._meta.get_field(name)
