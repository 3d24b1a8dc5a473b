"""How fast events come in by HTTP, against a trivial view on the same server in the same round.

    python -m tests.benchmarks.bench_events [--rounds 3] [--seconds 5] [--workers 2] [--threads 16]

A round sends, over 32 connections that stay open: empty requests to a view that does nothing,
single events, batches of a hundred. Every taken event is committed with fsync before its answer, and
at the end all of them must stand on timelines. The prompt worker and beat run beside, as in the demo. Then
single events trickle in, and each is watched until it can be seen. Ratios are taken within a round
and their median is the figure. The processor's share is told as well, since
on a busy machine it alone is sure; it counts web, database, broker, worker and beat. Aims: single events at 40 % of the trivial view, 100,000 events a
second in batches of a hundred, visible within two seconds, p99 below five times the median.

It starts a PostgreSQL and a broker of its own that sync to disk, and removes them.
"""

import argparse
import contextlib
import itertools
import json
import os
import selectors
import shutil
import signal
import socket
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from apps.core import processes
from config import embedded

CONNECTIONS = 32
CLIENTS = 10_000
SEED = """
INSERT INTO profiles_client (first_name, last_name, tier, language, time_zone, time_zone_source,
    quiet_from, quiet_until, preferred_channel, attributes, created_at)
SELECT 'Test', 'Client ' || n, '', 'en', '', 'unknown', '21:00', '09:00', '', '{}', now()
FROM generate_series(1, %s) AS n
"""
NAMES = """
INSERT INTO profiles_identifier (client_id, kind, value, created_at)
SELECT id, 'core_id', 'C-' || id, now() FROM profiles_client
"""


