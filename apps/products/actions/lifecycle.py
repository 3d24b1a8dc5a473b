"""What a contract's dates bring, written to the timeline once each, late ones with their own day."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Min

from apps.core.clock import issuer_day, issuer_morning
from apps.events.actions import open_span, record_selected, untold
from apps.products.actions.payments import INCOMING
from apps.products.models.holdings import Policy
from apps.products.models.lifecycle import Milestone

LOOK_BACK = timedelta(days=31)  # what moved, or came in late, is found for so long
BATCH, BATCHES = 5_000, 20  # contracts a transaction; transactions a tick, which has its time limit

Kind = Milestone.Kind


@dataclass(frozen=True)
class _Source:
    """Which rows bring a kind of event: all in SQL, of policy, strategy and what is joined."""

    falls_on: str  # the event's own day, before it is brought forward by the days ahead
    when: str
    key: str  # with it an event is told once, whatever becomes of its date
    joined: str = ""
    properties: str = ""


SOURCES = {
    Kind.ISSUED: _Source(
        falls_on="coalesce(policy.issued_on, policy.starts_on)",
        when="policy.state <> 'applied'",
        key="'policy:' || policy.id || ':issued'",
    ),
    Kind.WAITING_OVER: _Source(
        falls_on="policy.waiting_until + 1",
        when="""policy.state <> 'applied'
            AND (policy.closed_on IS NULL OR policy.closed_on > policy.waiting_until)""",
        key="'policy:' || policy.id || ':waiting_over'",
    ),
    Kind.MATURING: _Source(
        falls_on="policy.ends_on",
        when="policy.state = 'active' AND policy.starts_on < %(last)s",
        # Another end is other news.
        key="'policy:' || policy.id || ':maturing:' || policy.ends_on",
        properties="'ends_on', policy.ends_on,",
    ),
    Kind.MATURED: _Source(
        falls_on="policy.closed_on",
        when="policy.state = 'matured'",
        key="'policy:' || policy.id || ':matured'",
    ),
    Kind.OBSERVATION_NEAR: _Source(
        falls_on="observation.valuation_on",
        joined="JOIN products_observation AS observation"
        " ON observation.strategy_id = policy.strategy_id",
        when="""policy.state = 'active' AND observation.state <> 'dropped'
            AND strategy.state <> 'draft'
            AND policy.starts_on <= observation.valuation_on
            AND policy.ends_on >= least(observation.scheduled_on, observation.valuation_on)""",
        # A date that moves is told as such; it does not come near twice.
        key="'observation:' || observation.id || ':near:policy:' || policy.id",
        properties="'observation', observation.id, 'number', observation.number,"
        " 'valuation_on', observation.valuation_on,",
    ),
    Kind.PAYMENT_DUE: _Source(
        falls_on="payment.due_on",
        joined="JOIN products_payment AS payment ON payment.policy_id = policy.id",
        when=f"payment.state IN ('planned', 'failed') AND payment.kind IN {INCOMING}",
        key="'payment:' || payment.id || ':due:' || payment.due_on",
        properties="'payment', payment.id, 'kind', payment.kind, 'amount', payment.amount,"
        " 'currency', strategy.currency, 'due_on', payment.due_on,",
    ),
    Kind.PAYMENT_OVERDUE: _Source(
        falls_on="payment.due_on + 1",
        joined="JOIN products_payment AS payment ON payment.policy_id = policy.id",
        when=f"payment.state IN ('planned', 'failed') AND payment.kind IN {INCOMING}",
        key="'payment:' || payment.id || ':overdue:' || payment.due_on",
        properties="'payment', payment.id, 'kind', payment.kind, 'amount', payment.amount,"
        " 'currency', strategy.currency, 'due_on', payment.due_on,",
    ),
}
SELECT = """
SELECT policy.client_id, %(kind)s::text, 'policy:' || policy.id,
    (({falls_on}) - %(days)s + time '09:00') AT TIME ZONE %(zone)s,
    jsonb_build_object(
        {properties} 'policy', policy.id, 'strategy', policy.strategy_id,
        'on', ({falls_on}) - %(days)s
    ),
    {key}
FROM products_policy AS policy
JOIN products_strategy AS strategy ON strategy.id = policy.strategy_id
{joined}
WHERE ({falls_on}) BETWEEN %(first)s::date + %(days)s AND %(last)s::date + %(days)s
    AND {when} AND {scope} AND {untold}
