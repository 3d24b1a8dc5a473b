"""Deadlines that come near: told once each, so many days before, or as soon as they are known."""

from datetime import datetime

from django.db import connection, transaction

from apps.core.clock import issuer_day
from apps.events.actions import record_selected
from apps.products.models.deadlines import Deadline

BATCH = 5_000  # deadlines a transaction

TAKE = """
UPDATE products_deadline SET told_at = %(at)s
WHERE id = ANY (ARRAY(
    SELECT id FROM products_deadline
    WHERE told_at IS NULL AND done_on IS NULL
        AND day >= %(today)s AND day - days_before <= %(today)s
    ORDER BY id LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
))
RETURNING id
"""
NEAR = """
SELECT deadline.client_id, 'deadline.near', 'client:' || deadline.client_id,
    %(at)s::timestamptz,
    jsonb_strip_nulls(jsonb_build_object(
        'deadline', deadline.id,
        'kind', deadline.kind,
        'day', deadline.day,
        'amount', deadline.amount,
        'currency', nullif(deadline.currency, ''),
        'until', (deadline.day + 1)::timestamptz,
        'values', jsonb_build_object(
            'kind', deadline.kind,
            'is_tax', deadline.kind = 'tax_deduction',
            'day', jsonb_build_object('date', deadline.day),
            'days', deadline.day - %(today)s::date,
            'year', deadline.year::text,
            'about', coalesce(account.name, policy.number),
            'amount', CASE WHEN deadline.amount > 0 THEN jsonb_build_object(
                'money', deadline.amount, 'currency', deadline.currency) END
        )
    )),
    'deadline.near:' || deadline.id || ':' || deadline.day
FROM products_deadline AS deadline
LEFT JOIN products_account AS account ON account.id = deadline.account_id
LEFT JOIN products_policy AS policy ON policy.id = deadline.policy_id
WHERE deadline.id = ANY(%(ids)s)
"""


def record_deadlines(*, at: datetime) -> int:
    """Write an event for each deadline that has come near by `at`; return how many were new.

    One that is done, or over, is told to nobody; one that becomes known late is told at once.
    """
    recorded = 0
    while count := _record_batch(at=at):
        recorded += count
    return recorded


@transaction.atomic
def _record_batch(*, at: datetime) -> int:
    today = issuer_day(at)
    with connection.cursor() as cursor:
        cursor.execute(TAKE, {"at": at, "today": today, "limit": BATCH})
        taken = [pk for (pk,) in cursor.fetchall()]
    if not taken:
        return 0
    return record_selected(NEAR, {"at": at, "today": today, "ids": taken}, occurred_at=at)


def mark_done(ids: list[int], *, at: datetime) -> int:
    """Mark deadlines as done; return how many were still open."""
    return Deadline.objects.filter(pk__in=ids, done_on__isnull=True).update(done_on=issuer_day(at))
