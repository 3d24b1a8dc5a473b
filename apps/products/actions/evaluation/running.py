"""The tick: every observation that is due, each once, in order, in a transaction of its own."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db import DataError, IntegrityError, transaction

from apps.products.actions.evaluation.deciding import decide
from apps.products.actions.evaluation.writing import end, write_events, write_money, write_result
from apps.products.actions.rolling import roll_unplaced
from apps.products.models.strategies import Observation
from apps.products.payoff import Status
from apps.products.queries.due import Due, due, examined, next_observations

LONGEST = 500  # characters of Observation.waiting_for


def evaluate_due(*, at: datetime) -> int:
    """Evaluate every observation that is due at `at`, in order; return how many were.

    Goes on until nothing more is due, so it catches up on a past of several observations. Each is a
    transaction of its own and is tried once; one that lacks something waits and stops no other.
    """
    roll_unplaced(at=at)
    tried: set[int] = set()
    evaluated = 0
    # Only what was evaluated makes something else due.
    while done := sum(_attempts(due(at=at), tried, at)):
        evaluated += done
    return evaluated


def evaluate_observation(observation_id: int, *, at: datetime) -> bool:
    """Evaluate one observation and all its policies in one transaction; say whether it was done.

    Not done where it is not the strategy's next one, its day has not closed, somebody else did it,
    or something is lacking or wrong: the last is written to `waiting_for`, and nothing else is.
    """
    observation = next_observations().select_related("strategy").filter(pk=observation_id).first()
    found = examined([observation], at=at) if observation else []
    return any(_attempt(item, at) for item in found)


def _attempts(found: Iterable[Due], tried: set[int], at: datetime) -> Iterator[bool]:
    for item in found:
        if item.observation.pk not in tried:
            tried.add(item.observation.pk)
            yield _attempt(item, at)


def _attempt(item: Due, at: datetime) -> bool:
    if item.lacks:
        _wait(item.observation, item.lacks)
        return False
    try:
        return _evaluate(item, at)
    except (ValueError, ArithmeticError, DataError, IntegrityError) as failure:
        # The fault of one strategy's terms or policies is its own: no other must wait for it.
        _wait(item.observation, [str(failure).partition("\n")[0]])
        return False


@transaction.atomic
def _evaluate(item: Due, at: datetime) -> bool:
    claimed = (
        next_observations()
        .filter(pk=item.observation.pk, valuation_on=item.observation.valuation_on)
        .update(state=Observation.State.EVALUATED, waiting_for="")
    )
    if not claimed:
        return False
    decided = decide(item)
    result = write_result(decided, at=at)
    write_money(decided, result)
    write_events(decided, result, at=at)
    if decided.outcome.status is not Status.LIVE:
        end(decided, result)
    return True


def _wait(observation: Observation, reasons: Iterable[str]) -> None:
    """Say what an observation waits for; the same reason again writes nothing."""
    reason = "; ".join(reasons)
    if len(reason) > LONGEST:
        reason = f"{reason[: LONGEST - 1]}…"
    if (observation.state, observation.waiting_for) != (Observation.State.WAITING, reason):
        Observation.objects.filter(pk=observation.pk, state__in=Observation.OPEN).update(
            state=Observation.State.WAITING, waiting_for=reason
        )