"""
# Over without a last observation of the strategy's own: every one that concerned it is evaluated.
MATURED = """
UPDATE products_policy AS policy
SET state = 'matured', closed_on = policy.ends_on, is_untold = true
WHERE policy.id = ANY(
    SELECT over.id FROM products_policy AS over
    WHERE over.state = 'active' AND over.ends_on < %(today)s
        AND NOT EXISTS (
            SELECT FROM products_observation AS observation
            WHERE observation.strategy_id = over.strategy_id AND observation.state <> 'dropped'
                AND coalesce(observation.valuation_on, observation.scheduled_on) >= over.starts_on
                AND least(observation.scheduled_on, observation.valuation_on) <= over.ends_on
                AND NOT EXISTS (
                    SELECT FROM products_policycoupon AS coupon
                    WHERE coupon.policy_id = over.id AND coupon.observation_id = observation.id
                )
        )
    ORDER BY over.id
    FOR NO KEY UPDATE SKIP LOCKED
)
"""


def record_milestones(*, at: datetime) -> int:
    """Write to the timelines what dates have brought by `at`; return how many events were new.

    Contracts that are new, or were changed, have their whole past told at once; for all others each
    kind goes on from the day it has reached, so a standstill is caught up on. An event carries the
    day on which it fell due, however late it is written.
    """
    today = _last_morning(at)
    recorded = _tell_untold(today)
    told = list(Milestone.objects.filter(is_on=True))
    daily = [one for one in told if one.told_until is None or one.told_until < today]
    if daily or not told:  # once a day, where a day is kept: it looks at every active contract
        mature_ended(at=at)
    return recorded + sum(_tell(milestone, today) for milestone in daily)


def mature_ended(*, at: datetime) -> int:
    """Close contracts that ended before their strategy; return how many were still active."""
    with connection.cursor() as cursor:
        cursor.execute(MATURED, {"today": issuer_day(at)})
        return int(cursor.rowcount)


def _tell(milestone: Milestone, today: date) -> int:
    """Write one kind for all contracts; the day it has reached is kept with the work."""
    reached = milestone.told_until
    first = min(reached or today, today) - LOOK_BACK
    open_span(issuer_morning(first), issuer_morning(today))
    with transaction.atomic():
        same = Milestone.objects.filter(
            pk=milestone.pk, is_on=True, days=milestone.days, told_until=reached
        )
        if not same.update(told_until=today):
            return 0
        return _record(milestone, "true", {"first": first, "last": today})


def _tell_untold(today: date) -> int:
    """Tell the past of contracts whose dates the timeline does not know; the next tick goes on."""
    recorded, after = 0, 0
    untold_ones = Policy.objects.filter(is_untold=True).order_by("pk").values_list("pk", flat=True)
    for _batch in range(BATCHES):
        ids = list(untold_ones.filter(pk__gt=after)[:BATCH])
        if not ids:
            break
        recorded += _tell_batch(ids, today)
        after = ids[-1]
    return recorded


def _tell_batch(ids: list[int], today: date) -> int:
    rows = Policy.objects.filter(pk__in=ids)
    dates = rows.aggregate(starts=Min("starts_on"), issued=Min("issued_on"))
    earliest = min(day for day in (*dates.values(), today) if day)
    open_span(issuer_morning(earliest), issuer_morning(today))
    with transaction.atomic():
        # Those that an evaluation holds are told the next time.
        free = rows.filter(is_untold=True).order_by("pk")
        batch = list(
            free.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)
        )
        Policy.objects.filter(pk__in=batch).update(is_untold=False)
        recorded = 0
        for milestone in Milestone.objects.filter(is_on=True):
            # Of what is only announced, whatever lies behind us is no news to anybody.
            ahead = milestone.kind in Milestone.AHEAD
            first = today - timedelta(milestone.days) if ahead else earliest
            scope = "policy.id = ANY(%(batch)s)"
            recorded += _record(milestone, scope, {"first": first, "last": today, "batch": batch})
        return recorded


def _record(milestone: Milestone, scope: str, params: dict[str, Any]) -> int:
    source = SOURCES[Kind(milestone.kind)]
    select = SELECT.format(
        falls_on=source.falls_on,
        properties=source.properties,
        key=source.key,
        joined=source.joined,
        when=source.when,
        scope=scope,
        untold=untold(source.key),
    )
    params = {
        **params,
        "kind": milestone.kind,
        "days": milestone.days,
        "zone": settings.DEFAULT_CLIENT_TIME_ZONE,
    }
    return record_selected(select, params, issuer_morning(params["last"]))


def _last_morning(at: datetime) -> date:
    """Return the newest day whose morning is over: nothing is written of a moment still ahead."""
    today = issuer_day(at)
    return today if issuer_morning(today) <= at else today - timedelta(1)
