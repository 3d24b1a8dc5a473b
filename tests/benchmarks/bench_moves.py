"""How fast a day's closes are looked through for moves, against the database's own limits.

    python -m tests.benchmarks.bench_moves [holdings]

Every client holds one fund in one account, bought in two bookings. First a quiet day is looked
through: everything is computed and nobody is told; its limit is one bare pass that adds up the same
bookings. Then a day on which everything falls by a fifth: every holding, account and client is told; its
limit is a bare INSERT … SELECT of the same rows into the same indexed tables. It starts a throw-away
embedded PostgreSQL of its own, like the tests, unless DATABASE_URL names a server: then it wants an
empty database there.
"""

import os
import sys
import time
from datetime import UTC, date, datetime, timedelta

from tests import embedded

FUNDS = 20
MONDAY = date(2020, 4, 6)
END_OF_QUARTER = date(2020, 3, 31)
CLIENTS = """
INSERT INTO profiles_client (first_name, last_name, birth_on, tier, language, time_zone,
    time_zone_source, quiet_from, quiet_until, preferred_channel, attributes, created_at)
SELECT 'Test', 'Client ' || n, NULL, '', 'en', '', 'unknown', '21:00', '09:00', '', '{}', now()
FROM generate_series(1, %s) AS n
"""
ACCOUNTS = """
INSERT INTO products_account (number, client_id, name, currency, kind, opened_on)
SELECT 'A-' || id, id, 'Savings', 'USD', 'general', '2020-01-02' FROM profiles_client
"""
BOOKINGS = """
INSERT INTO products_transaction (account_id, reference, kind, day, underlying_id, units, amount)
SELECT account.id, account.id || '-' || n, 'buy', '2020-01-02'::date + n,
    (%s::bigint[])[1 + account.id %% %s], 5, 50000
FROM products_account AS account, generate_series(1, 2) AS n
"""
ADDED_UP = """
SELECT count(*) FROM (
    SELECT account.client_id, account.id, row.underlying_id, sum(row.units), sum(row.amount)
    FROM products_account AS account
    JOIN products_transaction AS row ON row.account_id = account.id
    WHERE account.closed_on IS NULL
    GROUP BY 1, 2, 3
) AS held
"""
READY = """
CREATE TEMP TABLE ready_move AS SELECT account_id, underlying_id, basis, since, falls, rung + 100
    AS rung, rate, day, noticed_at FROM products_holdingmove;
CREATE TEMP TABLE ready_event AS SELECT client_id, kind, subject, occurred_at, properties,
    'bare:' || source_key AS source_key FROM events_event;
CREATE TEMP TABLE ready_inbox AS SELECT listener, kind, event_id, occurred_at FROM events_inbox
"""
BARE = """
INSERT INTO products_holdingmove (account_id, underlying_id, basis, since, falls, rung, rate, day,
    noticed_at) SELECT * FROM ready_move;
INSERT INTO events_event (client_id, kind, subject, occurred_at, properties, source_key)
    SELECT * FROM ready_event;
INSERT INTO events_inbox (listener, kind, event_id, occurred_at) SELECT * FROM ready_inbox
"""


def main(holdings: int = 200_000) -> None:
    import django  # noqa: PLC0415 (the stack stands first)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    from apps.events.models import Event  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    prepare(holdings)
    looked(0)
    quiet, added_up = looked(1), timed(ADDED_UP)
    assert not Event.objects.exists()
    print(f"quiet day: {quiet:.1f} s, {holdings / quiet:,.0f} holdings a second")
    print(f"bare pass: {added_up:.1f} s; {added_up / quiet:.0%} of its speed")
    crash = looked(2)
    assert Event.objects.count() == 2 * holdings  # of the holding, and of its fund
    timed(READY)
    bare = timed(BARE)
    print(f"crash: {crash:.1f} s, {holdings / crash:,.0f} clients told a second")
    print(f"bare inserts: {bare:.1f} s; {bare / crash:.0%} of their speed")


def prepare(holdings):
    from django.db import connection  # noqa: PLC0415

    from tests import factories  # noqa: PLC0415

    funds = [factories.underlying(f"FUND{n}", kind="fund") for n in range(FUNDS)]
    days = [MONDAY + timedelta(days=n) for n in range(3)]
    factories.sessions(END_OF_QUARTER, *days)
    for fund in funds:
        for day, close in zip([END_OF_QUARTER, *days], ("100", "99", "98", "78"), strict=True):
            factories.quote(fund.ticker, day, close)
    with connection.cursor() as cursor:
        cursor.execute(CLIENTS, [holdings])
        cursor.execute(ACCOUNTS)
        cursor.execute(BOOKINGS, [[fund.pk for fund in funds], FUNDS])


def looked(number):
    """Return the seconds in which the closes of a day of the week are looked through."""
    from django.db import connection  # noqa: PLC0415

    from apps.products.actions.moves import record_moves  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    day = MONDAY + timedelta(days=number)
    started = time.perf_counter()
    record_moves(at=datetime(day.year, day.month, day.day, 23, tzinfo=UTC))
    return time.perf_counter() - started


def timed(statements):
    from django.db import connection, transaction  # noqa: PLC0415

    started = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements.split(";"):
            cursor.execute(statement)
    return time.perf_counter() - started


if __name__ == "__main__":
    if embedded.stack:
        embedded.stack.start()
    try:
        main(*map(int, sys.argv[1:]))
    finally:
        embedded.pytest_unconfigure()
