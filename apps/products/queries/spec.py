"""Terms and columns: where each column of a strategy stands in the JSON form of a term sheet.

One table serves both ways, rows to terms and terms to rows. What equals the usual term is left out,
so that two forms of the same strategy read alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Model

from apps.core import money
from apps.products.models.markets import CorporateAction
from apps.products.models.strategies import BasketMember, Observation, Strategy

STRATEGY = {
    "currency": "currency",
    "rounding": "rounding",
    "round_per": "round_per",
    "issue_date": "struck_on",
    "maturity": "matures_on",
    "memory": "memory",
    "memory_end": "memory_end",
    "basket": "basket",
    "m": "basket_m",
    "fx": "fx",
    "level_dp": "level_dp",
    "lock_in.barrier": "lock_in_barrier",
    "coupon.type": "coupon_kind",
    "coupon.rate": "coupon_rate",
    "coupon.basis": "rate_basis",
    "coupon.day_count": "day_count",
    "coupon.frequency": "coupon_frequency",
    "coupon.barrier": "coupon_barrier",
    "coupon.upper": "corridor_upper",
    "coupon.strict": "barrier_strict",
    "coupon.guaranteed": "guaranteed",
    "coupon.guaranteed_rate": "guaranteed_rate",
    "coupon.growth_step": "growth_step",
    "coupon.growth_reset": "growth_reset",
    "autocall.barrier": "call_barrier",
    "autocall.first": "call_first",
    "autocall.basket": "call_basket",
    "autocall.m": "call_m",
    "autocall.redemption": "call_redemption",
    "autocall.coupon": "call_coupon",
    "autocall.stock_memory": "call_stock_memory",
    "autocall.bonus_on": "bonus_on",
    "autocall.deferred": "call_deferred",
    "redemption.type": "redemption",
    "redemption.basket": "redemption_basket",
    "redemption.m": "redemption_m",
    "redemption.participation": "participation",
    "redemption.up_strike": "up_strike",
    "redemption.step": "step",
    "redemption.step_barrier": "step_barrier",
    "redemption.min_return": "min_return",
    "redemption.cap": "cap",
    "schedule.roll": "roll",
    "schedule.common": "common_sessions",
    "schedule.max_disruption": "max_disruption",
    "schedule.disruption_scope": "disruption_scope",
    "payment.lag": "payment_lag",
}
# Terms that only one type of redemption knows; the engine refuses them with any other.
REDEMPTION: dict[str, dict[str, str]] = {
    "full": {},
    "fixed": {"redemption.level": "redemption_level"},
    "floor": {"redemption.floor": "redemption_level"},
    "barrier": {
        "redemption.barrier": "knock_in_barrier",
        "redemption.style": "knock_in_style",
        "redemption.strike": "strike",
        "redemption.ki_inclusive": "knock_in_inclusive",
        "redemption.ki_start": "knock_in_from",
        "redemption.one_star": "one_star",
        "redemption.floor": "redemption_level",
    },
    "buffer": {
        "redemption.buffer": "buffer",
        "redemption.gearing": "gearing",
        "redemption.floor": "redemption_level",
    },
}
MEMBER = {"initial": "initial_fixing", "weight": "weight", "fx_initial": "fx_initial"}
OBSERVATION = {
    "date": "scheduled_on",
    "pay": "pays_on",
    "rate": "coupon_rate",
    "coupon_barrier": "coupon_barrier",
    "coupon_upper": "corridor_upper",
    "autocall": "call_barrier",
    "guaranteed": "guaranteed",
    "start": "starts_on",
    "end": "ends_on",
    "in_days": "days_inside",
    "accrual_days": "accrual_days",
    "total_days": "days_total",
    "call_redemption": "call_redemption",
}
# A strategy remembers missed coupons unless told otherwise; a term sheet does not.
ALWAYS = {"memory"}


def written_spec(
    strategy: Strategy,
    members: Iterable[BasketMember],
    observations: Sequence[Observation],
    actions: Iterable[Mapping[str, object]],
) -> dict[str, object]:
    """Return the terms of a strategy whose rows were read; no query but for a payment calendar.

    The notional is one note, or one unit of the currency where there are no notes.
    """
    places = money.decimals(strategy.currency)
    note = _plain(money.major_units(strategy.denomination or 10**places, places))
    terms = _terms(strategy, STRATEGY | REDEMPTION[strategy.redemption])
    terms |= {"notional": note, "ccy_dp": places}
    if strategy.denomination:
        terms["denomination"] = note
    if strategy.payment_calendar is not None:
        terms["payment.calendar"] = strategy.payment_calendar.code
    bonuses = {one.number: one.bonus for one in observations if one.bonus is not None}
    for number, bonus in bonuses.items():
        terms[f"autocall.bonus.{number}"] = _plain(bonus)
    return _nested(terms) | {
        "underlyings": [
            {
                "id": member.underlying.ticker,
                "calendar": member.underlying.exchange.code,
                **_terms(member, MEMBER),
            }
            for member in members
        ],
        "observations": [_observation(observation) for observation in observations],
        "actions": list(actions),
    }


def _observation(observation: Observation) -> dict[str, object]:
    terms = _terms(observation, OBSERVATION)
    return terms if observation.calls else terms | {"autocall": False}


def written_action(change: CorporateAction, close_before: Decimal | None) -> dict[str, object]:
    """Return a corporate action; a special dividend needs the close of the session before it."""
    own: dict[str, object] = {
        "id": change.underlying.ticker,
        "ex": change.ex_on.isoformat(),
        "type": change.kind,
    }
    if change.kind == CorporateAction.Kind.SPLIT:
        return own | {"ratio": _plain(change.ratio)}
    return own | {"amount": _plain(change.amount), "prev_close": _plain(close_before)}


def columns_of(terms: Mapping[str, Any], table: Mapping[str, str]) -> dict[str, Any]:
    """Return what JSON terms say about the columns of a table; a null says nothing."""
    said = _flat(terms)
    return {column: said[term] for term, column in table.items() if said.get(term) is not None}


def _terms(row: Model, table: Mapping[str, str]) -> dict[str, object]:
    """Return by name the terms that a row holds, but for the usual ones."""
    terms = {}
    for term, column in table.items():
        value = getattr(row, column)
        usual = row._meta.get_field(column).get_default()  # type: ignore[union-attr]
        if term in ALWAYS or (value not in (None, "") and value != usual):
            terms[term] = _plain(value)
    return terms


def _plain(value: Any) -> object:
    """Return a value as JSON has it: decimals in plain digits, days in ISO form."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def _nested(terms: Mapping[str, object]) -> dict[str, Any]:
    """Return terms with dotted names as objects within objects."""
    nested: dict[str, Any] = {}
    for term, value in terms.items():
        *outer, name = term.split(".")
        place = nested
        for key in outer:
            place = place.setdefault(key, {})
        place[name] = value
    return nested


def _flat(terms: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in terms.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{path}{name}.")
        else:
            flat[f"{path}{name}"] = value
    return flat
