"""How fast one observation is evaluated for all its policies, against the database's own limit.

    python -m tests.benchmarks.bench_evaluation [policies] [rounds]

Each round evaluates one observation of a strategy (100,000 policies, five shares, every policy paid
and told of) and then writes as many ready-made rows into the same indexed tables by bare
INSERT … SELECT: coupons, payments, events and inbox. Both end with their commit. The median of the
rounds' ratios is the figure, for on a busy machine two neighbours share the weather and two medians
do not; the aim is at least 40 % of the bare speed. It starts a throw-away embedded
PostgreSQL of its own, like the tests, unless DATABASE_URL names a server: then it wants an empty
database there.
"""

import os
import statistics
import sys
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from tests import embedded

SHARES = ("AAPL", "BA", "FB", "IBM", "MSFT")
FIRST = date(2020, 1, 6)
CLIENTS = """
INSERT INTO profiles_client (first_name, last_name, birth_on, tier, language, time_zone,
    time_zone_source, quiet_from, quiet_until, preferred_channel, attributes, created_at)
SELECT 'Test', 'Client ' || n, NULL, '', 'en', '', 'unknown', '21:00', '09:00', '', '{}', now()
FROM generate_series(1, %s) AS n
"""
POLICIES = """
INSERT INTO products_policy (number, client_id, strategy_id, nominal, premium, starts_on, ends_on,
    state)
SELECT 'B-' || client.id, client.id, %s, 100000 * (1 + client.id %% 50), 100000, %s, %s, 'active'
FROM profiles_client AS client
"""
READY = (
    """
    CREATE TEMP TABLE ready_coupon AS SELECT policy_id, observation_id, outcome, amount, remembered
    FROM products_policycoupon WHERE result_id = %s
    """,
    """
    CREATE TEMP TABLE ready_payment AS SELECT policy_id, kind, amount, due_on, state
    FROM products_payment WHERE result_id = %s
    """,
    """
    CREATE TEMP TABLE ready_event AS
    SELECT client_id, kind, subject, occurred_at, properties, 'bare:' || source_key AS source_key
    FROM events_event WHERE source_key LIKE 'result:' || %s || ':%%'
    """,
    """
    CREATE TEMP TABLE ready_inbox AS SELECT 'bare' AS listener, kind, id AS event_id, occurred_at
    FROM events_event WHERE source_key LIKE 'result:' || %s || ':%%'
    """,
)
BARE = (
    """
    INSERT INTO products_policycoupon
        (policy_id, observation_id, result_id, outcome, amount, remembered)
    SELECT policy_id, observation_id, %s, outcome, amount, remembered FROM ready_coupon
    """,
    """
    INSERT INTO products_payment (policy_id, kind, amount, due_on, state, result_id)
    SELECT policy_id, kind, amount, due_on, state, %s FROM ready_payment
    """,
    """
    INSERT INTO events_event (client_id, kind, subject, occurred_at, properties, source_key)
    SELECT client_id, kind, subject, occurred_at, properties, source_key FROM ready_event
    """,
    """
    INSERT INTO events_inbox (listener, kind, event_id, occurred_at)
    SELECT listener, kind, event_id, occurred_at FROM ready_inbox
    """,
)


def main(policies: int = 100_000, rounds: int = 5) -> None:
    import django  # noqa: PLC0415 (the stack stands first)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    strategy = prepare(policies, rounds)
    found = [measure(number, strategy) for number in range(1, rounds + 1)]
    job, bare = (statistics.median(times) for times in zip(*found, strict=True))
    ratio = statistics.median(other / one for one, other in found)
    for number, (one, other) in enumerate(found, 1):
        print(f"round {number}: evaluated in {one:.2f} s, bare inserts in {other:.2f} s")
    print(f"{policies} policies: {job:.2f} s, {policies / job:,.0f} policies a second")
    print(f"bare: {bare:.2f} s; evaluation reaches {ratio:.0%} of its speed (median of {rounds})")


def prepare(policies, rounds):
    from django.db import connection  # noqa: PLC0415

    from apps.events.actions import listen  # noqa: PLC0415
    from tests import factories  # noqa: PLC0415

    days = [FIRST + timedelta(weeks=n) for n in range(rounds + 1)]
    strategy = factories.strategy(
        fixings=[(ticker, "100") for ticker in SHARES],
        days=days,
        struck_on=FIRST - timedelta(weeks=1),
        denomination=100_00,
        coupon_rate=Decimal("0.0266"),
    )
    for day in days:
        for ticker in SHARES:
            factories.quote(ticker, day, "101")
    listen("messaging", ["coupon.accrued"])
    with connection.cursor() as cursor:
        cursor.execute(CLIENTS, [policies])
        cursor.execute(POLICIES, [strategy.pk, strategy.struck_on, strategy.matures_on])
    return strategy


def measure(number, strategy):
    """Return the seconds of one evaluation and of bare inserts of as many rows."""
    from django.db import connection, transaction  # noqa: PLC0415

    from apps.products.actions.evaluation import evaluate_observation  # noqa: PLC0415
    from apps.products.models.strategies import ObservationResult  # noqa: PLC0415

    observation = strategy.observations.get(number=number)
    day = observation.valuation_on
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    started = time.perf_counter()
    done = evaluate_observation(
        observation.pk, at=datetime(day.year, day.month, day.day, 22, tzinfo=UTC)
    )
    job = time.perf_counter() - started
    assert done
    result = ObservationResult.objects.get(observation=observation)
    counts = [result.coupons.count(), result.payments.count()]
    assert counts == [strategy.policies.count()] * 2
    copy = ObservationResult.objects.get(pk=result.pk)  # what the bare rows belong to
    copy.pk, copy.supersedes = None, result
    copy.save(force_insert=True)
    with connection.cursor() as cursor:
        for statement in READY:
            cursor.execute(statement, [result.pk])
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
        started = time.perf_counter()
        with transaction.atomic():
            for statement in BARE:
                cursor.execute(statement, [copy.pk] if "%s" in statement else [])
        bare = time.perf_counter() - started
        cursor.execute("DROP TABLE ready_coupon, ready_payment, ready_event, ready_inbox")
    return job, bare


if __name__ == "__main__":
    if embedded.stack:
        embedded.stack.start()
    try:
        main(*map(int, sys.argv[1:]))
    finally:
        embedded.pytest_unconfigure()
