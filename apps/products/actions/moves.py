"""Moves of the market: what clients hold has gone through a threshold, or moved far in one day.

One day's closes are looked through once, in batches of clients. A threshold is told once in a
quarter, whatever the price does afterwards; whatever one client's holdings did on a day is one event.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from apps.events.actions import record_selected
from apps.products.models.moves import HoldingMove, MoveDay, UnderlyingMove
from apps.products.queries.movers import (
    DEFAULT_BAND,
    DEFAULT_STEP,
    Closes,
    closes_of,
    movers,
    next_day,
)
from apps.products.queries.positions import GAINS, Span, gains_params
from apps.profiles.models import Client

BATCH = 20_000  # clients a transaction
LADDER = "0.1"  # of an account, from the quarter's start: Regulation (EU) 2017/565, Article 62(1)

IN_BATCH = "account.client_id > %(after)s AND account.client_id <= %(upto)s"
# The rule nearest to the client counts, whole.
RULED = """
    LEFT JOIN products_moverule AS own ON own.client_id = client.id
    LEFT JOIN products_moverule AS tiers
        ON tiers.client_id IS NULL AND tiers.tier = client.tier AND client.tier <> ''
    LEFT JOIN products_moverule AS everybody
        ON everybody.client_id IS NULL AND everybody.tier = ''
    CROSS JOIN LATERAL (SELECT
        coalesce(own.holding_step, tiers.holding_step, everybody.holding_step, %(step)s) AS step,
        coalesce(own.share_band, tiers.share_band, everybody.share_band, %(band)s) AS band,
        coalesce(own.tells_rises, tiers.tells_rises, everybody.tells_rises, true) AS tells_rises
    ) AS rule
"""
# What crossed beside what was told of the same in the quarter, compared by adding up and not by a join:
# the planner, who has not heard yet of what the batch before wrote, would look through it row by row.
TELL = """
INSERT INTO products_holdingmove (
    account_id, underlying_id, basis, since, falls, rung, rate, day, noticed_at
)
SELECT account_id, underlying_id, %(basis)s, %(start)s, falls, max(rung) FILTER (WHERE is_new),
    max(rate) FILTER (WHERE is_new), %(day)s, %(begun_at)s
FROM (
    SELECT account_id, underlying_id, falls, rung, rate, true AS is_new
    FROM ({crossed}) AS crossed
    UNION ALL
    SELECT told.account_id, told.underlying_id, told.falls, told.rung, NULL, false
    FROM products_account AS account
    JOIN products_holdingmove AS told ON told.account_id = account.id
    WHERE {in_batch} AND told.basis = %(basis)s AND told.since = %(start)s
) AS compared
GROUP BY account_id, underlying_id, falls
HAVING max(rung) FILTER (WHERE is_new) > coalesce(max(rung) FILTER (WHERE NOT is_new), 0)
ON CONFLICT DO NOTHING
"""
# One fund or share against what was paid in for it: told when the price of the day goes through a
# multiple of the client's step that the price looked at before had not reached.
SINCE_PURCHASE = """
SELECT gained.account_id, gained.underlying_id, gained.amount < 0 AS falls,
    floor(abs(gained.amount) / (gained.base * rule.step))::int AS rung,
    round(gained.amount::numeric / gained.base, 6) AS rate
FROM ({gains}) AS gained
JOIN profiles_client AS client ON client.id = gained.client_id
{ruled}
WHERE gained.value > 0 AND gained.base > 0 AND gained.amount_seen IS NOT NULL
    AND abs(gained.amount) >= gained.base * rule.step
    AND (gained.amount < 0 OR rule.tells_rises)
    AND floor(abs(gained.amount) / (gained.base * rule.step)) > CASE
        WHEN sign(gained.amount_seen) = sign(gained.amount)
        THEN floor(abs(gained.amount_seen) / (gained.base * rule.step))
        ELSE 0
    END
"""
# The whole account against the start of the quarter; an account with one price lacking is left out.
SINCE_START = """
SELECT account_id, NULL::bigint AS underlying_id, true AS falls,
    floor(-sum(amount) / (sum(base) * %(ladder)s::numeric))::int AS rung,
    round(sum(amount)::numeric / sum(base), 6) AS rate
