"""Money that moves: planned, paid, failed, cancelled; each by one guarded change of state."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.core.clock import issuer_moment
from apps.events.actions import record_selected, untold
from apps.products.models.holdings import Payment
from apps.products.models.lifecycle import PaymentPlan

INCOMING = "({})".format(", ".join(f"'{kind}'" for kind in Payment.INCOMING))

# What a change of state means to the client. The guard lets each pass once a day and state, so the
# key may name them; the first premium that arrives has its own word.
MOVED = """
SELECT policy.client_id,
    CASE WHEN payment.state <> 'paid' THEN 'payment.' || payment.state
        WHEN payment.kind IN {incoming} THEN 'payment.received'
        ELSE 'payment.paid' END,
    'policy:' || policy.id, %(at)s::timestamptz,
    jsonb_build_object(
        'payment', payment.id, 'policy', policy.id, 'strategy', policy.strategy_id,
        'kind', payment.kind, 'amount', payment.amount, 'currency', strategy.currency,
        'due_on', payment.due_on, 'on', %(on)s::date, 'because', payment.because
    ),
    'payment:' || payment.id || ':' || payment.state || ':' || %(on)s::date
FROM products_payment AS payment
JOIN products_policy AS policy ON policy.id = payment.policy_id
JOIN products_strategy AS strategy ON strategy.id = policy.strategy_id
WHERE payment.id = ANY(%(ids)s)
"""
FIRST_TIME = "'policy:' || policy.id || ':paid_in'"
PAID_IN = """
SELECT policy.client_id, 'policy.paid_in', 'policy:' || policy.id, %(at)s::timestamptz,
    jsonb_build_object(
        'policy', policy.id, 'strategy', policy.strategy_id, 'amount', payment.amount,
        'currency', strategy.currency, 'on', %(on)s::date
    ),
    {first_time}
FROM products_payment AS payment
JOIN products_policy AS policy ON policy.id = payment.policy_id
JOIN products_strategy AS strategy ON strategy.id = policy.strategy_id
WHERE payment.id = ANY(%(ids)s) AND payment.kind = 'premium' AND payment.state = 'paid'
    AND NOT EXISTS (
        SELECT FROM products_payment AS earlier
        WHERE earlier.policy_id = payment.policy_id AND earlier.kind = 'premium'
            AND earlier.state = 'paid'
            AND (earlier.paid_on, earlier.id) < (payment.paid_on, payment.id)
    )
    AND {untold}
"""
# A plan's days are counted from its first one, so that the 31st comes back after a short month.
FORESEEN = """
SELECT plan.policy_id, plan.kind, plan.amount, days.due_on, plan.id AS plan_id
FROM products_paymentplan AS plan
CROSS JOIN LATERAL (
    SELECT CASE plan.frequency WHEN 'once' THEN 0 WHEN 'monthly' THEN 1 WHEN 'quarterly' THEN 3
        WHEN 'half_yearly' THEN 6 WHEN 'yearly' THEN 12 END AS months
) AS step
CROSS JOIN LATERAL (
    SELECT (plan.first_on + number * step.months * interval '1 month')::date AS due_on
    FROM generate_series(0, CASE step.months WHEN 0 THEN 0 ELSE %(most)s - 1 END) AS number
) AS days
WHERE plan.id = ANY(%(ids)s) AND days.due_on <= plan.last_on
"""
STRAY = """
SELECT payment.id FROM products_payment AS payment
LEFT JOIN ({foreseen}) AS foreseen
    ON (foreseen.plan_id, foreseen.due_on, foreseen.amount)
        = (payment.plan_id, payment.due_on, payment.amount)
WHERE payment.plan_id = ANY(%(ids)s) AND payment.state = 'planned' AND foreseen.plan_id IS NULL
ORDER BY payment.id
"""
PLAN = """
INSERT INTO products_payment (policy_id, kind, amount, due_on, plan_id, state)
SELECT policy_id, kind, amount, due_on, plan_id, 'planned' FROM ({foreseen}) AS foreseen
ORDER BY policy_id, due_on
ON CONFLICT (plan_id, due_on) WHERE plan_id IS NOT NULL AND state <> 'cancelled' DO NOTHING
"""
RETELL = """
UPDATE products_policy SET is_untold = true
WHERE NOT is_untold
    AND id IN (SELECT policy_id FROM products_paymentplan WHERE id = ANY(%(ids)s))
"""


def mark_paid(ids: Sequence[int], *, on: date, at: datetime) -> int:
    """Mark payments that are planned, or failed before, as paid on a day; return how many were."""
    return _move(ids, Payment.OPEN, Payment.State.PAID, on=on, at=at)


def mark_failed(ids: Sequence[int], *, because: str, on: date, at: datetime) -> int:
    """Note that planned payments, or paid ones that came back, have failed; return how many."""
    before = (Payment.State.PLANNED, Payment.State.PAID)
    return _move(ids, before, Payment.State.FAILED, on=on, at=at, because=because)


def cancel(ids: Sequence[int], *, because: str, on: date, at: datetime) -> int:
    """Cancel open payments that no result has brought; return how many were.

    What an observation has found is owed: only the restatement of its result takes it back.
    """
    own = list(Payment.objects.filter(pk__in=ids, result=None).values_list("pk", flat=True))
    return _move(own, Payment.OPEN, Payment.State.CANCELLED, on=on, at=at, because=because)


@transaction.atomic
def _move(
    ids: Sequence[int],
    before: Sequence[str],
    after: str,
    *,
    on: date,
    at: datetime,
    because: str = "",
) -> int:
    """Change the state of those that still have one of the states before, and tell the timelines."""
    moved = list(
        Payment.objects.filter(pk__in=ids, state__in=before)
        .order_by("pk")
        .select_for_update(no_key=True)
        .values_list("pk", flat=True)
    )
    Payment.objects.filter(pk__in=moved).update(
        state=after, paid_on=on if after == Payment.State.PAID else None, because=because
    )
    if moved:
        happened_at = issuer_moment(on, at=at)
        told = {"ids": moved, "on": on, "at": happened_at}
        record_selected(MOVED.format(incoming=INCOMING), told, happened_at)
        paid_in = PAID_IN.format(first_time=FIRST_TIME, untold=untold(FIRST_TIME))
        record_selected(paid_in, told, happened_at)
    return len(moved)


@transaction.atomic
def write_plans(ids: Sequence[int], *, on: date, at: datetime) -> int:
    """Write the payments of plans that are not there yet; return how many were new.

    What is still planned and a changed plan no longer foresees is cancelled; all else stays.
    """
    plans = PaymentPlan.objects.filter(pk__in=ids).order_by("pk")
    list(plans.select_for_update(no_key=True).values_list("pk"))
    params: dict[str, Any] = {"ids": list(ids), "most": PaymentPlan.MOST}
    with connection.cursor() as cursor:
        cursor.execute(STRAY.format(foreseen=FORESEEN), params)
        stray = [pk for (pk,) in cursor.fetchall()]
        cancel(stray, because=_("The plan was changed."), on=on, at=at)
        cursor.execute(PLAN.format(foreseen=FORESEEN), params)
        written: int = cursor.rowcount
        cursor.execute(RETELL, params)
    return written
