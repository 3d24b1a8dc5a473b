"""The monthly digest: every client with a policy, whatever his strategy, once a month."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction

from apps.files.queries.folders import is_waiting_for_file
from apps.messaging.models.content import Template
from apps.messaging.models.outbox import Digest
from apps.products.queries.due import open_observations

TEMPLATE = "digest.monthly"
FIRST_DAYS = 5  # of the next month; a digest not begun by then is old news
BATCH = 5_000
FILES = (
    "quotes",
    "policies",
    "payments",
)  # what a digest tells of; a late one makes it yesterday's

# A policy belongs to the month if it was held on any day of it. Coupons count up to the month's
# last valuation day, by the result that stands; what is remembered is each policy's latest word.
QUEUE = """
WITH batch AS (
    SELECT DISTINCT policy.client_id
    FROM products_policy AS policy
    WHERE policy.client_id > %(cursor)s AND policy.starts_on < %(next_month)s
        AND (policy.closed_on IS NULL OR policy.closed_on >= %(month)s)
    ORDER BY 1 LIMIT %(limit)s
), held AS (
    SELECT policy.id, policy.client_id, policy.strategy_id, strategy.currency,
        policy.starts_on < %(next_month)s
            AND (policy.closed_on IS NULL OR policy.closed_on >= %(month)s) AS in_month,
        policy.closed_on IS NULL OR policy.closed_on >= %(next_month)s AS still_open
    FROM batch
    JOIN products_policy AS policy USING (client_id)
    JOIN products_strategy AS strategy ON strategy.id = policy.strategy_id
), coupons AS (
    SELECT held.client_id, held.currency, coupon.amount,
        CASE WHEN held.still_open AND observation.number = max(observation.number)
            OVER (PARTITION BY held.id) THEN coupon.remembered ELSE 0 END AS remembered
    FROM held
    JOIN products_policycoupon AS coupon ON coupon.policy_id = held.id
    JOIN products_observation AS observation ON observation.id = coupon.observation_id
        AND observation.valuation_on < %(next_month)s
    WHERE NOT EXISTS (
        SELECT FROM products_observationresult AS newer
        WHERE newer.supersedes_id = coupon.result_id
    )
), sums AS (
    SELECT client_id, currency, sum(amount) AS accrued, sum(remembered) AS remembered
    FROM coupons GROUP BY 1, 2
), money AS (
    SELECT client_id,
        jsonb_agg(jsonb_build_object('money', accrued, 'currency', currency) ORDER BY currency)
            FILTER (WHERE accrued > 0) AS accrued,
        jsonb_agg(jsonb_build_object('money', remembered, 'currency', currency) ORDER BY currency)
            FILTER (WHERE remembered > 0) AS remembered
    FROM sums GROUP BY 1
), coming AS (
    SELECT held.client_id, min(observation.valuation_on) AS next_on
    FROM held
    JOIN products_observation AS observation ON observation.strategy_id = held.strategy_id
        AND observation.state IN ('planned', 'waiting')
    WHERE held.still_open
    GROUP BY 1
), counted AS (
    SELECT client_id, count(*) AS policies FROM held WHERE in_month GROUP BY 1
), queued AS (
    INSERT INTO messaging_notice (
        client_id, template_id, variant, subject, source, values, dedupe_key, state, reason,
        created_at, deadline_at
    )
    SELECT
        counted.client_id, %(template)s, 'plain', 'digest:' || %(name)s, 'digest:' || %(name)s,
        jsonb_strip_nulls(jsonb_build_object(
            'month', jsonb_build_object('month', %(month)s::date),
            'policies', counted.policies,
            'accrued', money.accrued,
            'remembered', money.remembered,
            'next_on', CASE WHEN coming.next_on IS NOT NULL
                THEN jsonb_build_object('date', coming.next_on) END
        )),
        'digest:' || %(name)s || ':' || counted.client_id,
        'queued', '', %(at)s, %(at)s + interval '10 days'
    FROM counted
    LEFT JOIN money USING (client_id)
    LEFT JOIN coming USING (client_id)
    ON CONFLICT (dedupe_key) DO NOTHING
    RETURNING client_id
)
SELECT (SELECT count(*) FROM queued), (SELECT max(client_id) FROM batch)
"""


def queue_digests(*, at: datetime) -> int:
    """Queue the digest of the month before, in the first days of a month; return how many.

    It waits for the month's observations that are not decided yet and for files that are late, but
    not beyond those days.
    """
    today = at.astimezone(ZoneInfo(settings.DEFAULT_CLIENT_TIME_ZONE)).date()
    if today.day > FIRST_DAYS:
        return 0
    this_month = today.replace(day=1)
    undecided = open_observations().filter(valuation_on__lt=this_month)
    if today.day < FIRST_DAYS and (undecided.exists() or _lacks_files(at)):
        return 0
    month = (this_month - timedelta(days=1)).replace(day=1)
    Digest.objects.get_or_create(month=month)
    total, more = 0, True
    while more:
        queued, more = queue_batch(month, at=at)
        total += queued
    return total


def _lacks_files(at: datetime) -> bool:
    return any(is_waiting_for_file(kind, at) for kind in FILES)


@transaction.atomic
def queue_batch(month: date, *, at: datetime) -> tuple[int, bool]:
    """Queue the digest for the next clients and move the cursor; say whether there may be more.

    Somebody else's batch is waited for by nobody: he carries on from his own cursor.
    """
    digest = (
        Digest.objects.select_for_update(skip_locked=True)
        .filter(month=month, finished_at=None)
        .first()
    )
    if digest is None:
        return 0, False
    queued, last = insert_batch(digest, at=at)
    if last is None:
        digest.finished_at = at
    else:
        digest.cursor = last
    digest.save(update_fields=["cursor", "finished_at"])
    return queued, last is not None


def insert_batch(digest: Digest, *, at: datetime) -> tuple[int, int | None]:
    with connection.cursor() as cursor:
        cursor.execute(
            QUEUE,
            {
                "cursor": digest.cursor,
                "month": digest.month,
                "next_month": (digest.month + timedelta(days=31)).replace(day=1),
                "name": f"{digest.month:%Y-%m}",
                "template": Template.objects.get(code=TEMPLATE).pk,
                "limit": BATCH,
                "at": at,
            },
        )
        queued, last = cursor.fetchone()
    return int(queued), last
