"""The tick: every strategy that is to be looked at again, each in a transaction of its own."""

from datetime import datetime

from django.db import DataError, IntegrityError, OperationalError, transaction
from django.db.models import Exists, OuterRef

from apps.products.actions.evaluation.running import CROSSED
from apps.products.actions.restatement.replaying import replay
from apps.products.actions.restatement.writing import write
from apps.products.models.restatements import RestatedStrategy, Restatement
from apps.products.models.strategies import Observation

State = RestatedStrategy.State
LONGEST = 500  # characters of RestatedStrategy.waiting_for


def restate_due(*, at: datetime) -> int:
    """Carry out what restatements order; return how many strategies were looked at.

    One that lacks something says so, is tried again by the next tick and stops no other.
    """
    queued = RestatedStrategy.objects.filter(
        state=State.QUEUED, restatement__state=Restatement.State.QUEUED
    )
    done = sum(_attempt(pk, at) for pk in list(queued.order_by("pk").values_list("pk", flat=True)))
    _finish(at)
    return done


def restate_strategy(row_id: int, *, at: datetime) -> bool:
    """Look at one strategy of a restatement again and write what came out otherwise.

    One transaction. False where somebody else did it or its restatement is not to be carried out.
    """
    with transaction.atomic():
        claimed = RestatedStrategy.objects.filter(
            Exists(
                Restatement.objects.filter(
                    pk=OuterRef("restatement"), state=Restatement.State.QUEUED
                )
            ),
            pk=row_id,
            state=State.QUEUED,
        ).update(state=State.DONE, done_at=at, waiting_for="")
        if not claimed:
            return False
        row = RestatedStrategy.objects.select_related("restatement", "strategy").get(pk=row_id)
        _lock(row)
        replayed = replay(row.strategy, row.since_on, at=at, roll=row.restatement.moves_days)
        changed = write(replayed, row.restatement, at=at)
        RestatedStrategy.objects.filter(pk=row_id).update(
            checked=len(replayed.steps), changed=changed
        )
    return True


def _lock(row: RestatedStrategy) -> None:
    """Keep evaluations and other restatements of the strategy out until this one is written.

    An evaluation holds the observation that it claimed, and reads its inputs afterwards.
    """
    locked = Observation.objects.select_for_update(no_key=True).filter(strategy=row.strategy_id)
    list(locked.order_by("number").values_list("pk"))


def _attempt(row_id: int, at: datetime) -> bool:
    try:
        return restate_strategy(row_id, at=at)
    except OperationalError as failure:
        # Two that crossed each other's locks: the next tick tries again.
        if not isinstance(failure.__cause__, CROSSED):
            raise
        return False
    except (ValueError, ArithmeticError, LookupError, DataError, IntegrityError) as failure:
        # The fault of one strategy's terms or prices is its own: no other must wait for it.
        reason = str(failure).partition("\n")[0][:LONGEST] or type(failure).__name__
        RestatedStrategy.objects.filter(pk=row_id, state=State.QUEUED).exclude(
            waiting_for=reason
        ).update(waiting_for=reason)
        return False


def _finish(at: datetime) -> None:
    """End the restatements of which nothing is left to do."""
    left = RestatedStrategy.objects.filter(restatement=OuterRef("pk"), state=State.QUEUED)
    Restatement.objects.filter(~Exists(left), state=Restatement.State.QUEUED).update(
        state=Restatement.State.DONE, finished_at=at
    )
