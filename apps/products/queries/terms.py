"""A strategy's rows as the engine's term sheet, and what its observations hand to each other."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from django.db.models import QuerySet, Subquery, prefetch_related_objects

from apps.products.models.markets import CorporateAction, Quote, TradingDay
from apps.products.models.strategies import Observation, ObservationResult, Strategy
from apps.products.payoff import State
from apps.products.queries.spec import written_action, written_spec
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
        sheets[one.pk] = read_spec(
            written_spec(one, members, observations, map(_action, changes)), path=one.code
        )
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


def states_before(observations: Iterable[Observation]) -> dict[int, State]:
    """Return what was carried to each of the observations, by its id, where it is known; a query."""
    asked = list(observations)
    numbers = {(each.strategy_id, each.number - 1): each.pk for each in asked if each.number > 1}
    known = {each.pk: State.start() for each in asked if each.number == 1}
    carried = ObservationResult.objects.current().filter(
        observation__strategy__in={strategy for strategy, _number in numbers},
        observation__number__in={number for _strategy, number in numbers},
    )
    for strategy, number, state in carried.values_list(
        "observation__strategy", "observation__number", "carried"
    ):
        if (strategy, number) in numbers:
            known[numbers[strategy, number]] = State.from_json(state)
    return known


def current_results(strategy_id: int) -> QuerySet[ObservationResult]:
    """Return the results of a strategy that no correction has superseded."""
    return ObservationResult.objects.current().filter(observation__strategy_id=strategy_id)


def spec(strategy: Strategy, *, as_of: date | None = None) -> dict[str, object]:
    """Return the strategy in the JSON form that `replay_terms` reads: one case's `spec`.

    Corporate actions with an ex-date after `as_of` are left out.
    """
    members = list(strategy.basket_members.select_related("underlying__exchange"))
    observations = list(strategy.observations.order_by("number"))
    changes = CorporateAction.objects.filter(
        underlying__in=[member.underlying_id for member in members],
        ex_on__gt=strategy.struck_on,
        ex_on__lte=as_of or date.max,
    )
    known = list(changes.select_related("underlying__exchange").order_by("ex_on", "pk"))
    return written_spec(strategy, members, observations, map(_action, known))


def _action(change: CorporateAction) -> dict[str, object]:
    if change.kind == CorporateAction.Kind.SPLIT:
        return written_action(change, None)
    before = _close_before(change)
    if before is None:
        raise TermSheetError(
            f"{change.underlying.ticker}: no close of the session before the special dividend "
            f"of {change.ex_on.isoformat()}."
        )
    return written_action(change, before)


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
