"""A strategy's rows as the engine's term sheet, and what its observations hand to each other."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from django.db.models import QuerySet, Subquery, prefetch_related_objects

from apps.core import money
from apps.products.models.markets import CorporateAction, Quote, TradingDay
from apps.products.models.strategies import BasketMember, Observation, ObservationResult, Strategy
from apps.products.payoff import State
from apps.products.terms.reading import read_spec
from apps.products.terms.sheet import TermSheet, TermSheetError

# What a term sheet is read from; whoever reads many has these prefetched.
TERM_ROWS = (
    "basket_members__underlying__exchange",
    "basket_members__underlying__corporate_actions",
    "observations",
    "payment_calendar",
)


def term_sheet(strategy: Strategy, *, as_of: date | None = None) -> TermSheet:
    """Return the strategy as the engine's term sheet; six queries.

    Corporate actions with an ex-date after `as_of` are left out. Raises TermSheetError with a
    sentence where the engine refuses the terms or a special dividend lacks the close before it.
    """
    return read_spec(spec(strategy, as_of=as_of), path=strategy.code)


def term_sheets(
    strategies: Sequence[Strategy], *, as_of: date | None = None
) -> dict[int, TermSheet]:
    """Return the term sheets of many strategies by id; five queries, however many they are.

    A special dividend costs two more. The rows stay prefetched on the strategies given.
    """
    prefetch_related_objects(strategies, *TERM_ROWS)
    sheets = {}
    for one in strategies:
        members = list(one.basket_members.all())
        changes = [
            change
            for member in members
            for change in member.underlying.corporate_actions.all()
            if one.struck_on < change.ex_on <= (as_of or date.max)
        ]
        changes.sort(key=lambda change: (change.ex_on, change.pk))
        observations = sorted(one.observations.all(), key=lambda seen: seen.number)
        sheets[one.pk] = read_spec(_spec(one, members, observations, changes), path=one.code)
    return sheets


def state_before(observation: Observation) -> State:
    """Return what the observations before this one carried; TermSheetError where one is missing."""
    if observation.number == 1:
        return State.start()
    carried = (
        current_results(observation.strategy_id)
        .filter(observation__number=observation.number - 1)
        .values_list("carried", flat=True)
        .first()
    )
    if carried is None:
        raise TermSheetError(f"Observation {observation.number - 1} has no result.")
    return State.from_json(carried)


def current_results(strategy_id: int) -> QuerySet[ObservationResult]:
    """Return the results of a strategy that no correction has superseded."""
    return ObservationResult.objects.current().filter(observation__strategy_id=strategy_id)


def spec(strategy: Strategy, *, as_of: date | None = None) -> dict[str, object]:
    """Return the strategy in the JSON form that `replay_terms` reads: one case's `spec`.

    The notional is one note, or one unit of the currency where there are no notes.
    """
    members = list(strategy.basket_members.select_related("underlying__exchange"))
    observations = list(strategy.observations.order_by("number"))
    changes = CorporateAction.objects.filter(
        underlying__in=[member.underlying_id for member in members],
        ex_on__gt=strategy.struck_on,
        ex_on__lte=as_of or date.max,
    )
    known = list(changes.select_related("underlying__exchange").order_by("ex_on", "pk"))
    return _spec(strategy, members, observations, known)


def _spec(
    strategy: Strategy,
    members: Sequence[BasketMember],
    observations: Sequence[Observation],
    changes: Iterable[CorporateAction],
) -> dict[str, object]:
    places = money.decimals(strategy.currency)
    note = money.major_units(strategy.denomination or 10**places, places)
    return {
        "notional": _text(note),
        "denomination": _text(note) if strategy.denomination else None,
        "currency": strategy.currency,
        "rounding": strategy.rounding,
        "round_per": strategy.round_per if strategy.denomination else "position",
        "issue_date": strategy.struck_on.isoformat(),
        "maturity": strategy.matures_on.isoformat(),
        "memory": strategy.memory,
        **_basket(strategy.basket, strategy.basket_m),
        **_said(
            fx=strategy.fx if strategy.fx != Strategy.Fx.NONE else None,
            lock_in=_said(barrier=_text(strategy.lock_in_barrier)) or None,
        ),
        "level_dp": strategy.level_dp,
        "underlyings": [
            {
                "id": member.underlying.ticker,
                "initial": _text(member.initial_fixing),
                "calendar": member.underlying.exchange.code,
                **_said(weight=_text(member.weight), fx_initial=_text(member.fx_initial)),
            }
            for member in members
        ],
        "coupon": {
            "type": strategy.coupon_kind,
            "rate": _text(strategy.coupon_rate),
            "barrier": _text(strategy.coupon_barrier),
            "upper": _text(strategy.corridor_upper),
            "strict": strategy.barrier_strict,
            "guaranteed": strategy.guaranteed,
            "guaranteed_rate": _text(strategy.guaranteed_rate),
            "basis": strategy.rate_basis,
            "day_count": strategy.day_count,
            "frequency": strategy.coupon_frequency,
            **_said(
                growth_step=_text(strategy.growth_step),
                growth_reset=strategy.growth_reset or None,
            ),
        },
        "autocall": {
            "barrier": _text(strategy.call_barrier),
            "first": strategy.call_first,
            "coupon": strategy.call_coupon,
            "redemption": _text(strategy.call_redemption),
            "deferred": _text(strategy.call_deferred),
            "stock_memory": strategy.call_stock_memory,
            **_basket(strategy.call_basket, strategy.call_m),
            "bonus": {
                str(observation.number): _text(observation.bonus)
                for observation in observations
                if observation.bonus is not None
            },
        },
        "observations": [_observation(observation) for observation in observations],
        "redemption": _redemption(strategy),
        "actions": [_action(change) for change in changes],
        "schedule": {
            "roll": strategy.roll,
            "common": strategy.common_sessions,
            "max_disruption": strategy.max_disruption,
            "disruption_scope": strategy.disruption_scope,
        },
        "payment": {"lag": strategy.payment_lag, **_said(calendar=_calendar(strategy))},
    }


def _observation(observation: Observation) -> dict[str, object]:
    return {
        "date": observation.scheduled_on.isoformat(),
        "pay": observation.pays_on.isoformat() if observation.pays_on else None,
        "rate": _text(observation.coupon_rate),
        "coupon_barrier": _text(observation.coupon_barrier),
        "coupon_upper": _text(observation.corridor_upper),
        "guaranteed": observation.guaranteed,
        "autocall": _text(observation.call_barrier),
        "call_redemption": _text(observation.call_redemption),
        "start": observation.starts_on.isoformat() if observation.starts_on else None,
        "end": observation.ends_on.isoformat() if observation.ends_on else None,
        "in_days": observation.days_inside,
        "total_days": observation.days_total,
    }


def _redemption(strategy: Strategy) -> dict[str, object]:
    """Return the redemption with the terms that its type uses; others would be refused."""
    kinds = Strategy.Redemption
    own: dict[str, object] = {}
    if strategy.redemption == kinds.FIXED:
        own = {"level": _text(strategy.redemption_level)}
    elif strategy.redemption == kinds.FLOOR:
        own = {"floor": _text(strategy.redemption_level)}
    elif strategy.redemption == kinds.BARRIER:
        own = {
            "barrier": _text(strategy.knock_in_barrier),
            "style": strategy.knock_in_style,
            "strike": _text(strategy.strike),
            "floor": _text(strategy.redemption_level),
            "ki_inclusive": strategy.knock_in_inclusive,
            "ki_start": strategy.knock_in_from.isoformat() if strategy.knock_in_from else None,
            **_said(one_star=_text(strategy.one_star), min_return=_text(strategy.min_return)),
        }
    elif strategy.redemption == kinds.BUFFER:
        own = {"buffer": _text(strategy.buffer), **_said(gearing=_text(strategy.gearing))}
    return {
        "type": strategy.redemption,
        "participation": _text(strategy.participation),
        "up_strike": _text(strategy.up_strike),
        **_said(
            step=_text(strategy.step),
            step_barrier=_text(strategy.step_barrier),
            cap=_text(strategy.cap),
        ),
        **_basket(strategy.redemption_basket, strategy.redemption_m),
        **own,
    }


def _basket(kind: str, number: int | None) -> dict[str, object]:
    """Return by which shares something is judged; empty where the product's own basket counts."""
    if kind == Strategy.Basket.N_OF_M:
        return {"basket": kind, "m": number}
    return {"basket": kind} if kind else {}


