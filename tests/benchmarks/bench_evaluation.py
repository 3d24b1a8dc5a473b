"""How fast one observation date is evaluated for 400 strategies, against the database's own limit.

    python -m tests.benchmarks.bench_evaluation [policies …] [--rounds 3] [--workers 2]

A round evaluates one date of 400 strategies of five shares, whose policies lie scattered as they were
sold, every policy paid and told of: first by one evaluator, on the next date by several at once. Then
as many ready-made rows are written into the same indexed tables by bare INSERT … SELECT in one
connection: coupons, payments, events and inbox. Both end with their commit. Ratios are taken within a
round and their median is the figure, for on a busy machine two neighbours share the weather and two
medians do not. Aims: at least 40 % of the bare speed and 150,000 policies a second, the arithmetic at
most 10 % of the time, 400 MB a worker, ten times the policies in at most eleven times the time.

It starts a throw-away embedded PostgreSQL of its own, like the tests, unless DATABASE_URL names a
server: then it wants an empty database there.
"""

import argparse
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tests import embedded

SHARES = ("AAPL", "BA", "FB", "IBM", "MSFT")
STRATEGIES = 400
FIRST = date(2020, 1, 6)
CLIENTS = """
INSERT INTO profiles_client (first_name, last_name, tier, language, time_zone, time_zone_source,
    quiet_from, quiet_until, preferred_channel, attributes, created_at)
SELECT 'Test', 'Client ' || n, '', 'en', '', 'unknown', '21:00', '09:00', '', '{}', now()
FROM generate_series(1, %s) AS n
"""
POLICIES = """
INSERT INTO products_policy (number, client_id, strategy_id, nominal, premium, starts_on, ends_on,
    state, is_untold)
SELECT 'B-' || client.id, client.id, (%s::bigint[])[1 + client.id %% %s],
    100000 * (1 + client.id %% 50), 100000, %s, %s, 'active', false
FROM profiles_client AS client
"""
# The rows of a date once more, for copies of its results.
READY = (
    """
    CREATE TEMP TABLE ready_coupon AS
    SELECT coupon.policy_id, coupon.observation_id, copy.id AS result_id, coupon.outcome,
        coupon.amount, coupon.remembered
    FROM products_policycoupon AS coupon
    JOIN products_observationresult AS copy ON copy.supersedes_id = coupon.result_id
    WHERE copy.id = ANY (%(copies)s)
    """,
    """
    CREATE TEMP TABLE ready_payment AS
    SELECT payment.policy_id, payment.kind, payment.amount, payment.due_on, payment.state,
        copy.id AS result_id
    FROM products_payment AS payment
    JOIN products_observationresult AS copy ON copy.supersedes_id = payment.result_id
    WHERE copy.id = ANY (%(copies)s)
    """,
    """
    CREATE TEMP TABLE ready_event AS
    SELECT client_id, kind, subject, occurred_at, properties, 'bare:' || source_key AS source_key
    FROM events_event WHERE occurred_at = %(at)s
    """,
    """
    CREATE TEMP TABLE ready_inbox AS SELECT 'bare' AS listener, kind, id AS event_id, occurred_at
    FROM events_event WHERE occurred_at = %(at)s
    """,
)
BARE = (
    """
    INSERT INTO products_policycoupon
        (policy_id, observation_id, result_id, outcome, amount, remembered)
    SELECT policy_id, observation_id, result_id, outcome, amount, remembered FROM ready_coupon
    """,
    """
    INSERT INTO products_payment (policy_id, kind, amount, due_on, state, result_id)
    SELECT policy_id, kind, amount, due_on, state, result_id FROM ready_payment
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


def main(sizes, rounds, workers):
    start_django()
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    seconds = {size: measure_size(size, rounds, workers) for size in sizes}
    for small, large in itertools.pairwise(sizes):
        print(f"{small:,} → {large:,} policies: {seconds[large] / seconds[small]:.1f} × the time")


def start_django():
    import django  # noqa: PLC0415 (the stack stands first)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()


def measure_size(policies, rounds, workers):
    """Print the figures of one size; return the seconds of several evaluators."""
    days = prepare(policies, 2 * rounds)
    ratios, alone, together = [], [], []
    print(f"\n{policies:,} policies of {STRATEGIES} strategies")
    for number in range(rounds):
        one, many = (
            evaluate(days[2 * number + place], how_many)
            for place, how_many in ((0, 1), (1, workers))
        )
        bare = write_bare(days[2 * number + 1], policies)
        ratios.append((bare / one["seconds"], bare / many["seconds"]))
        alone.append(one["seconds"])
        together.append(many["seconds"])
        print(
            f"  round {number + 1}: alone {one['seconds']:.2f} s, {workers} at once "
            f"{many['seconds']:.2f} s, bare inserts {bare:.2f} s; arithmetic "
            f"{one['arithmetic'] / one['seconds']:.0%}, memory {one['memory'] / 2**20:.0f} MB, "
            f"{one['cpu'] / policies * 1e6:.1f} µs of processor a policy"
        )
    alone_ratio, ratio = (statistics.median(each) for each in zip(*ratios, strict=True))
    one, many = statistics.median(alone), statistics.median(together)
    print(f"  one evaluator: {policies / one:,.0f} policies a second, {alone_ratio:.0%} of bare")
    print(f"  {workers} evaluators: {policies / many:,.0f} policies a second, {ratio:.0%} of bare")
    return many


def prepare(policies, dates):
    from decimal import Decimal  # noqa: PLC0415

    from django.db import connection  # noqa: PLC0415

    from apps.events.actions import listen  # noqa: PLC0415
    from apps.products.models.strategies import BasketMember, Observation, Strategy  # noqa: PLC0415
    from tests import factories  # noqa: PLC0415

    days = [FIRST + timedelta(weeks=n) for n in range(dates + 1)]
    with connection.cursor() as cursor:
        cursor.execute("""
            TRUNCATE profiles_client, products_strategy, products_underlying, products_policycoupon,
                products_payment, events_event, events_inbox CASCADE
        """)
    strategies = Strategy.objects.bulk_create(
        Strategy(
            code=f"bench-{n}", name=f"Bench {n}", currency="USD", denomination=100_00,
            state="published", struck_on=FIRST - timedelta(weeks=1),
            matures_on=days[-1] + timedelta(weeks=1), coupon_rate=Decimal("0.0266"),
            coupon_barrier=Decimal("0.75"),
        )
        for n in range(STRATEGIES)
    )  # fmt: skip
    shares = [factories.underlying(ticker) for ticker in SHARES]
    BasketMember.objects.bulk_create(
        BasketMember(strategy=strategy, underlying=share, initial_fixing=100)
        for strategy in strategies
        for share in shares
    )
    Observation.objects.bulk_create(
        Observation(strategy=strategy, number=n, scheduled_on=day, valuation_on=day, pays_on=day)
        for strategy in strategies
        for n, day in enumerate(days, 1)
    )
    factories.sessions(*days)
    for day in days:
        for ticker in SHARES:
            factories.quote(ticker, day, "101")
    listen("messaging", ["coupon.accrued"])
    held = (strategies[0].struck_on, strategies[0].matures_on)
    with connection.cursor() as cursor:
        cursor.execute(CLIENTS, [policies])
        cursor.execute(POLICIES, [[each.pk for each in strategies], STRATEGIES, *held])
    return days


def evaluate(day, workers):
    """Return what evaluators in processes of their own took together for one date."""
    at = datetime(day.year, day.month, day.day, 22, tzinfo=UTC)
    settle()
    team = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.bench_evaluation", "--work", at.isoformat()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _worker in range(workers)
    ]  # fmt: skip
    for worker in team:
        assert worker.stdout.readline() == "ready\n"
    started = time.perf_counter()
    for worker in team:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    said = [json.loads(worker.stdout.readline()) for worker in team]
    seconds = time.perf_counter() - started
    for worker in team:
        worker.communicate()
    assert sum(one["evaluated"] for one in said) == STRATEGIES, said
    return {
        "seconds": seconds,
        "arithmetic": sum(one["arithmetic"] for one in said),
        "memory": max(one["memory"] for one in said),
        "cpu": sum(one["cpu"] for one in said),
    }


def work(at):
    """Be an evaluator: wait for the start, evaluate, say what it cost."""
    start_django()
    from django.db import connection  # noqa: PLC0415

    from apps.products.actions.evaluation import evaluate_due, running  # noqa: PLC0415

    spent = 0.0
    decide = running.decide

    def timed(*args, **options):
        nonlocal spent
        started = time.perf_counter()
        try:
            return decide(*args, **options)
        finally:
            spent += time.perf_counter() - started

    running.decide = timed
    connection.ensure_connection()
    server = connection.connection.info.backend_pid
    print("ready", flush=True)
    sys.stdin.readline()
    before = time.process_time() + cpu_of(server)
    evaluated = evaluate_due(at=at)
    cpu = time.process_time() + cpu_of(server) - before
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    said = {"evaluated": evaluated, "arithmetic": spent, "memory": memory, "cpu": cpu}
    print(json.dumps(said), flush=True)


def cpu_of(process):
    """Return the seconds of processor that a process has taken; 0 where nobody tells (not Linux)."""
    stat = Path(f"/proc/{process}/stat")
    if not stat.exists():
        return 0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def write_bare(day, policies):
    """Return the seconds of bare inserts of as many rows as the date brought."""
    from django.db import connection, transaction  # noqa: PLC0415

    from apps.products.models.strategies import ObservationResult  # noqa: PLC0415

    at = datetime(day.year, day.month, day.day, 22, tzinfo=UTC)
    copies = list(ObservationResult.objects.filter(observation__valuation_on=day))
    for copy in copies:
        copy.supersedes_id, copy.pk = copy.pk, None
    copies = ObservationResult.objects.bulk_create(copies)
    with connection.cursor() as cursor:
        for statement in READY:
            cursor.execute(statement, {"copies": [copy.pk for copy in copies], "at": at})
            assert cursor.rowcount == policies
        settle()
        started = time.perf_counter()
        with transaction.atomic():
            for statement in BARE:
                cursor.execute(statement)
        seconds = time.perf_counter() - started
        cursor.execute("DROP TABLE ready_coupon, ready_payment, ready_event, ready_inbox")
    return seconds


def settle():
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("policies", nargs="*", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--work", type=datetime.fromisoformat)
    return parser.parse_args()


if __name__ == "__main__":
    asked = arguments()
    if asked.work:
        work(asked.work)
    else:
        if embedded.stack:
            embedded.stack.start()
        try:
            main(asked.policies, asked.rounds, asked.workers)
        finally:
            embedded.pytest_unconfigure()
