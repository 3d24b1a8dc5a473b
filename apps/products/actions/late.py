"""Policies that came after observations which concern them: their coupons of the results that count."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from apps.products.actions.evaluation.deciding import EvaluationError, decide
from apps.products.actions.evaluation.writing import (
    Written,
    end,
    result_of,
    write_events,
    write_money,
)
from apps.products.actions.restatement.replaying import same
from apps.products.models.strategies import Observation, ObservationResult, Strategy
from apps.products.payoff import State, Status
from apps.products.queries.due import examined
from apps.products.queries.late import late_policies, owed


def evaluate_late(strategies: Iterable[int], *, at: datetime) -> tuple[int, list[str]]:
    """Give late policies of strategies their coupons; return how many coupons, and what stood against.

    Each strategy is a transaction of its own; one that cannot be evaluated stops no other.
    """
    written, objections = 0, []
    for strategy in Strategy.objects.filter(pk__in=list(strategies)).order_by("code"):
        try:
            written += evaluate_late_policies(strategy, at=at)
        except (ValueError, ArithmeticError, LookupError) as failure:
            objections.append(f"{strategy}: {failure}")
    return written, objections


def late_strategies(*, at: datetime) -> list[int]:
    """Return the strategies that have late policies."""
    found = late_policies(at=at).order_by().values_list("strategy", flat=True)
    return list(found.distinct())


@transaction.atomic
def evaluate_late_policies(strategy: Strategy, *, at: datetime) -> int:
    """Write the coupons, money and events that late policies are owed by the results that count.

    The results stay as they are. Raises EvaluationError where one of them would come out otherwise
    today: then it must be restated first. Returns how many coupons were written.
    """
    locked = Observation.objects.select_for_update(no_key=True).filter(strategy=strategy)
    list(locked.order_by("number").values_list("pk"))
    results = list(
        ObservationResult.objects.current()
        .filter(observation__strategy=strategy)
        .select_related("observation__strategy")
        .order_by("observation__number")
    )
    items = {
        item.observation.pk: item
        for item in examined([result.observation for result in results], at=at)
    }
    written, state = 0, State.start()
    for result in results:
        policies = list(owed(result).order_by("pk").values_list("pk", flat=True))
        if policies:
            item = items[result.observation_id]
            if item.lacks:
                raise EvaluationError("; ".join(item.lacks))
            decided = decide(item, state=state)
            if not same(result, result_of(decided, at=at)):
                raise EvaluationError(
                    _("Observation %(number)s would come out otherwise today; restate it first.")
                    % {"number": result.observation.number}
                )
            owing = Written(decided, result)
            written += write_money([owing], policies=policies)
            write_events([owing], at=at)
            if decided.outcome.status is not Status.LIVE:
                end(decided, result)
        state = State.from_json(result.carried)
    return written
