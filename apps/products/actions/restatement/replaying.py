"""What a strategy's observations come to on what is known today; nothing is written here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from apps.products import payoff
from apps.products.actions.evaluation.deciding import Decided, EvaluationError, decide
from apps.products.actions.evaluation.writing import result_of
from apps.products.actions.rolling import misplaced
from apps.products.models.strategies import Observation, ObservationResult, Strategy
from apps.products.payoff import State, Status
from apps.products.queries.due import Due, examined

# An observation may have used closes after its valuation day: a disrupted share is looked at up to
# some sessions later, and an exchange was shut for 26 days. Looking at one too many changes nothing.
LATER = timedelta(days=60)
MOVES = ("valuation_on", "pays_on", "pays_by_lag", "moved_because")
COMPARED = (
    "outcome", "called", "matured", "rate_paid", "rate_remembered", "worst_id", "worst_level",
    "average_level", "redemption", "deferred",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One observation looked at again: what counted so far and what it comes to now.

    `decided` is None where the strategy turns out to have ended before: then the result is void.
    """

    observation: Observation
    before: ObservationResult
    after: ObservationResult
    decided: Decided | None

    @property
    def changed(self) -> bool:
        return not same(self.before, self.after)


@dataclass(frozen=True, slots=True)
class Replayed:
    """A strategy looked at again, in order; `state` is where its last evaluated observation is."""

    strategy: Strategy
    steps: tuple[Step, ...]
    state: State

    @property
    def changed(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.changed)

    @property
    def ending(self) -> Step | None:
        """Return the step that ends the strategy, if one does."""
        return next(
            (
                step
                for step in self.steps
                if step.decided and step.decided.outcome.status is not Status.LIVE
            ),
            None,
        )


def replay(strategy: Strategy, since: date, *, at: datetime, roll: bool = False) -> Replayed:
    """Evaluate again, memory and all, what may have used something of `since` or later.

    Only observations that have a result are looked at; what was never evaluated is the evaluation's.
    With `roll` they are looked at on the days on which they belong by today's disruptions.
    Raises EvaluationError, or what the engine raises, where one of them cannot be decided today.
    """
    seen = last_results(strategy)
    if roll:
        _roll(strategy, seen)
    first = next(
        (n for n, one in enumerate(seen) if one.observation.valuation_on + LATER >= since),
        len(seen),
    )
    start = State.from_json(seen[first - 1].carried) if first else State.start()
    steps = tuple(_steps(seen[first:], start, at))
    state = State.from_json(steps[-1].after.carried) if steps else start
    return Replayed(strategy, steps, state)


def _roll(strategy: Strategy, results: Sequence[ObservationResult]) -> None:
    """Put the loaded observations onto the days on which they belong; nothing is saved."""
    belong = {one.pk: dates for one, dates in misplaced(strategy.observations.all())}
    for observation in (result.observation for result in results):
        if dates := belong.get(observation.pk):
            for name in MOVES:
                setattr(observation, name, getattr(dates, name))


def last_results(strategy: Strategy) -> list[ObservationResult]:
    """Return the last result of every observation that has one, void ones too, in order."""
    results = ObservationResult.objects.filter(
        observation__strategy=strategy, superseded_by__isnull=True
    )
    return list(
        results.select_related("observation__strategy", "worst").order_by("observation__number")
    )


def same(one: ObservationResult, other: ObservationResult) -> bool:
    """Say whether two results say the same; a share's new name is no other result."""
    return (
        all(getattr(one, name) == getattr(other, name) for name in COMPARED)
        and State.from_json(one.carried) == State.from_json(other.carried)
        and _same_levels(one.levels, other.levels)
    )


def _steps(results: Sequence[ObservationResult], state: State, at: datetime) -> Iterator[Step]:
    items = {
        item.observation.pk: item
        for item in examined([result.observation for result in results], at=at)
    }
    for before in results:
        decided = None
        if state.status is Status.LIVE:
            decided = decide(_ready(before.observation, items), state=state)
            after = result_of(decided, at=at, supersedes=before)
            state = decided.outcome.state
        else:
            after = _void(before, state, at)
        yield Step(before.observation, before, after, decided)


def _ready(observation: Observation, items: dict[int, Due]) -> Due:
    item = items.get(observation.pk)
    if item is None:
        raise EvaluationError(f"{observation}: {observation.valuation_on}")
    if item.lacks:
        raise EvaluationError("; ".join(item.lacks))
    return item


def _void(before: ObservationResult, state: State, at: datetime) -> ObservationResult:
    """Return the result of an observation that was never to be: nothing, and the end carried on."""
    return ObservationResult(
        observation=before.observation,
        supersedes=before,
        outcome=ObservationResult.Outcome.VOID,
        rate_paid=0,
        rate_remembered=0,
        levels={},
        carried=state.as_json(),
        formula_version=payoff.FORMULA_VERSION,
        evaluated_at=at,
    )


def _same_levels(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Compare what both know of every share: a newer version may note more of it."""
    return one.keys() == other.keys() and all(
        one[ticker].get(name) == other[ticker].get(name)
        for ticker in one
        for name in (one[ticker].keys() & other[ticker].keys()) - {"name"}
    )
