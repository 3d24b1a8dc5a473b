"""New results in the place of old ones, with their coupons, money and events; a few statements each."""

from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.events.actions import record_selected
from apps.products.actions.evaluation.writing import end, money_of, refuse_broken_notes
from apps.products.actions.restatement.replaying import MOVES, Replayed, Step
from apps.products.models.holdings import Policy, PolicyCoupon
from apps.products.models.restatements import Restatement
from apps.products.models.strategies import Observation, ObservationResult, Strategy
from apps.products.payoff import Status

# A policy's nominal as an observation found it: changes from a later day on do not reach back.
HELD = """
CROSS JOIN LATERAL (
    SELECT coalesce((
        SELECT change.nominal_before FROM products_policychange AS change
        WHERE change.policy_id = policy.id AND change.effective_on > {day}
        ORDER BY change.effective_on, change.id LIMIT 1
    ), policy.nominal) AS nominal
) AS held
"""
# Whom a result concerned before it concerns again, whatever became of his policy since; besides, all
# whom the observation concerns today, for where it had none before there was nobody to write down.
# It counts on the nominal of its day: what was taken out or added since does not reach back.
COUPONS = f"""
INSERT INTO products_policycoupon
    (policy_id, observation_id, result_id, outcome, amount, remembered, redemption, residual)
SELECT policy.id, %(observation)s, %(result)s, %(outcome)s,
    products_money(held.nominal, %(note)s, %(paid_over)s, %(paid_under)s, %(rounding)s),
    products_money(held.nominal, %(note)s, %(kept_over)s, %(kept_under)s, %(rounding)s),
    products_money(held.nominal, %(note)s, %(back_over)s, %(back_under)s, %(rounding)s),
    products_money(held.nominal, %(note)s, %(rest_over)s, %(rest_under)s, %(rounding)s)
FROM products_policy AS policy
{HELD.format(day="%(valuation_on)s")}WHERE policy.strategy_id = %(strategy)s AND (
    policy.id IN (
        SELECT old.policy_id FROM products_policycoupon AS old
        WHERE old.result_id IN (
            SELECT id FROM products_observationresult WHERE observation_id = %(observation)s
        )
    )
    OR policy.starts_on <= %(valuation_on)s
        AND policy.ends_on >= least(%(scheduled_on)s, %(valuation_on)s)
        AND (policy.state = 'active'
            OR policy.state IN ('surrendered', 'lapsed') AND policy.closed_on > %(valuation_on)s)
)
ORDER BY policy.id
FOR NO KEY UPDATE OF policy
"""  # noqa: S608 (our own constants)
# Only what has not been paid can be taken back.
CANCEL = """
UPDATE products_payment SET state = 'cancelled', because = %(because)s
WHERE state IN ('planned', 'failed', 'held') AND result_id IN (
    SELECT id FROM products_observationresult WHERE observation_id = %(observation)s
)
"""
# What the observation owes by its new result against what was paid for it by any earlier one. What
# was never paid is planned anew; of what was, the difference alone: owed to the client it is
# planned, paid too much it is held until a person decides, unless it was left to him before. Capital
# of which he has taken money out since is held as well: he is owed one of the two, not both.
PAYMENTS = """
INSERT INTO products_payment (policy_id, kind, corrects, amount, due_on, state, because, result_id)
WITH due AS (
    SELECT coupon.policy_id, money.kind, money.amount, money.due_on
    FROM products_policycoupon AS coupon
    CROSS JOIN LATERAL (VALUES
        ('coupon', coupon.amount, %(pays_on)s::date),
        ('redemption', coupon.redemption, %(redeems_on)s::date),
        ('residual', coupon.residual, %(ends_on)s::date)
    ) AS money (kind, amount, due_on)
    WHERE coupon.result_id = %(result)s AND money.amount > 0
), settled AS (
    SELECT payment.policy_id, coalesce(nullif(payment.corrects, ''), payment.kind) AS kind,
        sum(payment.amount) FILTER (WHERE payment.state = 'paid') AS paid,
        coalesce(sum(payment.amount) FILTER (WHERE payment.state = 'waived'), 0) AS waived
    FROM products_payment AS payment
    JOIN products_observationresult AS earlier ON earlier.id = payment.result_id
        AND earlier.observation_id = %(observation)s AND earlier.id <> %(result)s
    WHERE payment.state IN ('paid', 'waived')
    GROUP BY 1, 2
), difference AS (
    SELECT policy_id, kind, settled.paid IS NOT NULL AS correcting, due.due_on,
        CASE WHEN coalesce(due.amount, 0) < coalesce(settled.paid, 0)
            THEN least(coalesce(due.amount, 0) - settled.paid - settled.waived, 0)
            ELSE coalesce(due.amount, 0) - coalesce(settled.paid, 0) END AS amount
    FROM due FULL JOIN settled USING (policy_id, kind)
), judged AS (
    SELECT difference.*, kind IN ('redemption', 'residual') AND amount > 0 AND EXISTS (
        SELECT FROM products_policychange AS change
        JOIN products_payment AS taken ON taken.id = change.payment_id
            AND taken.kind IN ('withdrawal', 'surrender') AND taken.state <> 'cancelled'
        WHERE change.policy_id = difference.policy_id AND change.effective_on > %(valuation_on)s
    ) AS is_twice
    FROM difference
)
SELECT policy_id,
    CASE WHEN correcting THEN 'correction' ELSE kind END,
    CASE WHEN correcting THEN kind ELSE '' END,
    amount,
    CASE WHEN correcting THEN greatest(due_on, %(today)s::date) ELSE due_on END,
    CASE WHEN amount < 0 OR is_twice THEN 'held' ELSE 'planned' END,
    CASE WHEN is_twice THEN %(twice)s ELSE '' END,
    %(result)s
FROM judged
WHERE amount <> 0
"""
EVENTS = """
SELECT policy.client_id, 'result.corrected', 'policy:' || policy.id, %(at)s::timestamptz,
    jsonb_build_object(
        'strategy', policy.strategy_id, 'observation', %(observation)s::bigint,
        'result', %(result)s::bigint, 'supersedes', %(before)s::bigint,
        'restatement', %(restatement)s::bigint, 'policy', policy.id,
        'currency', %(currency)s::text,
        'outcome_before', before.outcome, 'outcome', coalesce(after.outcome, 'VOID'),
        'amount_before', coalesce(before.amount, 0), 'amount', coalesce(after.amount, 0),
        'remembered_before', coalesce(before.remembered, 0),
        'remembered', coalesce(after.remembered, 0),
        'redemption_before', before.redemption, 'redemption', after.redemption
    ),
    'result:' || %(result)s || ':policy:' || policy.id || ':corrected'
FROM (SELECT * FROM products_policycoupon WHERE result_id = %(before)s) AS before
FULL JOIN (SELECT * FROM products_policycoupon WHERE result_id = %(result)s) AS after
    USING (policy_id)
JOIN products_policy AS policy ON policy.id = policy_id
WHERE (
        before.outcome, before.amount, before.remembered, coalesce(before.redemption, 0),
        coalesce(before.residual, 0)
    ) IS DISTINCT FROM (
        after.outcome, after.amount, after.remembered, coalesce(after.redemption, 0),
        coalesce(after.residual, 0)
    )
"""


