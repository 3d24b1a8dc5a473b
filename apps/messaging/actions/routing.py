"""From what happened to what we mean to tell: events of the inbox become notices."""

from datetime import datetime

from django.db import connection

LISTENER = "messaging"
CORRECTED = "result.corrected"  # told by `corrections`, once a person has approved it

# The news of a result for each client of `happened`: client_id, kind, result_id, event_id,
# occurred_at, dedupe_key.
NOTICES = """
INSERT INTO messaging_notice (
    client_id, template_id, variant, subject, result_id, source, values, dedupe_key, state,
    reason, created_at, deadline_at
)
SELECT
    happened.client_id,
    template.id,
    CASE WHEN result.average_level < 1 THEN 'gentle' ELSE 'plain' END,
    'strategy:' || strategy.id,
    result.id,
    'event:' || happened.event_id,
    jsonb_strip_nulls(jsonb_build_object(
        'strategy', strategy.name,
        'tranche', nullif(strategy.tranche, ''),
        'policies', coupons.policies,
        'amount', CASE WHEN coupons.amount > 0 THEN jsonb_build_object(
            'money', coupons.amount, 'currency', strategy.currency) END,
        'remembered', CASE WHEN coupons.remembered > 0 THEN jsonb_build_object(
            'money', coupons.remembered, 'currency', strategy.currency) END,
        'redemption', CASE WHEN coupons.redemption > 0 THEN jsonb_build_object(
            'money', coupons.redemption, 'currency', strategy.currency) END,
        'observed_on', jsonb_build_object('date', observation.valuation_on),
        'pays_on', CASE WHEN observation.pays_on IS NOT NULL
            THEN jsonb_build_object('date', observation.pays_on) END,
        'next_on', CASE WHEN following.next_on IS NOT NULL
            THEN jsonb_build_object('date', following.next_on) END,
        'worst', share.name,
        'worst_level', CASE WHEN result.worst_level IS NOT NULL
            THEN jsonb_build_object('percent', result.worst_level::text) END
    )),
    happened.dedupe_key,
    'queued',
    '',
    %(at)s,
    least(
        happened.occurred_at + interval '7 days',
        observation.valuation_on + interval '45 days'
    )
FROM happened
JOIN messaging_template AS template ON template.code = happened.kind
JOIN products_observationresult AS result ON result.id = happened.result_id
JOIN products_observation AS observation ON observation.id = result.observation_id
JOIN products_strategy AS strategy ON strategy.id = observation.strategy_id
-- By the client's few policies, never by the result's many coupons.
CROSS JOIN LATERAL (
    SELECT count(*) AS policies, sum(coupon.amount) AS amount,
        sum(coupon.remembered) AS remembered, sum(coupon.redemption) AS redemption
    FROM products_policy AS policy
    JOIN products_policycoupon AS coupon ON coupon.policy_id = policy.id
        AND coupon.result_id = happened.result_id
    WHERE policy.client_id = happened.client_id
) AS coupons
LEFT JOIN LATERAL (
    SELECT min(coming.valuation_on) AS next_on FROM products_observation AS coming
    WHERE coming.strategy_id = strategy.id AND coming.state IN ('planned', 'waiting')
) AS following ON true
LEFT JOIN products_basketmember AS worst ON worst.id = result.worst_id
LEFT JOIN products_underlying AS share ON share.id = worst.underlying_id
ON CONFLICT (dedupe_key) DO NOTHING
"""
# One statement, so one transaction: the notices are written and the inbox rows deleted together.
# The sums come from the tables and not from the events: two policies of one client may come in
# different batches, and whichever comes first makes the notice for both.
QUEUE = f"""
WITH taken AS (
    SELECT id, event_id, occurred_at FROM events_inbox
    WHERE listener = %(listener)s AND kind IN (SELECT code FROM messaging_template)
        AND (kind LIKE 'coupon.%%' OR kind LIKE 'strategy.%%')
    ORDER BY id LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), happened AS (
    SELECT event.client_id, event.kind, (event.properties ->> 'result')::bigint AS result_id,
        min(event.id) AS event_id, min(event.occurred_at) AS occurred_at,
        'coupon:' || (event.properties ->> 'observation') || ':' || event.client_id AS dedupe_key
    FROM taken
    JOIN events_event AS event ON event.id = taken.event_id
        AND event.occurred_at = taken.occurred_at
    GROUP BY 1, 2, 3, 6
), queued AS (
{NOTICES})
DELETE FROM events_inbox USING taken WHERE events_inbox.id = taken.id
"""  # noqa: S608 (our own constant)


def queue_notices(*, at: datetime, limit: int) -> int:
    """Queue one notice per client and observation; return how many events left the inbox.

    Events whose kind has no template wait until it has one. News gets old: seven days after it
    became known, or 45 after the observation itself, so that loading a strategy's past tells
    nobody of it.
    """
    with connection.cursor() as cursor:
        cursor.execute(QUEUE, {"listener": LISTENER, "limit": limit, "at": at})
        return int(cursor.rowcount)