FROM ({gains}) AS gained
GROUP BY account_id
HAVING bool_and(amount IS NOT NULL) AND sum(base) > 0
    AND -sum(amount) >= sum(base) * %(ladder)s::numeric
"""
# What a template may say: the greatest move, how many others there were, and the whole list.
HOLDINGS_MOVED = """
SELECT client_id, 'holding.moved', 'client:' || client_id, %(begun_at)s::timestamptz,
    jsonb_build_object(
        'day', %(day)s::date,
        'variant', CASE WHEN bool_or(falls) THEN 'gentle' ELSE 'plain' END,
        'until', (%(day)s::date + 4)::timestamptz,  -- later it is no news, caught up on or not
        'moves', jsonb_agg(told ORDER BY abs(rate) DESC, id),
        'values', jsonb_strip_nulls(
            (jsonb_agg(said ORDER BY abs(rate) DESC, id) -> 0)
            || jsonb_build_object(
                'day', jsonb_build_object('date', %(day)s::date),
                'others', nullif(count(*) - 1, 0),
                'moves', jsonb_agg(said ORDER BY abs(rate) DESC, id)
            )
        )
    ),
    'holding.moved:' || %(day)s::date || ':' || client_id
FROM (
    SELECT account.client_id, move.id, move.rate, move.falls,
        jsonb_build_object(
            'account', move.account_id, 'underlying', move.underlying_id, 'basis', move.basis,
            'rung', move.rung, 'rate', move.rate
        ) AS told,
        jsonb_build_object(
            'what', coalesce(share.name, account.name),
            'by', jsonb_build_object('percent', trunc(abs(move.rate), 3)::text),
            'falls', move.falls,
            'since', CASE WHEN move.basis = 'period'
                THEN jsonb_build_object('date', move.since) END
        ) AS said
    FROM products_account AS account
    JOIN products_holdingmove AS move ON move.account_id = account.id
    LEFT JOIN products_underlying AS share ON share.id = move.underlying_id
    WHERE {in_batch} AND move.noticed_at = %(begun_at)s
) AS moved
GROUP BY client_id
"""
# Everybody who holds what moved: in an account, or in the basket of a live strategy.
UNDERLYINGS_MOVED = """
SELECT holder.client_id, 'underlying.moved', 'client:' || holder.client_id,
    %(begun_at)s::timestamptz,
    jsonb_build_object(
        'day', %(day)s::date,
        'moves', jsonb_agg(jsonb_build_object(
            'underlying', move.underlying_id, 'name', share.name, 'rate', move.rate
        ) ORDER BY abs(move.rate) DESC, share.id)
    ),
    'underlying.moved:' || %(day)s::date || ':' || holder.client_id
FROM (
    SELECT gained.client_id, gained.underlying_id FROM ({gains}) AS gained WHERE gained.value > 0
    UNION
    SELECT account.client_id, member.underlying_id
    FROM products_basketmember AS member
    JOIN products_strategy AS strategy
        ON strategy.id = member.strategy_id AND strategy.state = 'published'
    JOIN products_policy AS account
        ON account.strategy_id = strategy.id AND account.state = 'active' AND {in_batch}
    WHERE member.underlying_id = ANY(%(moved)s)
) AS holder
JOIN products_underlyingmove AS move
    ON move.underlying_id = holder.underlying_id AND move.noticed_at = %(begun_at)s