def write(replayed: Replayed, restatement: Restatement, *, at: datetime) -> int:
    """Write what came out otherwise; return how many results were superseded.

    Where the strategy's end was computed, it is undone and done again as the new results say.
    """
    changed = replayed.changed
    if not changed:
        return 0
    _reopen(replayed)
    for step in changed:
        _supersede(step, restatement, at)
    if ending := replayed.ending:
        if ending.decided:
            end(ending.decided, ending.after if ending.changed else ending.before)
    elif replayed.state.status is Status.LIVE:
        _go_on(replayed.strategy)
    return len(changed)


def _reopen(replayed: Replayed) -> None:
    """Undo the end that the results so far had brought: the exact reverse of `end`."""
    ended = [step.before for step in replayed.steps if step.before.called or step.before.matured]
    Policy.objects.filter(
        pk__in=PolicyCoupon.objects.filter(result__in=ended).values("policy"),
        state__in=[Policy.State.CALLED, Policy.State.MATURED],
    ).update(state=Policy.State.ACTIVE, closed_on=None)
    if ended:
        Strategy.objects.filter(
            pk=replayed.strategy.pk, state__in=[Strategy.State.CALLED, Strategy.State.MATURED]
        ).update(state=Strategy.State.PUBLISHED, called_on=None)


def _go_on(strategy: Strategy) -> None:
    """Let a strategy that lives again observe what it had dropped."""
    strategy.observations.filter(state=Observation.State.DROPPED).update(
        state=Observation.State.PLANNED
    )


def _supersede(step: Step, restatement: Restatement, at: datetime) -> None:
    result = step.after
    result.restatement = restatement
    result.save(force_insert=True)
    state = Observation.State.EVALUATED if step.decided else Observation.State.DROPPED
    days = {name: getattr(step.observation, name) for name in MOVES}
    Observation.objects.filter(pk=step.observation.pk).update(state=state, waiting_for="", **days)
    _write_money(step, result, at)
    record_selected(EVENTS, _told(step, result, at), at)


def _write_money(step: Step, result: ObservationResult, at: datetime) -> None:
    params = _money(step, result) | {
        "today": timezone.localdate(at),
        "because": _("superseded by restatement %(number)s") % {"number": result.restatement_id},
        "twice": _("The client took money out after this day; he is owed one of the two."),
    }
    with connection.cursor() as cursor:
        cursor.execute(CANCEL, params)
        if step.decided:
            cursor.execute(COUPONS, params)
            refuse_broken_notes(step.observation.strategy, result)
        cursor.execute(PAYMENTS, params)


def _money(step: Step, result: ObservationResult) -> dict[str, Any]:
    if step.decided:
        return money_of(step.decided, result)
    days = dict.fromkeys(("pays_on", "redeems_on", "ends_on"))
    return {
        "observation": step.observation.pk,
        "result": result.pk,
        "valuation_on": step.observation.valuation_on,
        **days,
    }


def _told(step: Step, result: ObservationResult, at: datetime) -> dict[str, Any]:
    return {
        "at": at,
        "observation": step.observation.pk,
        "result": result.pk,
        "before": step.before.pk,
        "restatement": result.restatement_id,
        "currency": step.observation.strategy.currency,
    }
