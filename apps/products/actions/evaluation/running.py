"""The tick: every observation that is due, each once and in order, many strategies at a time."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.db import DataError, IntegrityError, OperationalError, transaction
from psycopg.errors import DeadlockDetected, LockNotAvailable, SerializationFailure

from apps.products.actions.evaluation.deciding import Decided, decide, prepare
from apps.products.actions.evaluation.writing import end, write_events, write_money, write_results
from apps.products.actions.rolling import roll_unplaced
from apps.products.models.strategies import Observation
from apps.products.payoff import Status
from apps.products.queries.due import AHEAD, Due, due, examined, next_observations

LONGEST = 500  # characters of Observation.waiting_for
TOGETHER = 25  # strategies a transaction: enough to spare statements, few enough to be over soon
BATCHES = 4  # that one evaluator gets through before another would have begun
MOST_HELPERS = 3  # beside the first: the database has its limit, and others work there too
# Another evaluation or an import came in between; the next tick finds the way free.
CROSSED = (DeadlockDetected, LockNotAvailable, SerializationFailure)


def evaluate_due(*, at: datetime) -> int:
    """Evaluate every observation that is due at `at`, in order; return how many were.

    Goes on until nothing more is due, so it catches up on a past of several observations. Each is
    tried once; one that lacks something waits and stops no other. Several may run at once: they
    share the work.
    """
    roll_unplaced(at=at)
    tried: set[int] = set()
    evaluated = 0
    # Only what was evaluated makes something else due.
    while done := _evaluate_all(_untried(due(at=at), tried), at):
        evaluated += done
    return evaluated


def helpers(*, at: datetime) -> int:
    """Return how many more evaluators are worth starting for what may be due."""
    ahead = next_observations().filter(valuation_on__lte=at.date() + AHEAD).count()
    return min(ahead // (BATCHES * TOGETHER), MOST_HELPERS)


def evaluate_observation(observation_id: int, *, at: datetime) -> bool:
    """Evaluate one observation and all its policies in one transaction; say whether it was done.

    Not done where it is not the strategy's next one, its day has not closed, somebody else does it,
    or something is lacking or wrong: the last is written to `waiting_for`, and nothing else is.
    """
    roll_unplaced(at=at)
    return bool(_attempt([observation_id], at))


def _untried(found: Iterable[Due], tried: set[int]) -> list[Due]:
    fresh = [item for item in found if item.observation.pk not in tried]
    tried.update(item.observation.pk for item in fresh)
    return fresh


def _evaluate_all(found: Iterable[Due], at: datetime) -> int:
    ready = []
    for item in found:
        if item.lacks:
            _wait(item.observation, item.lacks)
        else:
            ready.append(item.observation.pk)
    batches = [ready[start : start + TOGETHER] for start in range(0, len(ready), TOGETHER)]
    return sum(_attempt(batch, at) for batch in batches)


def _attempt(batch: Sequence[int], at: datetime) -> int:
    """Evaluate observations together; where that fails each for itself, so that it fails alone."""
    try:
        return _evaluate(batch, at)
    except OperationalError as failure:
        if not isinstance(failure.__cause__, CROSSED):
            raise
    except (ValueError, ArithmeticError, DataError, IntegrityError) as failure:
        # The fault of one strategy's terms or policies is its own: no other must wait for it.
        if len(batch) == 1:
            _wait(Observation.objects.get(pk=batch[0]), [str(failure)])
    return sum(_attempt([one], at) for one in batch) if len(batch) > 1 else 0


@transaction.atomic
def _evaluate(batch: Sequence[int], at: datetime) -> int:
    decided = list(_decided(_claimed(batch, at)))
    if not decided:
        return 0
    written = write_results(decided, at=at)
    write_money(written)
    write_events(written, at=at)
    for one in written:
        if one.decided.outcome.status is not Status.LIVE:
            end(*one)
    return Observation.objects.filter(
        pk__in=[one.due.observation.pk for one in decided], state__in=Observation.OPEN
    ).update(state=Observation.State.EVALUATED, waiting_for="")


def _claimed(batch: Sequence[int], at: datetime) -> list[Due]:
    """Lock those observations that are still to be made and nobody else is about to make."""
    mine = (
        next_observations()
        .filter(pk__in=batch)
        .select_related("strategy")
        .select_for_update(skip_locked=True, of=("self",))
    )
    # Looked at again, since a close may have been held or a day moved before they were locked.
    return examined(mine.order_by("pk"), at=at)


def _decided(claimed: Sequence[Due]) -> Iterator[Decided]:
    """Ask the engine of each; what lacks something or cannot be decided waits and says why."""
    ready = [item for item in claimed if not item.lacks]
    states = prepare(ready)
    for item in claimed:
        try:
            if item.lacks:
                _wait(item.observation, item.lacks)
            else:
                yield decide(item, state=states.get(item.observation.pk))
        except (ValueError, ArithmeticError) as failure:
            _wait(item.observation, [str(failure)])


def _wait(observation: Observation, reasons: Iterable[str]) -> None:
    """Say what an observation waits for; the same reason again writes nothing."""
    reason = "; ".join(reason.partition("\n")[0] for reason in reasons)
    if len(reason) > LONGEST:
        reason = f"{reason[: LONGEST - 1]}…"
    if (observation.state, observation.waiting_for) != (Observation.State.WAITING, reason):
        Observation.objects.filter(pk=observation.pk, state__in=Observation.OPEN).update(
            state=Observation.State.WAITING, waiting_for=reason
        )