def _calendar(strategy: Strategy) -> str | None:
    return strategy.payment_calendar.code if strategy.payment_calendar else None


def _said(**terms: object) -> dict[str, object]:
    """Return the terms that say something; a reader need not know those that do not."""
    return {name: term for name, term in terms.items() if term is not None}


def _action(change: CorporateAction) -> dict[str, object]:
    own: dict[str, object] = {
        "id": change.underlying.ticker,
        "ex": change.ex_on.isoformat(),
        "type": change.kind,
    }
    if change.kind == CorporateAction.Kind.SPLIT:
        return own | {"ratio": _text(change.ratio)}
    before = _close_before(change)
    if before is None:
        raise TermSheetError(
            f"{change.underlying.ticker}: no close of the session before the special dividend "
            f"of {change.ex_on.isoformat()}."
        )
    return own | {"amount": _text(change.amount), "prev_close": _text(before)}


def _close_before(change: CorporateAction) -> Decimal | None:
    """Return the confirmed close of the last session before a corporate action."""
    session = (
        TradingDay.objects.filter(exchange=change.underlying.exchange_id, day__lt=change.ex_on)
        .order_by("-day")
        .values("day")[:1]
    )
    return (
        Quote.objects.filter(
            underlying=change.underlying_id,
            day=Subquery(session),
            is_current=True,
            state=Quote.State.CONFIRMED,
        )
        .values_list("close", flat=True)
        .first()
    )


def _text(number: Decimal | None) -> str | None:
    """Return a decimal in plain digits, as the engine's reader wants numbers."""
    return None if number is None else f"{number:f}"
