"""How fast notices go through the whole gate, against a bare INSERT … SELECT of what comes out.

    python -m tests.benchmarks.bench_planning [notices] [--planners 2]

One notice a client: seven of ten are news of a service, three are offers of which some find their day
taken; there are withdrawn consents, suppressed and missing addresses, a hold-out group, a limit of
offers, ten time zones and a fifth of clients whose zone nobody knows. Then the messages, verdicts and
reservations that came out are inserted once more, from tables that hold them ready, into the same
indexed tables: that is the limit. Planning again must add nothing. Several planners share the
notices, a session each, like the processes of a worker; who plans offers is alone with them. It starts a throw-away embedded
PostgreSQL of its own, like the tests, unless DATABASE_URL names a server: then it wants an empty
database there. The aim: a quarter of the limit.
"""

import argparse
import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

from tests import embedded

BATCH = 20_000
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
SEED = """
INSERT INTO profiles_client (first_name, last_name, tier, language, time_zone, time_zone_source,
    quiet_from, quiet_until, preferred_channel, attributes, created_at)
SELECT 'Test', 'Client ' || n, CASE n %% 4 WHEN 0 THEN 'hnwi' ELSE '' END,
    CASE n %% 2 WHEN 0 THEN 'en' ELSE 'ru' END, zone.name,
    CASE zone.name WHEN '' THEN 'unknown' ELSE 'imported' END,
    '21:00', CASE n %% 7 WHEN 0 THEN '10:00'::time ELSE '09:00' END,
    CASE n %% 3 WHEN 0 THEN 'email' ELSE '' END, '{{}}', now()
FROM generate_series(1, {count}) AS n
CROSS JOIN LATERAL (SELECT (ARRAY[
    'Europe/Moscow', '', 'Europe/Warsaw', 'Asia/Yekaterinburg', 'Europe/Moscow',
    'Asia/Almaty', '', 'Europe/Kyiv', 'Europe/London', 'Asia/Vladivostok'
])[1 + n %% 10] AS name) AS zone;
INSERT INTO profiles_contactpoint (client_id, channel, address, state, created_at)
SELECT id, 'sms', '+79' || lpad(id::text, 9, '0'), CASE id %% 20 WHEN 0 THEN 'bounced'
    ELSE 'valid' END, now() FROM profiles_client
UNION ALL
SELECT id, 'email', 'c' || id || '@example.com', 'valid', now() FROM profiles_client;
INSERT INTO profiles_consentrecord (client_id, purpose, channel, granted, text_version, source,
    recorded_at)
SELECT client.id, asked.purpose, asked.channel, client.id %% 9 > 0, '1', 'bench', now()
FROM profiles_client AS client CROSS JOIN (VALUES
    ('service', 'sms'), ('service', 'email'), ('marketing', 'sms'), ('marketing', 'email')
) AS asked (purpose, channel);
INSERT INTO profiles_suppression (channel, address_hash, hint, reason, source, made_at)
SELECT channel, sha256(convert_to(channel || ':' || address, 'UTF8')), 'x', 'stop', 'bench', now()
FROM profiles_contactpoint WHERE client_id %% 50 = 7;
INSERT INTO messaging_holdout (name, percent, begins_at) VALUES ('bench', 5, '2026-01-01');
INSERT INTO messaging_frequencypolicy (tier, offers, days) VALUES ('', 2, 7);
INSERT INTO messaging_template (code, name, purpose, kind)
VALUES ('offer.bench', 'An offer', 'marketing', 'offer');
INSERT INTO messaging_templateversion (template_id, channel, language, variant, number, state,
    subject, body, created_at{more})
SELECT template.id, channel, language, 'plain', 1, 'published', 'x', 'x', now(){values}
FROM messaging_template AS template, unnest(ARRAY['sms', 'email']) AS channel,
    unnest(ARRAY['en', 'ru']) AS language
WHERE template.code = 'offer.bench';
INSERT INTO messaging_notice (client_id, template_id, variant, subject, source, values, dedupe_key,
    state, reason, created_at, deadline_at)
SELECT client.id, template.id, 'plain', 'strategy:1', 'event:' || client.id,
    '{{"strategy": "Technology", "amount": {{"money": 2500, "currency": "USD"}}}}',
    'bench:' || client.id, 'queued', '', now(), '2026-03-09'
FROM profiles_client AS client
JOIN messaging_template AS template ON template.code = CASE WHEN client.id %% 10 < 7
    THEN 'coupon.accrued' ELSE 'offer.bench' END
"""
TABLES = ("messaging_message", "messaging_verdict", "messaging_reservation")