def main(asked):
    base = Path(tempfile.mkdtemp(prefix="tidings-bench-")).resolve()
    os.environ.update(
        DATABASE_URL=embedded.database_url(base),
        REDIS_URL=embedded.redis_url(base),
        SECRET_KEY="a throw-away secret of the benchmark",
        INSECURE_HTTP="1",
        API_REQUESTS_A_MINUTE="100000000",
    )
    try:
        with embedded.Stack(base):
            token = prepare()
            port = free_port()
            running = [start(command, base) for command in commands(port, asked)]
            try:
                measure(port, token, asked)
            finally:
                processes.stop([(each, signal.SIGTERM) for each in running], grace=15)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def prepare():
    import django  # noqa: PLC0415

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    from apps.core.actions import make_key  # noqa: PLC0415
    from apps.events.actions import open_months  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(SEED, [CLIENTS])
        cursor.execute(NAMES)
        cursor.execute("VACUUM ANALYZE")
    at = datetime.fromtimestamp(time.time(), UTC)
    open_months(at=at)
    return make_key("bench", ["events:write"], by=None, at=at)[1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def commands(port, asked):
    web = [
        *(sys.executable, "-m", "gunicorn", "--worker-class", "gthread"),
        *("--workers", str(asked.workers), "--threads", str(asked.threads)),
        *("--bind", f"127.0.0.1:{port}", "--no-control-socket", "--log-level", "warning"),
        "tests.benchmarks.trivial:application",
    ]
    celery = [sys.executable, "-m", "celery", "--app", "config"]
    beat = [*celery, "beat", "--loglevel", "warning", "--schedule", os.devnull, "--pidfile="]
    worker = [
        *celery,
        "worker",
        "--queues",
        "prompt",
        "--concurrency",
        "1",
        "--loglevel",
        "warning",
    ]
    return web, worker, beat


def start(command, base):
    environment = {**os.environ}
    if "gunicorn" in command:
        environment["DB_POOL"] = command[command.index("--threads") + 1]
    return processes.start(
        processes.bound(command),
        environment=environment,
        log=base / "bench.log",
    )


# --- requests ---


class Door:
    """One connection that stays open."""

    def __init__(self, port):
        self.port = port
        self.open()

    def open(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, path, token, body):
        """Return the answer; where the server hung up, ask again: an event sent twice is one."""
        try:
            return self.ask(path, token, body)
        except ConnectionError:
            self.open()
            return self.ask(path, token, body)

    def ask(self, path, token, body):
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.socket.sendall(head.encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            got = self.socket.recv(65536)
            if not got:
                raise ConnectionResetError
            answer += got
        head, _, rest = answer.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        while len(rest) < length:
            rest += self.socket.recv(65536)
        assert head.startswith(b"HTTP/1.1 200"), answer
        return rest


serial = itertools.count()


def event(number):
    return {
        "id": f"order-{number:012d}",
        "core_id": f"C-{1 + number % CLIENTS}",
        "kind": "order.placed",
        "subject": f"order:{number}",
        "occurred_at": datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "properties": {"product": "Fund 7", "amount": 125000, "currency": "EUR", "by": "site"},
    }


def single():
    return json.dumps(event(next(serial))).encode()


MARK = b"000000000000"
HUNDRED = json.dumps({"events": [event(0) for _ in range(100)]}).encode().split(MARK)


def hundred():
    """Return a batch of a hundred, whose ids are put into a text that is ready."""
    first = 10**9 + 100 * next(serial)
    ids = (b"%012d" % (first + place) for place in range(100))
    return b"".join(itertools.chain.from_iterable(zip(HUNDRED, ids, strict=False))) + HUNDRED[-1]


class Visitor:
    """All connections in one thread, each asking anew when it was answered.

    A thread a connection would wait for the visitor's own interpreter, and call it the server's tail.
    """

    def __init__(self, port, token, path, body):
        self.port, self.body = port, body
        self.head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        )
        self.poll = selectors.DefaultSelector()
        self.took, self.asked = [], {}

    def visit(self, until):
        for _ in range(CONNECTIONS):
            self.ask(self.open(), self.body())
        while self.asked:
            for ready, _ in self.poll.select(1):
                self.hear(ready.fileobj, again=time.perf_counter() < until)
        self.poll.close()

    def open(self):
        door = socket.create_connection(("127.0.0.1", self.port))
        door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.poll.register(door, selectors.EVENT_READ)
        return door

    def ask(self, door, body):
        self.asked[door] = time.perf_counter(), body, b""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # heard of below
            door.sendall(self.request(body))

    def request(self, body):
        return self.head.encode() % len(body) + body

    def hear(self, door, *, again):
        """Take a piece of an answer; where the server hung up, ask again: twice is once."""
        began, body, answer = self.asked.pop(door)
        try:
            piece = door.recv(65536)
        except ConnectionResetError:
            piece = b""
        if piece and not is_whole(answer + piece):
            self.asked[door] = began, body, answer + piece
            return
        if piece:
            self.took.append(time.perf_counter() - began)
            body = self.body() if again else None
        if not piece or not again:
            self.poll.unregister(door)
            door.close()
            door = self.open() if body else None
        if body:
            self.ask(door, body)


def is_whole(answer):
    head, end, rest = answer.partition(b"\r\n\r\n")
    assert answer[9:10] in {b"", b"2", b"3"}, answer
    return bool(end) and len(rest) >= int(head.lower().partition(b"content-length:")[2].split()[0])


def rate(port, token, path, body, seconds, visitor_of=Visitor):
    """Return requests a second over all connections, how long each took, and processor a request."""
    visitor = visitor_of(port, token, path, body)
    before, began = cpu(), time.perf_counter()
    visitor.visit(began + seconds)
    passed, took = time.perf_counter() - began, visitor.took
    return len(took) / passed, sorted(took), (cpu() - before) / len(took) * 1e6


def cpu():
    """Return the seconds of processor that this benchmark's servers have taken, all but the visitor."""
    ours = {os.getpid()}
    spent = 0
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            number, _, rest = stat.read_text().partition(" ")
            fields = rest.rpartition(")")[2].split()
            parents[int(number)] = int(fields[1]), sum(map(int, fields[11:15]))
    while found := {each for each, (parent, _) in parents.items() if parent in ours} - ours:
        ours |= found
    for each in ours - {os.getpid()}:
        spent += parents[each][1] if each in parents else 0
    return spent / os.sysconf("SC_CLK_TCK")


def measure(port, token, asked):
    wait_for(lambda: answers(port), 60)
    taken, figures = 0, []
    for number in range(asked.rounds):
        bare, bare_waits, bare_cpu = rate(port, token, "/trivial", lambda: b"{}", asked.seconds)
        alone, waits, alone_cpu = rate(port, token, "/api/v1/events", single, asked.seconds)
        taken += len(waits)
        drained(taken)
        many, long_waits, many_cpu = rate(
            port, token, "/api/v1/events/batch", hundred, asked.seconds
        )
        taken += 100 * len(long_waits)
        began = time.perf_counter()
        left = drained(taken)
        after = time.perf_counter() - began
        figures.append((alone / bare, 100 * many, tail(waits), tail(long_waits)))
        print(
            f"round {number + 1}: trivial {bare:,.0f}/s, {spread(bare_waits)}; single {alone:,.0f}/s = {alone / bare:.0%}, "
            f"{spread(waits)}; batches {100 * many:,.0f} events/s, {spread(long_waits)}; "
            f"{left:,} still to tell when the last was taken, told in {after:.1f} s; processor: "
            f"trivial {bare_cpu:.0f} µs, single {alone_cpu:.0f} µs, batch {many_cpu:.0f} µs"
        )
    ratio, events, p99, long_p99 = (statistics.median(each) for each in zip(*figures, strict=True))
    print(f"single events at {ratio:.0%} of the trivial view; p99 {p99:.1f} × the median")
    print(f"{events:,.0f} events/s in batches of 100; p99 {long_p99:.1f} × the median")
    seen = sorted(visible_after(port, token) for _ in range(20))
    print(f"visible after {statistics.median(seen):.2f} s in the median, {seen[-1]:.2f} s at most")


def tail(waits):
    return waits[int(len(waits) * 0.99)] / statistics.median(waits)


def spread(waits):
    median, late = statistics.median(waits), waits[int(len(waits) * 0.99)]
    return f"median {median * 1000:.1f} ms, p99 {late * 1000:.1f} ms"


def drained(total):
    """Wait until all events are told; return how many were not when it was asked."""
    first = count()
    wait_for(lambda: count() == total, 600)
    return total - first


def count(where="true"):
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM events_event WHERE {where}")
        return cursor.fetchone()[0]


def visible_after(port, token):
    body = single()
    key = f"given:{json.loads(body)['id']}"
    door = Door(port)
    time.sleep(0.3)
    door.post("/api/v1/events", token, body)
    began = time.perf_counter()
    wait_for(lambda: count(f"source_key = '{key}'"), 30, pause=0.01)
    return time.perf_counter() - began


def answers(port):
    try:
        return Door(port).post("/trivial", "", b"")
    except (OSError, AssertionError):
        return False


def wait_for(condition, seconds, pause=0.05):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(pause)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=16)
    return parser.parse_args()


if __name__ == "__main__":
    main(arguments())