JOIN products_underlying AS share ON share.id = move.underlying_id
JOIN profiles_client AS client ON client.id = holder.client_id
{ruled}
WHERE abs(move.rate) >= rule.band AND (move.rate < 0 OR rule.tells_rises)
GROUP BY holder.client_id
"""


def record_moves(*, at: datetime) -> int:
    """Look through every day whose closes are in; return how many clients' events were new.

    A day is begun once and walked in batches of clients, the place kept with the work: a run that
    was killed goes on where it stopped, and two at once do a batch each.
    """
    recorded = 0
    while day := _open_day(at=at):
        closes = closes_of(day, at=at)
        _keep_movers(day, closes)
        spans = _Spans(closes)
        while (count := _record_batch(day.pk, spans, at=at)) is not None:
            recorded += count
    return recorded


def _open_day(*, at: datetime) -> MoveDay | None:
    """Return the day that is being looked through, or begin the next one."""
    unended = MoveDay.objects.filter(ended_at__isnull=True)
    if day := unended.order_by("day").first():
        return day
    if fresh := next_day(at=at):
        # What a day noticed is found by its moment, so that two days caught up on need two.
        last = MoveDay.objects.aggregate(last=Max("begun_at"))["last"]
        begun_at = max(at, last + timedelta(microseconds=1)) if last else at
        MoveDay.objects.bulk_create([MoveDay(day=fresh, begun_at=begun_at)], ignore_conflicts=True)
    return unended.order_by("day").first()


@transaction.atomic
def _keep_movers(day: MoveDay, closes: Closes) -> None:
    """Keep which prices are looked at today, and which of them moved far; once."""
    prices = {
        **closes.carried,
        **{str(pk): known.last.day.isoformat() for pk, known in closes.fresh.items() if known.last},
    }
    if not MoveDay.objects.filter(pk=day.pk, prices={}).update(prices=prices):
        return
    UnderlyingMove.objects.bulk_create(
        [
            UnderlyingMove(
                underlying_id=one.underlying, day=one.day, before_on=one.before_on,
                rate=one.rate, noticed_at=day.begun_at,
            )
            for one in movers(closes)
        ],
        ignore_conflicts=True,
    )  # fmt: skip


class _Spans:
    """A day's prices as the SQL takes them: since the purchase, and since the quarter's start."""

    def __init__(self, closes: Closes) -> None:
        self.closes = closes
        self.purchase = gains_params(
            {
                pk: Span(known.price, splits=closes.splits.get(pk, ()), seen=closes.seen.get(pk))
                for pk, known in closes.fresh.items()
            },
            until=closes.day,
        )
        every = closes.fresh.keys() | closes.started.keys()
        self.period = gains_params(
            {
                pk: Span(
                    closes.fresh[pk].price if pk in closes.fresh else None,
                    closes.start,
                    closes.started[pk].price if pk in closes.started else None,
                    closes.splits.get(pk, ()),
                )
                for pk in every
            },
            until=closes.day,
            fees_since=closes.start,
        )


@transaction.atomic
def _record_batch(pk: int, spans: _Spans, *, at: datetime) -> int | None:
    """Tell the next clients of a day; return how many events were new, None after the last."""
    day = MoveDay.objects.select_for_update().get(pk=pk)
    if day.ended_at is not None:
        return None
    following = Client.objects.filter(pk__gt=day.cursor).order_by("pk").values("pk")[:BATCH]
    last = Client.objects.filter(pk__in=following).aggregate(last=Max("pk"))["last"]
    if last is None:
        MoveDay.objects.filter(pk=pk).update(ended_at=at)
        return None
    batch: dict[str, Any] = {
        "after": day.cursor, "upto": last, "day": day.day, "begun_at": day.begun_at,
        "start": spans.closes.start, "step": DEFAULT_STEP, "band": DEFAULT_BAND, "ladder": LADDER,
    }  # fmt: skip
    basis = HoldingMove.Basis
    gains = GAINS.format(accounts=IN_BATCH)
    _tell(SINCE_PURCHASE.format(gains=gains, ruled=RULED), basis.PURCHASE, spans.purchase, batch)
    _tell(SINCE_START.format(gains=gains), basis.PERIOD, spans.period, batch)
    recorded = record_selected(
        HOLDINGS_MOVED.format(in_batch=IN_BATCH), batch, occurred_at=day.begun_at
    )
    recorded += _record_movers(day, spans, batch)
    MoveDay.objects.filter(pk=pk).update(cursor=last)
    return recorded


def _tell(crossed: str, basis: str, params: Mapping[str, Any], batch: Mapping[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            TELL.format(crossed=crossed, in_batch=IN_BATCH), {**params, **batch, "basis": basis}
        )


def _record_movers(day: MoveDay, spans: _Spans, batch: Mapping[str, Any]) -> int:
    moved = list(
        UnderlyingMove.objects.filter(noticed_at=day.begun_at).values_list("underlying", flat=True)
    )
    if not moved:
        return 0
    theirs = f"{IN_BATCH} AND row.underlying_id = ANY(%(moved)s)"
    select = UNDERLYINGS_MOVED.format(
        gains=GAINS.format(accounts=theirs), in_batch=IN_BATCH, ruled=RULED
    )
    return record_selected(select, {**spans.purchase, **batch, "moved": moved}, day.begun_at)
