"""How fast links are followed, each noted, against a trivial view on the same server in the same round.

    python -m tests.benchmarks.bench_links [--rounds 3] [--seconds 5] [--workers 2] [--threads 16]

A round asks over 32 connections that stay open: a view that does nothing, then short links of 2,000
clients. The prompt worker and beat run beside, as in the demo, and bring what was noted into the
database. At the end the web processes are killed with -9, and every hit that was answered must be
there. Ratios are taken within a round and their median is the figure. Aims: 70 % of the trivial view,
p99 at 1.5 × its, every hit in the database within two seconds, none lost, memory flat.
"""

import os
import shutil
import signal
import statistics
import tempfile
import time
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

from apps.core import processes
from config import embedded
from tests.benchmarks import bench_events as events

LINKS = 2_000
BROWSER = (
    "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15\r\n"
    "Accept: text/html\r\nAccept-Language: en-GB,en;q=0.9\r\n"
)


class Follower(events.Visitor):
    def request(self, body):
        return f"GET {body} HTTP/1.1\r\nHost: localhost\r\n{BROWSER}\r\n".encode()


def main(asked):
    base = Path(tempfile.mkdtemp(prefix="tidings-bench-")).resolve()
    os.environ.update(
        DATABASE_URL=embedded.database_url(base),
        REDIS_URL=embedded.redis_url(base),
        SECRET_KEY="a throw-away secret of the benchmark",
        INSECURE_HTTP="1",
        HITS_DIR=str(base / "hits"),
    )
    try:
        with embedded.Stack(base):
            tokens = prepare()
            port = events.free_port()
            running = [events.start(command, base) for command in events.commands(port, asked)]
            try:
                measure(port, tokens, asked, running[0])
            finally:
                processes.stop([(each, signal.SIGTERM) for each in running], grace=15)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def prepare():
    events.prepare()
    from apps.messaging.actions.links import new_link, token_of  # noqa: PLC0415
    from apps.messaging.models.links import Link  # noqa: PLC0415

    at = datetime.fromtimestamp(time.time(), UTC)
    made = [new_link(number, subject="strategy:1", at=at) for number in range(1, LINKS + 1)]
    Link.objects.bulk_create(made)
    return [token_of(link) for link in made]


def measure(port, tokens, asked, web):
    events.wait_for(lambda: events.answers(port), 60)
    links = cycle([f"/s/{token}" for token in tokens])
    taken, figures, sizes = 0, [], []
    for number in range(asked.rounds):
        bare, bare_waits, bare_cpu = visited(port, lambda: "/trivial", asked.seconds)
        followed, waits, cpu = visited(port, lambda: next(links), asked.seconds)
        taken += len(waits)
        late, after = drained(taken)
        sizes.append(memory(web.pid))
        figures.append((followed / bare, p99(waits) / p99(bare_waits), after))
        print(
            f"round {number + 1}: trivial {bare:,.0f}/s, {events.spread(bare_waits)}, {bare_cpu:.0f} µs; "
            f"links {followed:,.0f}/s = {followed / bare:.0%}, {events.spread(waits)}, {cpu:.0f} µs; "
            f"{late:,} hits not in the database at the end, all there after {after:.2f} s; "
            f"web processes {sizes[-1]:.0f} MB"
        )
    ratio, tail, after = (statistics.median(each) for each in zip(*figures, strict=True))
    print(
        f"links at {ratio:.0%} of the trivial view; p99 {tail:.2f} × its; drained in {after:.2f} s"
    )
    print(f"memory of the web processes {sizes[0]:.0f} → {sizes[-1]:.0f} MB")
    killed(port, links, taken, web)


def drained(total):
    """Wait until all hits are in the database; return how many were not, and how long it took."""
    late, began = total - recorded(), time.perf_counter()
    events.wait_for(lambda: recorded() == total, 60, pause=0.02)
    return late, time.perf_counter() - began


def killed(port, links, taken, web):
    """Follow links, kill the web processes at once, and look for every hit that was answered."""
    _rate, waits, _cpu = visited(port, lambda: next(links), 1)
    for process in [*children(web.pid), web.pid]:
        os.kill(process, signal.SIGKILL)
    events.wait_for(lambda: recorded() >= taken + len(waits), 60)
    print(f"killed with -9: {len(waits):,} answered, {recorded() - taken:,} in the database")


def visited(port, address, seconds):
    return events.rate(port, "", "", address, seconds, Follower)


def p99(waits):
    return waits[int(len(waits) * 0.99)]


def recorded():
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM messaging_hit")
        return cursor.fetchone()[0]


def children(pid):
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def memory(pid):
    """Return the resident memory of a server's processes, in MB."""
    pages = sum(
        int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in [pid, *children(pid)]
    )
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main(events.arguments())
