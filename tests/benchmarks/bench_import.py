"""How fast a file of clients lands, against two bare COPYs of the same rows.

    python -m tests.benchmarks.bench_import [clients …] [--rounds 1]

A client has 20 columns and, landed, about seven rows: himself, his id in the core system, a phone, an
e-mail and some answers. A round lands one file into empty tables, once more unchanged, and then
with every tenth client changed, each in a worker of its own; everything counts from the first byte read
to the commit: decoded, validated, deduplicated, compared, stored, audited and compared with likely
duplicates. The limits are (a) COPY of the very file into one table of its 20 columns, logged, with three
indexes, and (b) COPY of the very rows that landed into our own tables, empty, with all their indexes
and triggers. Ratios are taken within a round; `cpu` is the same ratio by processor time of worker and
server, which says more where others use the machine. Aims against (a): 40 % for new rows, 55 % with a
tenth changed, 80 % unchanged, less than 150 MB more memory, ten times the clients in at most eleven times
the time, 10,000 more clients in at most twice what they take alone, a dry run no dearer than a landing.

It starts a throw-away embedded PostgreSQL of its own, like the tests, unless DATABASE_URL names a
server: then it wants an empty database there.
"""

import argparse
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests import embedded
from tests.benchmarks.bench_evaluation import cpu_of, settle, start_django

MORE = 10_000  # clients that come into a table that is full already
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
FIRST = ("Anna", "Boris", "Clara", "David", "Elena", "Фёдор", "Ольга", "Igor", "Maria", "Пётр")
LAST = ("Example", "Test", "Sample", "Образцов", "Muster", "Пример", "Vzor")
TIERS = ("hnwi", "affluent", "mass_affluent", "small")
ZONES = ("Europe/Moscow", "Europe/Warsaw", "Asia/Almaty", "Europe/Kyiv")
MARKETING = ("", "email", "", "", "none", "", "", "", "", "")
HEADER = (
    "core_id,first_name,last_name,birth_on,tier,language,time_zone,phone,email,preferred_channel,"
    "quiet_from,quiet_until,consent_service,consent_digest,consent_marketing,consent_text,consent_on,"
    "attr_branch,attr_segment,attr_manager"
)
DATES = {"birth_on", "consent_on"}
TIMES = {"quiet_from", "quiet_until"}
TABLES = ("client", "identifier", "contactpoint", "consentrecord", "knownrecord")


def line(n, *, changed=False):
    """Return a client's line; a changed one has another phone, tier or segment, by turns."""
    x, turn = n * 7919 % 10_000_000, n % 3 if changed else 3
    number = (x + 5_000_000) % 10_000_000 if turn == 0 else x
    day = f"{1 + x % 12:02d}-{1 + x % 28:02d}"
    return ",".join((
        f"C-{n:08d}", FIRST[x % 10], f"{LAST[x % 7]}{x % 10007}", f"{1950 + x % 50}-{day}",
        TIERS[(n + (turn == 1)) % 4], "ru" if n % 3 else "en", ZONES[x % 4],
        f"+7916{number:07d}", f"client{x}@example.com", "sms" if n % 2 else "email",
        "21:00", "09:00", "sms email", "email" if n % 2 else "", MARKETING[n % 10], "v1",
        f"2025-{day}", f"branch {x % 100}", f"{'gold' if n % 5 else 'silver'}{'x' * (turn == 2)}",
        f"manager {x % 1000}",
    ))  # fmt: skip


def write_file(path, numbers, *, changed=False):
    with path.open("w") as file:
        file.write(f"{HEADER}\n")
        for n in numbers:
            file.write(f"{line(n, changed=changed and n % 10 == 0)}\n")
    return path


def main(sizes, rounds):
    start_django()
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    taken = {size: measure_size(size, rounds) for size in sizes}
    for small, large in itertools.pairwise(sizes):
        for name in ("new", "tenth changed", "unchanged"):
            times = taken[large][name] / taken[small][name]
            print(f"{small:,} → {large:,} clients, {name}: {times:.1f} × the time")


def measure_size(size, rounds):
    """Print the figures of one size; return the median seconds of each kind of landing."""
    print(f"\n{size:,} clients of 20 columns", flush=True)
    found = [measure_round(size) for _round in range(rounds)]
    for name in ("new", "unchanged", "tenth changed"):
        wide, own, cpu = (
            statistics.median(each[limit][part] / each[name][part] for each in found)
            for limit, part in (("wide", "seconds"), ("own", "seconds"), ("wide", "cpu"))
        )
        rate = size / statistics.median(each[name]["seconds"] for each in found)
        print(
            f"  {name}: {rate:,.0f} a second; {wide:.0%} of COPY into one table (cpu {cpu:.0%}), "
            f"{own:.0%} of COPY into ours"
        )
    last = found[-1]
    memory = max(last[name]["memory"] for name in ("new", "unchanged", "tenth changed"))
    dry = last["dry run"]["seconds"] / last["new"]["seconds"]
    more = last["more"]["seconds"] / last["alone"]["seconds"]
    print(f"  memory of the worker + {memory / 2**20:.0f} MB; dry run {dry:.0%} of the landing")
    print(f"  {MORE:,} more: {more:.2f} × the time that they take alone")
    return {name: statistics.median(each[name]["seconds"] for each in found) for name in last}


