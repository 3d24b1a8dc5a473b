"""How many SMS a second go to a message centre on the same machine.

    python -m tests.benchmarks.bench_smpp [--messages 20000] [--window 50]

First one session alone, then the whole of `manage.py smpp`: messages claimed, looked at again,
written, marked and recorded in a database of its own that syncs to disk, with a receipt kept for each.
The centre is a process of its own. Goal: 2,000 a second. On a busy machine the processor's share is
the surer figure.
"""

import argparse
import gc
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from config import embedded

ROOT = Path(__file__).parents[2]


def main(asked):
    base = Path(tempfile.mkdtemp(prefix="tidings-bench-")).resolve()
    os.environ.update(
        DATABASE_URL=embedded.database_url(base),
        REDIS_URL=embedded.redis_url(base),
        SECRET_KEY="a throw-away secret of the benchmark",
        PROVIDER_SECRET_SMSC="secret",
        TIDINGS_DEMO="1",
        TEST_RECIPIENTS="*",
        LOG_LEVEL="ERROR",
        DJANGO_SETTINGS_MODULE="config.settings",
    )
    import django  # noqa: PLC0415

    try:
        with embedded.Stack(base), message_centre() as port:
            django.setup()
            bare(port, asked)
            whole(port, asked)
    finally:
        shutil.rmtree(base, ignore_errors=True)


@contextmanager
def message_centre():
    program = [sys.executable, ROOT / "tests/peers/smsc.py", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=environment) as centre:
        try:
            yield int(centre.stdout.readline())
        finally:
            centre.kill()


def cpu():
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def say(what, count, took, used):
    print(f"{what}: {count / took:,.0f} SMS/s, {used / count * 1e6:.0f} µs of processor each")


def bare(port, asked):
    from apps.messaging.channels import Letter, Verdict  # noqa: PLC0415
    from apps.messaging.channels.smpp.incoming import Style  # noqa: PLC0415
    from apps.messaging.channels.smpp.link import Login  # noqa: PLC0415
    from apps.messaging.channels.smpp.session import Session  # noqa: PLC0415

    receipts, all_came = [], threading.Event()

    def keep(found):
        receipts.extend(found)
        if len(receipts) == asked.messages:
            all_came.set()

    letters = [
        Letter(key=uuid4(), to=f"+79{number:09}", text=f"Coupon {number} is accrued.")
        for number in range(asked.messages)
    ]
    login = Login("127.0.0.1", port, "bench", "secret")
    session = Session(login, Style("Tidings"), keep, window=asked.window)
    session.open()
    began, used = time.perf_counter(), cpu()
    answers = list(session.send(letters))
    took = time.perf_counter() - began
    all_came.wait(60)
    say(f"session alone, window {asked.window}", asked.messages, took, cpu() - used)
    session.close()
    assert {answer.verdict for _key, answer in answers} == {Verdict.SENT}
    assert len(answers) == len(receipts) == asked.messages


def whole(port, asked):
    from django.core.management import call_command  # noqa: PLC0415

    from apps.core import clock  # noqa: PLC0415
    from apps.messaging.actions import receipts, standing  # noqa: PLC0415
    from apps.messaging.models.outbox import Message  # noqa: PLC0415
    from apps.messaging.models.receipts import Receipt  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    prepare(port, asked)
    stopped = threading.Event()
    waiting = Message.objects.exclude(state__in=["sent", "delivered"])
    process = threading.Thread(
        target=standing.serve, args=["smsc"], kwargs={"clock": clock.now, "stopped": stopped}
    )
    began, used = time.perf_counter(), cpu()
    gc.freeze()  # as the command does
    process.start()
    while waiting.exists():
        time.sleep(0.1)
    took = time.perf_counter() - began
    told = Receipt.objects.filter(state="delivered")
    while told.count() < asked.messages:
        assert time.perf_counter() - began < 300
        time.sleep(0.1)
    kept = time.perf_counter() - began
    used = cpu() - used
    stopped.set()
    process.join()
    receipts.settle_receipts(at=clock.now(), limit=asked.messages)
    say(f"the whole process, window {asked.window}", asked.messages, took, used)
    print(
        f"  the last receipt was kept after {kept:.1f} s, the last message sent after {took:.1f} s"
    )
    assert Message.objects.filter(state="delivered").count() == asked.messages


def prepare(port, asked):
    from apps.core import clock  # noqa: PLC0415
    from apps.messaging.models.content import Template, TemplateVersion  # noqa: PLC0415
    from apps.messaging.models.outbox import Message, Notice  # noqa: PLC0415
    from apps.messaging.models.providers import Provider  # noqa: PLC0415
    from apps.profiles.models import Client, ContactPoint  # noqa: PLC0415

    Provider.objects.update(is_open=False, reason="The benchmark brings its own.")
    options = {"host": "127.0.0.1", "port": port, "name": "bench"}
    Provider.objects.create(
        name="smsc", channel="sms", kind="smpp", window=asked.window, options=options
    )
    template = Template.objects.create(code="bench", name="bench")
    wording = TemplateVersion.objects.create(
        template=template, channel="sms", language="en", state="published",
        body="Dear {{ name }}, your coupon is accrued.",
    )  # fmt: skip
    now, size = clock.now(), {"batch_size": 5_000}
    clients = Client.objects.bulk_create(
        (
            Client(first_name=f"Client {number}", quiet_from="00:00", quiet_until="00:01")
            for number in range(asked.messages)
        ),
        **size,
    )
    points = ContactPoint.objects.bulk_create(
        (
            ContactPoint(client=client, channel="sms", address=f"+4477{client.pk:08}")
            for client in clients
        ),
        **size,
    )
    notices = Notice.objects.bulk_create(
        (
            Notice(
                client=point.client, template=template, state="planned", source="bench",
                dedupe_key=f"bench:{point.pk}", created_at=now,
            )
            for point in points
        ),
        **size,
    )  # fmt: skip
    Message.objects.bulk_create(
        (
            Message(
                notice=notice, channel="sms", contact_point=point, language="en",
                wording=wording, send_after=now, queued_at=now,
            )
            for notice, point in zip(notices, points, strict=True)
        ),
        **size,
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--window", type=int, default=50)
    main(parser.parse_args())
