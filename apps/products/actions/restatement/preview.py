"""What a restatement would change, counted before anybody decides on it; nothing is kept."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from apps.products.actions.evaluation.writing import money_of
from apps.products.actions.restatement.ordering import concerned
from apps.products.actions.restatement.replaying import Step, replay
from apps.products.actions.restatement.writing import HELD
from apps.products.models.markets import Quote
from apps.products.models.restatements import Restatement
from apps.products.models.strategies import Strategy

Teller = Callable[[int, int], object]  # strategies looked at, of how many
PARTS = ("paid", "kept", "back", "rest")
# Whose coupons would come out otherwise, and by how much; the same policies as are written for.
FORESEE = f"""
WITH meant AS (
    SELECT * FROM jsonb_to_recordset(%(meant)s::jsonb) AS meant (
        strategy bigint, before bigint, void boolean, outcome text, valuation_on date,
        held_on date, note bigint, rounding text, paid_over numeric, paid_under numeric,
        kept_over numeric, kept_under numeric, back_over numeric, back_under numeric,
        rest_over numeric, rest_under numeric
    )
), line AS (
    SELECT meant.strategy, policy.id, old.outcome AS old_outcome, meant.outcome, meant.void,
        old.amount, old.remembered, old.redemption, old.residual,
        products_money(held.nominal, note, paid_over, paid_under, rounding) AS paid,
        products_money(held.nominal, note, kept_over, kept_under, rounding) AS kept,
        products_money(held.nominal, note, back_over, back_under, rounding) AS back,
        products_money(held.nominal, note, rest_over, rest_under, rounding) AS rest
    FROM meant
    JOIN products_policy AS policy ON policy.strategy_id = meant.strategy
    {HELD.format(day="meant.valuation_on")}
    LEFT JOIN products_policycoupon AS old
        ON old.result_id = meant.before AND old.policy_id = policy.id
    WHERE old.id IS NOT NULL
        OR NOT meant.void
            AND policy.starts_on <= meant.valuation_on AND policy.ends_on >= meant.held_on
            AND (policy.state IN ('active', 'called', 'matured') OR policy.closed_on > meant.valuation_on)
)
SELECT strategy, count(DISTINCT id),
    sum(coalesce(paid, 0) + coalesce(back, 0) + coalesce(rest, 0)
        - coalesce(amount, 0) - coalesce(redemption, 0) - coalesce(residual, 0))
FROM line
WHERE void OR (old_outcome, amount, remembered, coalesce(redemption, 0), coalesce(residual, 0))
    IS DISTINCT FROM (outcome, paid, kept, coalesce(back, 0), coalesce(rest, 0))
GROUP BY strategy
"""  # noqa: S608 (our own constants)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would change of one strategy; `difference` in minor units, below zero to the client's loss."""

    strategy: Strategy
    steps: tuple[Step, ...]
    policies: int = 0
    difference: int = 0
    waiting_for: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a restatement would change, strategy by strategy."""

    changed: tuple[Foreseen, ...]
    waiting: tuple[Foreseen, ...]
    checked: int

    @property
    def observations(self) -> int:
        return sum(len(one.steps) for one in self.changed)

    @property
    def policies(self) -> int:
        return sum(one.policies for one in self.changed)

    @property
    def differences(self) -> dict[str, int]:
        """Return what clients would get more or less, by currency."""
        sums: Counter[str] = Counter()
        for one in self.changed:
            sums[one.strategy.currency] += one.difference
        return dict(sums)


def unheard(_done: int, _total: int) -> None:
    """Tell nobody."""


def preview_quotes(quote_ids: Sequence[int], *, at: datetime, tell: Teller = unheard) -> Preview:
    """Return what confirming proposed closes would change; other quotes count for nothing."""
    with transaction.atomic():
        first = _suppose(quote_ids)
        seen = preview(concerned(first), at=at, tell=tell)
        transaction.set_rollback(True)
    return seen


def preview_restatement(
    restatement: Restatement, *, at: datetime, tell: Teller = unheard
) -> Preview:
    """Return what a proposed restatement would change as things stand today."""
    since = dict(restatement.strategies.values_list("strategy", "since_on"))
    return preview(since, at=at, roll=restatement.moves_days, tell=tell)


def preview(
    since: Mapping[int, date], *, at: datetime, roll: bool = False, tell: Teller = unheard
) -> Preview:
    """Return what looking again at strategies would change, each since a day."""
    seen = []
    for strategy in Strategy.objects.filter(pk__in=since).order_by("code"):
        seen.append(_replayed(strategy, since[strategy.pk], at, roll=roll))
        tell(len(seen), len(since))
    counted = _counted([one for one in seen if one.steps])
    return Preview(
        changed=tuple(
            Foreseen(one.strategy, one.steps, *counted.get(one.strategy.pk, (0, 0)))
            for one in seen
            if one.steps
        ),
        waiting=tuple(one for one in seen if one.waiting_for),
        checked=len(seen),
    )


def proposed_of(quote_ids: Sequence[int]) -> QuerySet[Quote]:
    """Return the closes that wait for somebody's word, the oldest last."""
    held = Quote.objects.filter(pk__in=quote_ids, is_current=False, state=Quote.State.HELD)
    return held.order_by("-day")


def _suppose(quote_ids: Sequence[int]) -> dict[int, date]:
    """Let proposed closes count until the transaction is rolled back; return the shares' first days."""
    proposed = proposed_of(quote_ids)
    first = dict(proposed.values_list("underlying", "day"))
    ids = list(proposed.values_list("pk", flat=True))
    newer = Quote.objects.filter(pk__in=ids, underlying=OuterRef("underlying"), day=OuterRef("day"))
    Quote.objects.filter(Exists(newer), is_current=True).update(is_current=False)
    Quote.objects.filter(pk__in=ids).update(
        is_current=True, state=Quote.State.CONFIRMED, held_because=""
    )
    return first


def _replayed(strategy: Strategy, since: date, at: datetime, *, roll: bool) -> Foreseen:
    try:
        return Foreseen(strategy, replay(strategy, since, at=at, roll=roll).changed)
    except (ValueError, ArithmeticError, LookupError) as failure:
        return Foreseen(strategy, (), waiting_for=str(failure).partition("\n")[0])


def _counted(seen: Sequence[Foreseen]) -> dict[int, tuple[int, int]]:
    """Return policies and difference by strategy; one query."""
    meant = [_meant(step) for one in seen for step in one.steps]
    with connection.cursor() as cursor:
        cursor.execute(FORESEE, {"meant": json.dumps(meant, default=str)})
        rows = cursor.fetchall()
    return {strategy: (policies, int(difference)) for strategy, policies, difference in rows}


def _meant(step: Step) -> dict[str, Any]:
    observation = step.observation
    meant: dict[str, Any] = {
        "strategy": observation.strategy_id,
        "before": step.before.pk,
        "void": step.decided is None,
        "outcome": step.after.outcome,
        "valuation_on": observation.valuation_on,
        "held_on": min(observation.scheduled_on, observation.valuation_on),
    }
    if step.decided:
        money = money_of(step.decided, step.after)
        rates = [f"{part}_{half}" for part in PARTS for half in ("over", "under")]
        meant |= {name: money[name] for name in ("note", "rounding", *rates)}
    return meant