def main(count, planners):
    import django  # noqa: PLC0415 (the stack stands first)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection, models  # noqa: PLC0415

    from apps.messaging.actions.planning import plan_messages  # noqa: PLC0415
    from apps.messaging.models.content import TemplateVersion  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    known = [
        "template",
        "channel",
        "language",
        "variant",
        "number",
        "state",
        "subject",
        "body",
        "created_at",
        "id",
    ]
    more = {
        field.column: "false" if isinstance(field, models.BooleanField) else "''"
        for field in TemplateVersion._meta.local_concrete_fields
        if field.name not in known and not field.null and not field.has_db_default()
    }
    columns = "".join(f", {name}" for name in more)
    values = "".join(f", {value}" for value in more.values())
    with connection.cursor() as cursor:
        seed = SEED.format(count=count, more=columns, values=values).replace("%%", "%")
        cursor.execute(seed)
        cursor.execute("VACUUM ANALYZE")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    decided, ours, used = planned(planners)
    rows = counts(connection)
    again = plan_messages(at=AT, limit=BATCH)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    bare, bare_used = inserted_bare(connection)
    assert decided == count
    assert again == 0
    assert counts(connection) == rows
    print(f"{count:,} notices, {rows} rows of messages, verdicts, reservations")
    print(f"ours  {ours:8.2f} s {count / ours:10,.0f} notices/s, memory +{grown / 1024:.0f} MB")
    print(f"bare  {bare:8.2f} s {count / bare:10,.0f} notices/s")
    print(f"ratio {bare / ours:8.1%} (aim 25 %)")
    print(f"processor: ours {used:.2f} s, bare {bare_used:.2f} s, ratio {bare_used / used:.1%}")


def planned(planners):
    """Plan all by so many at once; return how many were decided, the seconds and the processor's."""
    from django.db import connection  # noqa: PLC0415 (a session of its own in each thread)

    from apps.messaging.actions.planning import begin_round, plan_batch  # noqa: PLC0415

    start = Barrier(planners + 1)

    def plan(_):
        connection.ensure_connection()
        start.wait()
        decided, rest = 0, begin_round()
        while rest is not None:
            size, rest = plan_batch(rest, at=AT, limit=BATCH)
            decided += size
        used = processor(connection, own=False)
        connection.close()
        return decided, used

    with ThreadPoolExecutor(planners) as pool:
        running = pool.map(plan, range(planners))
        start.wait()
        began, spent = time.perf_counter(), own_processor()
        done = list(running)
        seconds, used = time.perf_counter() - began, own_processor() - spent
    return sum(size for size, _ in done), seconds, used + sum(each for _, each in done)


def counts(connection):
    with connection.cursor() as cursor:
        found = []
        for table in TABLES:
            cursor.execute(f"SELECT count(*) FROM {table}")
            found.append(cursor.fetchone()[0])
        return found


def inserted_bare(connection):
    """Insert what came out once more, from where it lies ready, and return the seconds."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"CREATE TEMP TABLE ready_{table} AS SELECT * FROM {table}")
            cursor.execute(f"TRUNCATE {table} CASCADE")
            cursor.execute(f"ANALYZE ready_{table}")
        cursor.execute("CHECKPOINT")
        began, spent = time.perf_counter(), processor(connection)
        for table in TABLES:
            cursor.execute(
                f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM ready_{table}"
            )
        return time.perf_counter() - began, processor(connection) - spent


def own_processor():
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime


def processor(connection, *, own=True):
    """Return the processor seconds of a session in the database, and of this program.

    On a busy machine they alone are sure.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    session = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return session + (own_processor() if own else 0)


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("notices", nargs="?", type=int, default=100_000)
    options.add_argument("--planners", type=int, default=1)
    asked = options.parse_args()
    if embedded.stack:
        embedded.stack.start()
    try:
        main(asked.notices, asked.planners)
    finally:
        embedded.pytest_unconfigure()
