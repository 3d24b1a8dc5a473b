"""How fast personalised e-mails of 10 KB leave, every state durable, against a C client.

    python -m tests.benchmarks.bench_email [--messages 20000] [--window 8] [--senders 1]

The limit is postfix's smtp-source with as many connections, the sink its smtp-sink (Debian: apt
install postfix). Starts a PostgreSQL and a broker of its own that sync to disk, and removes them.
"""

import argparse
import gc
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config import embedded

PARAGRAPH = (
    "Dear {{ name }}, the coupon of {{ amount }} on {{ strategy }} is accrued to you, and all of it"
    " is written down in your account as of {{ observed_on }}. "
)
BODY = "\n\n".join(
    [PARAGRAPH * 3] * 8
)  # as text and dressed as HTML it makes a letter of that size:
SIZE = 10_240  # bytes


def main(asked):
    base = Path(tempfile.mkdtemp(prefix="tidings-bench-")).resolve()
    port = free_port()
    os.environ.update(
        DATABASE_URL=embedded.database_url(base),
        REDIS_URL=embedded.redis_url(base),
        SECRET_KEY="a throw-away secret of the benchmark",
        LINK_KEY="a throw-away key of the benchmark",
        TIDINGS_DEMO="1",
        TEST_RECIPIENTS="*",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=str(port),
    )
    with subprocess.Popen(["/usr/sbin/smtp-sink", "-u", "nobody", f"127.0.0.1:{port}", "1000"]) as sink:  # fmt: skip
        try:
            with embedded.Stack(base):
                limit = of_c(port, asked)
                ours(asked, limit)
        finally:
            sink.send_signal(signal.SIGTERM)
            shutil.rmtree(base, ignore_errors=True)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def of_c(port, asked):
    begun = time.monotonic()
    subprocess.run(
        ["/usr/sbin/smtp-source", "-s", str(asked.window), "-l", str(SIZE),
         "-m", str(asked.messages), "-f", "a@example.com", "-t", "b@example.com",
         f"127.0.0.1:{port}"], check=True,
    )  # fmt: skip
    rate = asked.messages / (time.monotonic() - begun)
    print(f"smtp-source     {rate:8,.0f} a second", flush=True)
    return rate


def prepare(asked, at):
    from apps.messaging.models.content import Template, TemplateVersion  # noqa: PLC0415
    from apps.messaging.models.outbox import Message, Notice  # noqa: PLC0415
    from apps.messaging.models.providers import Provider  # noqa: PLC0415
    from apps.profiles.models import Client, ConsentRecord, ContactPoint  # noqa: PLC0415

    Provider.objects.filter(kind="smtp").update(window=asked.window)
    template = Template.objects.create(code="bench", name="bench", purpose="service")
    wording = TemplateVersion.objects.create(
        template=template, channel="email", language="en", state="published",
        subject="Your coupon on {{ strategy }}", body=BODY,
    )  # fmt: skip
    values = {
        "strategy": "US Technology", "amount": {"money": 2500, "currency": "USD"},
        "observed_on": {"date": "2020-02-28"},
    }  # fmt: skip
    for first in range(0, asked.messages, 5_000):
        clients = Client.objects.bulk_create(
            Client(
                first_name=f"Test {first + n}", last_name="Client", time_zone="UTC", time_zone_source="stated",
                quiet_from="00:00", quiet_until="00:01",
            )
            for n in range(min(5_000, asked.messages - first))
        )  # fmt: skip
        points = ContactPoint.objects.bulk_create(
            ContactPoint(client=one, channel="email", address=f"c{one.pk}@example.com")
            for one in clients
        )
        ConsentRecord.objects.bulk_create(
            ConsentRecord(
                client=one, purpose="service", channel="email", granted=True, text_version="1",
                source="bench", recorded_at=at,
            )
            for one in clients
        )  # fmt: skip
        notices = Notice.objects.bulk_create(
            Notice(
                client_id=point.client_id, template=template, state="planned", values=values,
                dedupe_key=f"bench:{point.pk}", source="bench", created_at=at,
            )
            for point in points
        )  # fmt: skip
        Message.objects.bulk_create(
            Message(
                notice=notice, channel="email", contact_point=point, language="en",
                wording=wording, send_after=at, queued_at=at,
            )
            for notice, point in zip(notices, points, strict=True)
        )  # fmt: skip


def ours(asked, limit):
    import django  # noqa: PLC0415

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connections  # noqa: PLC0415

    from apps.messaging.actions.delivery import deliver_on  # noqa: PLC0415
    from apps.messaging.models.outbox import Message  # noqa: PLC0415
    from apps.messaging.scribes import POOL  # noqa: PLC0415
    from apps.messaging.tasks import CLAIMED  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    at = datetime.fromtimestamp(time.time(), UTC).replace(hour=12)
    prepare(asked, at)
    connections.close_all()
    before, begun, senders = used(), time.monotonic(), []

    def clock():
        return at + timedelta(seconds=time.monotonic() - begun)

    for _ in range(asked.senders):
        if (child := os.fork()) == 0:
            gc.freeze()  # as a worker does
            deliver_on(clock=clock, limit=CLAIMED, until=time.monotonic() + 600)
            POOL.end()  # so that what its children took counts too
            os._exit(0)
        senders.append(child)
    for child in senders:
        os.waitpid(child, 0)
    rate = asked.messages / (time.monotonic() - begun)
    cpu = (used() - before) / asked.messages * 1e6
    sent = Message.objects.filter(state="sent").count()
    print(
        f"ours            {rate:8,.0f} a second, {rate / limit:.0%} of it, {cpu:.0f} µs of CPU each"
    )
    assert sent == asked.messages, f"{sent} were sent"


def used():
    """Return the seconds of processor of our senders and of what they started."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--window", type=int, default=8)
    parser.add_argument("--senders", type=int, default=1)
    main(parser.parse_args())
