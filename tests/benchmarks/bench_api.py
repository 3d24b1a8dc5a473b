"""How fast the API takes and gives, against a view that does nothing on the same server in the same run.

    python -m tests.benchmarks.bench_api [--seconds 5] [--workers 2] [--threads 4]

Eight connections that stay open, two for batches. Rates are those of the clock; on a busy machine the
processor's share, of web, database and broker, is the surer figure. Every write is committed with fsync before its answer. Starts a
PostgreSQL and a broker of its own that sync to disk, and removes them.
"""

import argparse
import http.client
import itertools
import json
import os
import shutil
import signal
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from apps.core import processes
from config import embedded
from tests.benchmarks.bench_events import commands, cpu, free_port, start

CONNECTIONS = 8
BATCH = 1000


def main(asked):
    base = Path(tempfile.mkdtemp(prefix="tidings-bench-")).resolve()
    os.environ.update(
        DATABASE_URL=embedded.database_url(base),
        REDIS_URL=embedded.redis_url(base),
        SECRET_KEY="a throw-away secret of the benchmark",
        INSECURE_HTTP="1",
        API_REQUESTS_A_MINUTE="100000000",
        FILES_CONTACT_CHANGES="1000000",
    )
    try:
        with embedded.Stack(base):
            token = prepare()
            port = free_port()
            web = start(commands(port, asked)[0], base)
            try:
                measure(port, token, asked.seconds)
            finally:
                processes.stop([(web, signal.SIGTERM)], grace=15)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def prepare():
    import django  # noqa: PLC0415

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    from apps.core.actions import make_key  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    at = datetime.fromtimestamp(time.time(), UTC)
    return make_key("bench", ["clients:read", "clients:write"], by=None, at=at)[1]


def person(number, tier="small"):
    return {
        "core_id": f"C-{number}", "first_name": "Test", "last_name": f"Client {number}",
        "birth_on": "1980-01-31", "tier": tier, "language": "en", "time_zone": "Europe/Moscow",
        "phone": f"+79{number:09d}", "email": f"client{number}@example.com",
        "preferred_channel": "sms", "quiet_from": "22:00", "quiet_until": "08:00",
        "consent_service": ["sms", "email"], "consent_digest": ["email"], "consent_marketing": [],
        "consent_text": "2019-01", "consent_on": "2019-01-31",
        "attributes": {"branch": "North", "manager": "7", "segment": "A"},
    }  # fmt: skip


def measure(port, token, seconds):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    wait_for(port)
    numbers = itertools.count(1)

    def put(number, **fields):
        said = person(number, **fields)
        path = f"/api/v1/clients/{said.pop('core_id')}"
        return "PUT", path, json.dumps(said), {}

    def batch(first, **fields):
        items = [person(first + n, **fields) for n in range(BATCH)]
        return "POST", "/api/v1/clients/batch", json.dumps({"items": items}), {}

    def brought(step):
        return {"Idempotency-Key": f"b-{step}"}

    def rate(name, ask, of=1, bare=None, connections=CONNECTIONS):
        """Print what was reached; return the processor's seconds for one request."""
        before = cpu()
        done, spent = run(port, headers, ask, seconds, connections)
        each = (cpu() - before) / done
        share = f", {bare / each:.1%} of the trivial view's rate by processor" if bare else ""
        print(
            f"{name:36} {done * of / spent:8,.0f} a second, {each / of * 1e3:7.2f} ms each{share}",
            flush=True,
        )
        return each

    bare = rate("a view that does nothing", lambda: ("GET", "/trivial", None, {}))
    rate("one client, new", lambda: put(next(numbers)), bare=bare)
    known = itertools.cycle(range(1, 50))
    rate("one client, unchanged", lambda: put(next(known)), bare=bare)
    rate(
        "one client, new, with a key",
        lambda: (*put(n := next(numbers))[:3], brought(n)),
        bare=bare,
    )
    firsts = itertools.count(1_000_000, BATCH)
    rate("clients in batches of 1,000, new", lambda: batch(next(firsts)), of=BATCH, connections=2)
    again = itertools.count(1_000_000, BATCH)
    rate("… all of them changed", lambda: batch(next(again), tier="hnwi"), of=BATCH, connections=2)
    rate("… unchanged", lambda: batch(1_000_000, tier="hnwi"), of=BATCH, connections=2)
    one = ("GET", "/api/v1/clients/C-1", None, {})
    rate("one client read", lambda: one, bare=bare)
    page = ("GET", "/api/v1/clients?limit=100", None, {})
    rate("clients read by pages of 100", lambda: page, of=100)
    mark = ask_once(port, headers, page).headers["ETag"]
    same = (*page[:3], {"If-None-Match": mark})
    rate("pages of 100 that are known (304)", lambda: same, of=100)


def run(port, headers, ask, seconds, connections):
    """Return how many requests were answered well, and in how many seconds."""
    lock, counts, bad = threading.Lock(), [], []
    begun = time.monotonic()

    def work():
        door, count = http.client.HTTPConnection("127.0.0.1", port), 0
        while time.monotonic() - begun < seconds:
            with lock:
                method, path, body, more = ask()
            door.request(method, path, body, {**headers, **more})
            answer = door.getresponse()
            said = answer.read()
            if answer.status >= 400 or (b'"refused":0' not in said and b'"refused":' in said):
                bad.append((answer.status, said[:300]))
            count += 1
        counts.append(count)
        door.close()

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    if bad:
        raise SystemExit(f"{len(bad)} bad answers, the first: {bad[0]}")
    return sum(counts), time.monotonic() - begun


def ask_once(port, headers, asked):
    method, path, body, more = asked
    door = http.client.HTTPConnection("127.0.0.1", port)
    door.request(method, path, body, {**headers, **more})
    answer = door.getresponse()
    answer.read()
    return answer


def wait_for(port):
    for _attempt in range(600):
        try:
            return ask_once(port, {}, ("GET", "/trivial", None, {}))
        except OSError:
            time.sleep(0.05)
    raise SystemExit("The server does not answer.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=4)
    main(parser.parse_args())
