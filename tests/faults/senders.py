"""Senders that are killed at random moments, until every message has come to its end.

    FAULTS_PEER=port python -m tests.faults.senders --messages 60 --kills 10 --seed 1

Prepares the messages, a third for each way of settling an unknown, forks senders, kills them, lets
the last ones finish, and prints what became of the messages beside what the provider counts.
"""

import argparse
import json
import os
import random
import signal
import sys
import time
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import Error, connections, transaction  # noqa: E402 (they need the settings)
from kombu.exceptions import OperationalError  # noqa: E402

from apps.core import clock  # noqa: E402
from apps.messaging import tasks  # noqa: E402
from apps.messaging.actions import claims, handing, outcomes, providers  # noqa: E402
from apps.messaging.channels import REGISTRY, Account  # noqa: E402
from apps.messaging.models.content import Template, TemplateVersion  # noqa: E402
from apps.messaging.models.outbox import Message, Notice  # noqa: E402
from apps.messaging.models.providers import Provider  # noqa: E402
from apps.profiles.models import Client, ContactPoint  # noqa: E402
from tests.faults import sabotage  # noqa: E402
from tests.faults.carrier import connect  # noqa: E402

CHANNEL_OF = {"key": "sms", "look_up": "email", "none": "messenger"}
OPEN = ("queued", "held", "claimed")
AT_ONCE = 3


def hurry(wrong):
    """Let everything that waits for minutes wait for moments, and break a guard where asked."""
    REGISTRY["peer"] = "tests.faults.carrier"
    claims.LEASE = timedelta(seconds=4)
    handing.PATIENCE = 1
    outcomes.BACK_OFF = [timedelta(seconds=0.1)] * 1_000
    providers.REST = providers.LONGEST_REST = timedelta(seconds=0.05)
    tasks.CLAIMED, tasks.SHIFT = 100, 0.2
    for name in filter(None, wrong.split(",")):
        sabotage.BY_NAME[name]()


def address(channel, number):
    forms = {"sms": "+4477{:08d}", "email": "c{}@x.example", "messenger": "telegram:{}"}
    return forms[channel].format(number)


@transaction.atomic
def prepare(count):
    Provider.objects.all().update(is_open=False, reason="The test brings its own.")
    template = Template.objects.create(code="faults", name="faults")
    for settles, channel in CHANNEL_OF.items():
        Provider.objects.create(
            name=settles, channel=channel, kind="peer", settles=settles, window=8
        )
        wording = TemplateVersion.objects.create(
            template=template, channel=channel, language="en", state="published", subject="News",
            body="Dear {{ name }}",
        )  # fmt: skip
        clients = Client.objects.bulk_create(
            Client(first_name="A", last_name="B", quiet_from="00:00", quiet_until="00:01")
            for _ in range(count // 3)
        )
        points = ContactPoint.objects.bulk_create(
            ContactPoint(client=client, channel=channel, address=address(channel, client.pk))
            for client in clients
        )
        now = clock.now()
        notices = Notice.objects.bulk_create(
            Notice(
                client=point.client, template=template, state="planned",
                dedupe_key=f"faults:{point.pk}", subject="", source="test", created_at=now,
            )
            for point in points
        )  # fmt: skip
        Message.objects.bulk_create(
            Message(
                notice=notice, channel=channel, contact_point=point, language="en",
                wording=wording, send_after=now, queued_at=now,
            )
            for notice, point in zip(notices, points, strict=True)
        )  # fmt: skip


def die_at(moment):
    """Let this sender end in the midst of its work: letters are out, or only claimed."""
    module, name = {"record": (outcomes, "record"), "mark": (handing, "mark")}[moment]
    work = getattr(module, name)

    def die(batch, *rest, **options):
        if moment == "mark" or any(outcome.state == "sent" for outcome in batch):
            os.kill(os.getpid(), signal.SIGKILL)
        return work(batch, *rest, **options)

    setattr(module, name, die)


def be_a_sender():
    """Ring and deliver until nothing is left or somebody kills us; what breaks ends this process."""
    try:
        while True:
            try:
                tasks.deliver_due()
            except OperationalError:  # nobody hears the bell
                continue
            time.sleep(0.02)
    except Error:  # the database is down or has just come back
        os._exit(1)
    finally:
        os._exit(2)


def fork(dies_at=""):
    connections.close_all()
    child = os.fork()
    if child == 0:
        if dies_at:
            die_at(dies_at)
        be_a_sender()
    return child


def still_open():
    try:
        return Message.objects.filter(state__in=OPEN).exists()
    except Error:
        return True
    finally:
        connections.close_all()


def run(asked):
    """Keep senders at work, kill them as often as asked, end when nothing is left to do."""
    dice = random.Random(asked.seed)
    end = time.monotonic() + asked.seconds
    children, killed = [fork(asked.die_at) for _ in range(AT_ONCE)], 0
    try:
        while time.monotonic() < end and (killed < asked.kills or still_open()):
            time.sleep(dice.uniform(0, 2 * asked.pause))
            victim = dice.randrange(AT_ONCE)
            if killed < asked.kills and os.waitpid(children[victim], os.WNOHANG) == (0, 0):
                os.kill(children[victim], signal.SIGKILL)
                os.waitpid(children[victim], 0)
                killed += 1
                children[victim] = fork()
            children = [alive(child) for child in children]
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return killed


def alive(child):
    """Return a sender that works, a new one where this one ended by itself."""
    try:
        return child if os.waitpid(child, os.WNOHANG) == (0, 0) else fork()
    except ChildProcessError:
        return fork()


def report(killed):
    """Lay what we say beside what the providers count."""
    found = {"kills": killed, "lost": 0, "twice": {}, "untrue": 0, "unnamed": 0, "unknown": 0}
    for settles, channel in CHANNEL_OF.items():
        with connect(Account(name=settles)) as carrier:
            accepted = carrier.counts()
        mine = Message.objects.filter(channel=channel, notice__template__code="faults")
        found["twice"][settles] = sum(count - 1 for count in accepted.values() if count > 1)
        for message in mine:
            is_there = str(message.key) in accepted
            found["lost"] += message.state in OPEN or (message.state == "sent" and not is_there)
            found["untrue"] += is_there and message.state not in {"sent", "unknown"}
            found["unknown"] += message.state == "unknown"
            found["unnamed"] += message.state == "unknown" and not message.reason
            found["untrue"] += message.state == "unknown" and settles != "none"
        found.setdefault("messages", 0)
        found["messages"] += len(mine)
        found["twice"][settles] += len(set(accepted) - {str(message.key) for message in mine})
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--kills", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--pause", type=float, default=0.06, help="between kills, on average")
    parser.add_argument("--die-at", default="", help="where each of the first senders ends")
    parser.add_argument("--wrong", default="")
    asked = parser.parse_args()
    hurry(asked.wrong)
    prepare(asked.messages)
    print("ready", flush=True)
    begun = time.monotonic()
    found = report(run(asked))
    json.dump({**found, "seconds": round(time.monotonic() - begun, 1)}, sys.stdout)
