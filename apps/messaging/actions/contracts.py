"""News of a contract's dates and money: paid out, due, soon observed, soon to end."""

import json
from datetime import datetime

from django.db import connection

from apps.messaging.actions.routing import LISTENER

# The day that each kind is about, among the event's properties: one notice a client, strategy and
# day, whatever number of policies and payments it is made of.
DAYS = {
    "payment.paid": "on",
    "payment.due": "due_on",
    "policy.maturing": "ends_on",
    "observation.near": "valuation_on",
}
# As for results, sums and counts come from the tables: what has been paid, called off or closed
# since the event was written is not told any more. More that is paid on the same day is told again
# with that day's sum, hence the count in its key.
QUEUE = """
WITH taken AS (
    SELECT id, event_id, occurred_at FROM events_inbox
    WHERE listener = %(listener)s AND kind = ANY(%(kinds)s)
    ORDER BY id LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), happened AS (
    SELECT event.client_id, event.kind, (event.properties ->> 'strategy')::bigint AS strategy_id,
        (event.properties ->> (%(days)s::jsonb ->> event.kind))::date AS day,
        min(event.id) AS event_id, min(event.occurred_at) AS occurred_at
    FROM taken
    JOIN events_event AS event ON event.id = taken.event_id
        AND event.occurred_at = taken.occurred_at
    GROUP BY 1, 2, 3, 4
), queued AS (
    INSERT INTO messaging_notice (
        client_id, template_id, variant, subject, source, values, dedupe_key, state, reason,
        created_at, deadline_at
    )
    SELECT happened.client_id, template.id, 'plain', 'strategy:' || strategy.id,
        'event:' || happened.event_id,
        jsonb_strip_nulls(jsonb_build_object(
            'strategy', strategy.name,
            'tranche', nullif(strategy.tranche, ''),
            'policies', meant.policies,
            'on', jsonb_build_object('date', happened.day),
            'amount', CASE WHEN meant.amount > 0 THEN jsonb_build_object(
                'money', meant.amount, 'currency', strategy.currency) END,
            'redemption', CASE WHEN meant.redemption > 0 THEN jsonb_build_object(
                'money', meant.redemption, 'currency', strategy.currency) END
        )),
        happened.kind || ':' || strategy.id || ':' || happened.day || ':' || meant.count || ':'
            || happened.client_id,
        'queued', '', %(at)s,
        CASE happened.kind WHEN 'payment.paid' THEN happened.occurred_at + interval '7 days'
            ELSE least(happened.occurred_at + interval '7 days',
                (happened.day + 1)::timestamp AT TIME ZONE 'UTC') END
    FROM happened
    JOIN messaging_template AS template ON template.code = happened.kind
    JOIN products_strategy AS strategy ON strategy.id = happened.strategy_id
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT policy.id) AS policies, count(*) AS count,
            sum(payment.amount) AS amount,
            sum(payment.amount) FILTER (WHERE payment.kind IN ('redemption', 'residual'))
                AS redemption
        FROM products_policy AS policy
        JOIN products_payment AS payment ON payment.policy_id = policy.id
        WHERE policy.client_id = happened.client_id
            AND policy.strategy_id = happened.strategy_id
            AND CASE happened.kind
                WHEN 'payment.paid' THEN payment.state = 'paid' AND payment.paid_on = happened.day
                    AND payment.kind NOT IN ('premium', 'instalment', 'top_up')
                WHEN 'payment.due' THEN payment.state IN ('planned', 'failed')
                    AND payment.due_on = happened.day
                    AND payment.kind IN ('premium', 'instalment', 'top_up')
                ELSE false END
        HAVING sum(payment.amount) > 0
        UNION ALL
        SELECT count(*), 0, NULL, NULL
        FROM products_policy AS policy
        WHERE policy.client_id = happened.client_id
            AND policy.strategy_id = happened.strategy_id AND policy.state = 'active'
            AND CASE happened.kind WHEN 'policy.maturing' THEN policy.ends_on = happened.day
                WHEN 'observation.near' THEN EXISTS (
                    SELECT FROM products_observation AS observation
                    WHERE observation.strategy_id = policy.strategy_id
                        AND observation.valuation_on = happened.day
                        AND observation.state IN ('planned', 'waiting')
                )
                ELSE false END
        HAVING count(*) > 0
    ) AS meant
    ON CONFLICT (dedupe_key) DO NOTHING
)
DELETE FROM events_inbox USING taken WHERE events_inbox.id = taken.id
"""


def queue_contract_news(*, at: datetime, limit: int) -> int:
    """Queue one notice per client, strategy and day; return how many events left the inbox.

    What falls on a day is told until that day is over, and nothing later than seven days after it
    happened: catching up on a standstill tells nobody of old news.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            QUEUE,
            {
                "listener": LISTENER,
                "kinds": list(DAYS),
                "days": json.dumps(DAYS),
                "limit": limit,
                "at": at,
            },
        )
        return int(cursor.rowcount)
