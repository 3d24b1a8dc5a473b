"""The gains of many clients' holdings at once, in SQL: the same sums as in `returns`.

The prices and splits, a few thousand at most, are worked out before and passed in; what there is a
million of, the bookings, PostgreSQL reads once.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise
from typing import Any

from apps.core import money
from apps.products.returns import Price, Splits, factor

# Gives client_id, account_id, underlying_id (null: fees on the account), currency, value, base,
# amount, and what the amount was at the price looked at before. Null is whatever needs a price that
# lacks. {accounts} picks accounts and their bookings.
# Rounding a numeric goes half away from zero, as HALF_UP does.
GAINS = """
WITH price AS (
    SELECT * FROM unnest(
        %(underlyings)s::bigint[], %(closes)s::numeric[], %(factors)s::numeric[],
        %(sinces)s::date[], %(closes_before)s::numeric[], %(factors_before)s::numeric[],
        %(closes_seen)s::numeric[], %(factors_seen)s::numeric[]
    ) AS price (
        underlying_id, close, factor, since, close_before, factor_before, close_seen, factor_seen
    )
), split AS (
    SELECT * FROM unnest(
        %(split)s::bigint[], %(dealt_from)s::date[], %(dealt_until)s::date[],
        %(ratios)s::numeric[], %(ratios_before)s::numeric[]
    ) AS split (underlying_id, dealt_from, dealt_until, ratio, ratio_before)
), booked AS (
    SELECT account.client_id, account.id AS account_id, account.currency,
        coalesce(row.underlying_id, 0) AS underlying_id, row.day, row.amount, row.kind IN ('buy', 'fee') AS is_in,
        CASE row.kind WHEN 'buy' THEN row.units WHEN 'sell' THEN -row.units ELSE 0 END AS units
    FROM products_account AS account
    JOIN products_transaction AS row ON row.account_id = account.id
    WHERE account.closed_on IS NULL AND row.day <= %(until)s AND {accounts}
), held AS (
    SELECT booked.client_id, booked.account_id, booked.currency, booked.underlying_id,
        sum(booked.units * coalesce(split.ratio, 1)) AS units,
        coalesce(sum(booked.units * coalesce(split.ratio_before, 1))
            FILTER (WHERE booked.day <= price.since), 0) AS units_before,
        coalesce(sum(booked.amount) FILTER (
            WHERE booked.is_in AND (price.since IS NULL OR booked.day > price.since)
        ), 0) AS paid_in,
        coalesce(sum(booked.amount) FILTER (
            WHERE NOT booked.is_in AND (price.since IS NULL OR booked.day > price.since)
        ), 0) AS paid_out
    FROM booked
    LEFT JOIN price USING (underlying_id)
    LEFT JOIN split ON split.underlying_id = booked.underlying_id
        AND booked.day >= split.dealt_from AND booked.day < split.dealt_until
    GROUP BY 1, 2, 3, 4
), worth AS (
    SELECT held.*,
        CASE WHEN units = 0 THEN 0
            ELSE round(units * price.close * minor / price.factor) END AS after,
        CASE WHEN units_before = 0 THEN 0
            ELSE round(units_before * price.close_before * minor / price.factor_before)
        END AS before,
        CASE WHEN units = 0 THEN 0
            ELSE round(units * price.close_seen * minor / price.factor_seen) END AS seen
    FROM held
    LEFT JOIN price USING (underlying_id)
    CROSS JOIN LATERAL (
        SELECT 10::numeric ^ coalesce((%(places)s::jsonb ->> held.currency)::int, 2)
    ) AS money (minor)
)
SELECT client_id, account_id, nullif(underlying_id, 0) AS underlying_id, currency, after::bigint AS value,
    (before + paid_in)::bigint AS base, (after + paid_out - before - paid_in)::bigint AS amount,
    (seen + paid_out - before - paid_in)::bigint AS amount_seen
FROM worth
"""

EARLIEST, LATEST = date.min, date.max
ACCOUNT = 0  # in place of a fund or share: the fees on the account itself


@dataclass(frozen=True, slots=True)
class Span:
    """One fund or share between two days; without a day it is counted from the purchase.

    `after` is the price that counts at the end, `before` the one at the start, `seen` the one that
    was looked at the last time; None where it lacks.
    """

    after: Price | None
    since: date | None = None
    before: Price | None = None
    splits: Splits = ()
    seen: Price | None = None


def gains_params(
    spans: Mapping[int, Span], *, until: date, fees_since: date | None = None
) -> dict[str, Any]:
    """Return the parameters of GAINS; `fees_since` says from when fees on accounts count."""
    spans = {**spans, ACCOUNT: Span(None, fees_since)}
    listed = list(spans.items())
    steps = [step for pk, span in listed for step in _steps(pk, span, until)]
    return {
        "until": until,
        "places": json.dumps(money.unusual_decimals()),
        "underlyings": [pk for pk, _span in listed],
        "sinces": [span.since for _pk, span in listed],
        "closes": [span.after and exact(span.after.close) for _pk, span in listed],
        "factors": [_to(span.splits, span.after, until) for _pk, span in listed],
        "closes_before": [span.before and exact(span.before.close) for _pk, span in listed],
        "factors_before": [_to(span.splits, span.before, span.since) for _pk, span in listed],
        "closes_seen": [span.seen and exact(span.seen.close) for _pk, span in listed],
        "factors_seen": [_to(span.splits, span.seen, until) for _pk, span in listed],
        "split": [step[0] for step in steps],
        "dealt_from": [step[1] for step in steps],
        "dealt_until": [step[2] for step in steps],
        "ratios": [step[3] for step in steps],
        "ratios_before": [step[4] for step in steps],
    }


def _to(splits: Splits, price: Price | None, day: date | None) -> Decimal:
    return exact(factor(splits, price.day, day)) if price and day else Decimal(1)


def _steps(pk: int, span: Span, until: date) -> Iterable[tuple[int, date, date, Decimal, Decimal]]:
    """Yield what a unit dealt from one ex-date to the next has become, at the end and the start."""
    edges = [EARLIEST, *sorted(ex_on for ex_on, _ratio in span.splits), LATEST]
    for first, after in pairwise(edges) if span.splits else ():
        yield (
            pk,
            first,
            after,
            exact(factor(span.splits, first, until)),
            exact(factor(span.splits, first, span.since or until)),
        )


def exact(number: Fraction) -> Decimal:
    """Return a fraction that ends as a decimal, as prices and the ratios of splits do."""
    with localcontext(prec=100):
        return Decimal(number.numerator) / Decimal(number.denominator)
