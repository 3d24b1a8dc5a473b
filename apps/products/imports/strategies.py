"""The file of strategies: one row a term sheet, with its basket and observations in lists."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from apps.core import money
from apps.core.imports.columns import Choice, Currency, Day, Flag, Number, Text, Whole
from apps.core.imports.resource import Row, Stored, TableResource
from apps.products.actions.strategies import StrategyError, publish_strategy
from apps.products.imports.amounts import Amount, minor_units
from apps.products.imports.lists import Basket, Days, DaySet, Each, Level
from apps.products.imports.markets import EXCHANGE, TICKER, said, unknown
from apps.products.models.markets import Exchange, Underlying
from apps.products.models.strategies import BasketMember, Observation, Strategy
from apps.products.queries.contradictions import contradictions

# Lists with one entry an observation, and the term of the observation that they override.
LISTS = {
    "coupon_rates": "coupon_rate",
    "coupon_barriers": "coupon_barrier",
    "corridor_uppers": "corridor_upper",
    "guarantees": "guaranteed",
    "call_barriers": "call_barrier",
    "call_redemptions": "call_redemption",
    "bonuses": "bonus",
    "can_call": "calls",
    "payment_days": "pays_on",
    "period_starts": "starts_on",
    "period_ends": "ends_on",
    "accrual_days": "accrual_days",
    "days_inside": "days_inside",
    "days_total": "days_total",
}
# The same for the shares of the basket.
SHARES = {"weights": "weight", "currency_pairs": "fx_pair", "initial_rates": "fx_initial"}
NOT_TERMS = {
    "code", "state", "denomination", "payment_calendar", "underlyings", "observations", *LISTS,
    *SHARES,
}  # fmt: skip

# Where a marketer has to look when the strategy breaks a rule of the table.
COLUMN_OF = {
    "strategy_rate_not_negative": "coupon_rate",
    "strategy_corridor_in_order": "corridor_upper",
    "strategy_protection_has_level": "redemption_level",
    "strategy_knock_in_has_barrier": "knock_in_barrier",
    "strategy_n_of_m_has_number": "basket_m",
    "strategy_call_has_number": "call_m",
    "strategy_redemption_has_number": "redemption_m",
    "strategy_days_of_yearly_rate": "day_count",
    "strategy_growth_reset_has_step": "growth_step",
    "strategy_buffer_has_size": "buffer",
    "strategy_step_barrier_has_step": "step",
    "strategy_frequency_from_one": "coupon_frequency",
}


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
    weights = Each(Number(digits=12, places=8, above=0))
    currency_pairs = Each(Text(20, like=TICKER))
    initial_rates = Each(Number(digits=20, places=8, above=0))
    basket = Choice(Strategy.Basket.values)
    basket_m = Whole(least=1, most=1000)
    fx = Choice(Strategy.Fx.values)
    lock_in_barrier = Level()
    coupon_kind = Choice(Strategy.CouponKind.values)
    coupon_rate = Level(required=True)
    rate_basis = Choice(Strategy.RateBasis.values)
    day_count = Choice(Strategy.DayCount.values)
    coupon_frequency = Whole(least=1, most=366)
    coupon_barrier = Level()
    corridor_upper = Level()
    barrier_strict = Flag()
    memory = Flag()
    memory_end = Choice(Strategy.MemoryEnd.values)
    guaranteed = Flag()
    guaranteed_rate = Level()
    growth_step = Level()
    growth_reset = Flag()
    call_barrier = Level()
    call_first = Whole(least=1, most=1000)
    call_basket = Choice(Strategy.Basket.values)
    call_m = Whole(least=1, most=1000)
    call_stock_memory = Flag()
    call_coupon = Choice(Strategy.CallCoupon.values)
    bonus_on = Choice(Strategy.BonusOn.values)
    call_redemption = Level()
    call_deferred = Level()
    redemption = Choice(Strategy.Redemption.values)
    redemption_level = Level()
    knock_in_barrier = Level()
    knock_in_style = Choice(Strategy.BarrierStyle.values)
    knock_in_from = Day()
    knock_in_inclusive = Flag()
    strike = Level()
    one_star = Level()
    buffer = Level()
    gearing = Level()
    redemption_basket = Choice(Strategy.Basket.values)
    redemption_m = Whole(least=1, most=1000)
    participation = Level()
    up_strike = Level()
    step = Level()
    step_barrier = Level()
    min_return = Level()
    cap = Level()
    rounding = Choice(Strategy.Rounding.values)
    round_per = Choice(Strategy.RoundPer.values)
    level_dp = Whole(least=0, most=8)
    roll = Choice(Strategy.Roll.values)
    common_sessions = Flag()
    max_disruption = Whole(least=0, most=100)
    disruption_scope = Choice(Strategy.Scope.values)
    payment_lag = Whole(least=0, most=100)
    payment_calendar = Text(10, like=EXCHANGE)
    coupon_rates = Each(Level())
    coupon_barriers = Each(Level())
    corridor_uppers = Each(Level())
    guarantees = Each(Flag())
    call_barriers = Each(Level())
    call_redemptions = Each(Level())
    bonuses = Each(Level())
    can_call = Each(Flag())
    payment_days = Each(Day())
    period_starts = Each(Day())
    period_ends = Each(Day())
    accrual_days = Each(DaySet())
    days_inside = Each(Whole(least=0, most=10_000))
    days_total = Each(Whole(least=1, most=10_000))

    key = ("code",)
    blank_clears = True

    class Meta:
        model = Strategy

    def look_up(self, rows: Sequence[Row]) -> None:
        listed = Underlying.objects.select_related("exchange")
        self.shares = {share.ticker: share for share in listed}
        self.exchanges = {exchange.code: exchange for exchange in Exchange.objects.all()}

    def present(self, rows: Sequence[Row]) -> Iterable[Strategy]:
        return Strategy.objects.filter(code__in=said(rows, "code"))

    def stored(self, instances: Sequence[Strategy]) -> Iterator[Stored]:
        prefetch_related_objects(
            instances, "basket_members__underlying", "basket_members__fx_pair", "observations",
            "payment_calendar",
        )  # fmt: skip
        for strategy in instances:
            yield Stored(strategy, self._values(strategy))

    def _values(self, strategy: Strategy) -> dict[str, Any]:
        draft = strategy.state == Strategy.State.DRAFT
        note = strategy.denomination
        observations = sorted(strategy.observations.all(), key=lambda each: each.number)
        members = sorted(strategy.basket_members.all(), key=lambda each: each.pk)
        calendar = strategy.payment_calendar
        return {
            "code": strategy.code,
            **{name: getattr(strategy, name) for name in self.fields.keys() - NOT_TERMS},
            "state": (Strategy.State.DRAFT if draft else Strategy.State.PUBLISHED).value,
            "denomination": note and money.major_units(note, money.decimals(strategy.currency)),
            "payment_calendar": None if calendar is None else calendar.code,
            "underlyings": tuple(
                (member.underlying.ticker, member.initial_fixing) for member in members
            ),
            "weights": _own(tuple(member.weight for member in members)),
            "currency_pairs": _own(
                tuple(member.fx_pair.ticker if member.fx_pair else None for member in members)
            ),
            "initial_rates": _own(tuple(member.fx_initial for member in members)),
            "observations": tuple(each.scheduled_on for each in observations),
            **{
                name: _own(tuple(_said(each, term) for each in observations))
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
        for lists, owner, too_many in (
            (
                LISTS,
                "observations",
                _("There are %(entries)d entries, but %(count)d observations."),
            ),
            (SHARES, "underlyings", _("There are %(entries)d entries, but %(count)d shares.")),
        ):
            if owner in row.values:
                self._settle_lists(row, lists, len(row.values[owner]), too_many)

    def _settle_lists(self, row: Row, lists: Iterable[str], count: int, too_many: str) -> None:
        for name in row.values.keys() & lists:
            entries = row.values[name] or ()
            if len(entries) > count:
                row.refuse(
                    name, too_many % {"entries": len(entries), "count": count}, "wrong_length"
                )
            row.values[name] = _own(entries + (None,) * (count - len(entries)))

    def check(self, row: Row) -> None:
        self._check_names(row)
        if currency := row.values.get("currency"):
            minor_units(row, "denomination", currency)
        self._check_days(row)
        if row.stored and row.instance.state != Strategy.State.DRAFT:
            for name in sorted(row.changes):
                row.refuse(
                    name,
                    _("%(strategy)s is %(state)s; its terms no longer change.")
                    % {"strategy": row.instance, "state": row.instance.get_state_display()},
                    "no_longer_changes",
                )
        if not row.faults:
            self._check_rules(row)

    def _check_names(self, row: Row) -> None:
        """Refuse shares, currency pairs and exchanges that nobody knows."""
        for ticker, _fixing in row.values.get("underlyings", ()):
            if ticker not in self.shares:
                row.refuse("underlyings", unknown(_("share"), ticker, self.shares), "unknown_share")
        for ticker in row.values.get("currency_pairs") or ():
            if ticker is not None and ticker not in self.shares:
                row.refuse(
                    "currency_pairs",
                    unknown(_("currency pair"), ticker, self.shares),
                    "unknown_share",
                )
        calendar = row.values.get("payment_calendar")
        if calendar is not None and calendar not in self.exchanges:
            row.refuse(
                "payment_calendar",
                unknown(_("exchange"), calendar, self.exchanges),
                "unknown_exchange",
            )

    def _check_days(self, row: Row) -> None:
        struck_on, matures_on = row.values.get("struck_on"), row.values.get("matures_on")
        days = row.values.get("observations")
        if struck_on and matures_on and matures_on <= struck_on:
            row.refuse(
                "matures_on", _("The maturity must lie after the strike date."), "days_out_of_order"
            )
            return
        if struck_on and days and days[0] <= struck_on:
            row.refuse(
                "observations",
                _("The first observation must come after the strike date."),
                "days_out_of_order",
            )
        if matures_on and days and days[-1] > matures_on:
            row.refuse(
                "observations",
                _("The last observation comes after the maturity."),
                "days_out_of_order",
            )

    def _check_rules(self, row: Row) -> None:
        """Hold the strategy against the rules of its table."""
        trial = self._filled(row, Strategy())
        for constraint in Strategy._meta.constraints:
            try:
                constraint.validate(Strategy, trial)
            except ValidationError as error:
                row.refuse(
                    COLUMN_OF.get(constraint.name, ""), " ".join(error.messages), "contradiction"
                )
        if not row.faults:
            for each in contradictions(trial, self._members(row, trial), _observations(row, trial)):
                row.refuse(each.column, each.sentence, "contradiction")

    def _filled(self, row: Row, strategy: Strategy) -> Strategy:
        values = _whole(row)
        strategy.code = values["code"]
        for name in (self.fields.keys() - NOT_TERMS) & values.keys():
            setattr(strategy, name, values[name])
        if "denomination" in row.values:
            strategy.denomination = minor_units(row, "denomination", strategy.currency)
        if "payment_calendar" in values:
            strategy.payment_calendar = self.exchanges.get(values["payment_calendar"])
        return strategy

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        drafts = Strategy.objects.select_for_update().filter(state=Strategy.State.DRAFT)
        known = drafts.in_bulk([row.instance.pk for row in rows if row.stored])
        for row in rows:
            if row.stored and row.instance.pk not in known:
                row.refuse(
                    "code", _("The strategy was published a moment ago."), "changed_meanwhile"
                )
                continue
            row.instance = self._filled(row, known[row.instance.pk] if row.stored else Strategy())
            row.instance.save()
            self._write_basket(row)
            self._write_observations(row)
            if row.values.get("state") == Strategy.State.PUBLISHED:
                try:
                    row.instance = publish_strategy(row.instance.pk, at=at)
                except StrategyError as error:
                    row.refuse("state", str(error), "contradiction")

    def _write_basket(self, row: Row) -> None:
        if row.changes & {"underlyings", *SHARES}:
            row.instance.basket_members.all().delete()
            BasketMember.objects.bulk_create(self._members(row, row.instance))

    def _members(self, row: Row, strategy: Strategy) -> list[BasketMember]:
        """Return the shares as the row says, unsaved; other shares have other weights."""
        values = _whole(row)
        stored = row.stored.values["underlyings"] if row.stored else ()
        shares = values["underlyings"]
        if [ticker for ticker, _fixing in stored] != [ticker for ticker, _fixing in shares]:
            values |= {name: row.values.get(name) for name in SHARES}
        none = [None] * len(shares)
        weights, pairs, rates = (values.get(name) or none for name in SHARES)
        return [
            BasketMember(
                strategy=strategy,
                underlying=self.shares[ticker],
                initial_fixing=fixing,
                weight=weights[place],
                fx_pair=self.shares.get(pairs[place] or ""),
                fx_initial=rates[place],
            )
            for place, (ticker, fixing) in enumerate(shares)
        ]

    def _write_observations(self, row: Row) -> None:
        if row.changes & {"observations", *LISTS}:
            row.instance.observations.all().delete()
            Observation.objects.bulk_create(_observations(row, row.instance))


def _observations(row: Row, strategy: Strategy) -> list[Observation]:
    """Return the observations as the row says, unsaved."""
    values = _whole(row)
    days = values["observations"]
    if "observations" in row.changes:  # other days are paid on other days
        values["payment_days"] = row.values.get("payment_days")
    lists = {term: (*(values.get(name) or ()), *[None] * len(days)) for name, term in LISTS.items()}
    return [
        Observation(
            strategy=strategy,
            number=place + 1,
            scheduled_on=day,
            valuation_on=day,
            **{
                term: entries[place]
                for term, entries in lists.items()
                if entries[place] is not None  # else the usual
            },
        )
        for place, day in enumerate(days)
    ]


def _whole(row: Row) -> dict[str, Any]:
    """Return what is stored, and over it what the row says."""
    return {**(row.stored.values if row.stored else {}), **row.values}


def _said(observation: Observation, term: str) -> Any:
    """Return an observation's own term; None where it is the usual one."""
    value = getattr(observation, term)
    usual = Observation._meta.get_field(term).get_default()  # type: ignore[union-attr]
    return None if value == usual else value


def _own(entries: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Return the entries, or None where each of them is the strategy's own."""
    return entries if any(entry is not None for entry in entries) else None


def _field(name: str) -> Any:
    return Strategy._meta.get_field(name)