def measure_round(size):
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        file = write_file(place / "all.csv", range(size))
        tenth = write_file(place / "tenth.csv", range(size), changed=True)
        other = write_file(place / "more.csv", range(size, size + MORE))
        empty()
        found = {"alone": land(other)}
        empty()
        found["wide"] = copy_wide(file)
        found["dry run"] = land(file, dry=True)
        found["new"] = land(file)
        found["unchanged"] = land(file)
        found["tenth changed"] = land(tenth)
        found["more"] = land(other)
        found["own"] = copy_own(place)
        counts = {"new": size, "changed": size // 10, "unchanged": size}
        assert found["new"]["new"] == counts["new"], found
        assert found["unchanged"]["unchanged"] == counts["unchanged"], found
        assert found["tenth changed"]["changed"] == counts["changed"], found
        said = (f"{name} {each['seconds']:.2f} s" for name, each in found.items())
        print(f"  {', '.join(said)}", flush=True)
    return found


def empty():
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        for table in (*TABLES, "duplicate", "conflict"):
            cursor.execute(f"TRUNCATE profiles_{table} CASCADE")


@contextmanager
def measured(found):
    """Tell the seconds, and the processor's of this process and its server."""
    from django.db import connection  # noqa: PLC0415

    settle()
    connection.ensure_connection()
    server = connection.connection.info.backend_pid
    started, before = time.perf_counter(), time.process_time() + cpu_of(server)
    yield
    found["seconds"] = time.perf_counter() - started
    found["cpu"] = time.process_time() + cpu_of(server) - before


def copy_wide(file):
    """Copy the file as it is into one table of its columns."""
    from django.db import connection  # noqa: PLC0415

    names = HEADER.split(",")
    types = {**dict.fromkeys(DATES, "date"), **dict.fromkeys(TIMES, "time")}
    columns = ", ".join(f"{name} {types.get(name, 'text')}" for name in names)
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE bare ({columns}, PRIMARY KEY (core_id))")
        cursor.execute("CREATE INDEX ON bare (phone)")
        cursor.execute("CREATE INDEX ON bare (email)")
        with measured(found):
            copy(cursor, "COPY bare FROM STDIN (FORMAT csv, HEADER)", file)
        cursor.execute("DROP TABLE bare")
    return found


def copy(cursor, statement, file):
    with cursor.copy(statement) as into, file.open("rb") as content:
        while chunk := content.read(2**20):
            into.write(chunk)


def copy_own(place):
    """Copy all rows that have landed into our own tables, once more empty."""
    from django.db import connection, transaction  # noqa: PLC0415

    found = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            rows = cursor.copy(f"COPY profiles_{table} TO STDOUT")
            with rows as out, (place / table).open("wb") as file:
                file.writelines(out)
        empty()
        with measured(found), transaction.atomic():
            # Only we change these tables in sets, so only we leave these triggers aside.
            cursor.execute("SELECT set_config('tidings.landing', 'sets', true)")
            for table in TABLES:
                copy(cursor, f"COPY profiles_{table} FROM STDIN", place / table)
    return found


def land(file, *, dry=False):
    """Return what a worker of its own took for a file."""
    settle()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.benchmarks.bench_import", "--work", str(file)),
            *(["--dry"] if dry else []),
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "FILES_CONTACT_CHANGES": "1000000", "FILES_DIR": str(file.parent)},
    )
    return json.loads(done.stdout.splitlines()[-1])


def work(file, *, dry):
    """Be a worker: take one file in, say what it cost."""
    start_django()
    from django.db import connection  # noqa: PLC0415

    from apps.files.actions.receiving import receive  # noqa: PLC0415
    from apps.files.actions.working import work as work_on  # noqa: PLC0415
    from apps.files.models import Batch  # noqa: PLC0415

    with file.open("rb") as content:
        batch = receive(
            content, kind="clients", filename=file.name, origin="command", at=AT, confirmed=not dry
        )
    Batch.objects.filter(pk=batch.pk).update(state=Batch.State.CHECKING)
    server = connection.connection.info.backend_pid
    memory = memory_of("VmRSS")
    started, before = time.perf_counter(), time.process_time() + cpu_of(server)
    assert work_on(batch.pk, at=AT)
    found = {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() + cpu_of(server) - before,
        "memory": memory_of("VmHWM") - memory,
    }
    batch.refresh_from_db()
    found |= {"new": batch.new, "changed": batch.changed, "unchanged": batch.unchanged}
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS files_records_{batch.pk}, files_verdicts_{batch.pk}")
    print(json.dumps(found), flush=True)


def memory_of(name):
    """Return the bytes of this process; the resource module's peak would be the parent's (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{name}:\s*(\d+)", status)[1]) * 1024


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("clients", nargs="*", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--dry", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    asked = arguments()
    if asked.work:
        work(asked.work, dry=asked.dry)
    else:
        if embedded.stack:
            embedded.stack.start()
        try:
            main(asked.clients, asked.rounds)
        finally:
            embedded.pytest_unconfigure()
