"""STOP, one click and the kill switch during a send, by the clock of those who accept the messages.

FAULTS_MESSAGES makes the long form shorter or longer. In the short one the limit has room for a
machine that stalls; a sender that looks once a batch is later than that by far.
"""

import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from itertools import islice

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse

from apps.core import clock
from apps.messaging.channels import unsubscribing
from apps.messaging.models.content import Template, TemplateVersion
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.providers import Provider
from apps.profiles.models import Client, ConsentRecord, ContactPoint
from apps.webhooks import signing
from tests.peers import smsc, smtp

pytestmark = [
    pytest.mark.slow,
    pytest.mark.concurrency,
    pytest.mark.django_db(transaction=True),
]
SECRET = "whsec_" + "c2VjcmV0" * 4
ROOM = 3.0  # seconds that a short run gives a stalled machine
# A batch takes a sender many seconds, whichever of them begins first.
SHORT = {"clients": 20, "rounds": 60, "stops": 9, "delay": 0.08, "claimed": 1_000}
CALM = 1.2  # without any message, after which none is expected
ADDRESSES = {"sms": "+4477{:08d}", "email": "c{}@x.example"}


@pytest.fixture
def people(settings):
    """Prepare as many messages to as many clients, in turn: each has some at any moment."""
    settings.RECEIPT_SECRETS = {"centre": [SECRET]}

    def prepare(clients, rounds, port):
        Provider.objects.exclude(kind="smtp").update(is_open=False, reason="Not here.")
        Provider.objects.filter(kind="smtp").update(window=4)
        Provider.objects.create(
            name="centre", channel="sms", kind="smpp", window=10,
            options={"host": "127.0.0.1", "port": port, "name": "x"},
        )  # fmt: skip
        now = clock.now()
        night = (now + timedelta(hours=12)).time()  # it is day
        made = Client.objects.bulk_create(
            Client(
                first_name="A", last_name="B", time_zone="UTC", time_zone_source="stated", quiet_from=night,
                quiet_until=night.replace(microsecond=(night.microsecond + 1) % 1_000_000),
            )
            for _ in range(clients)
        )  # fmt: skip
        template = Template.objects.create(code="faults", name="faults", purpose="service")
        for channel in ADDRESSES:
            fill(channel, made, rounds, template, now)
        return made

    return prepare


def fill(channel, clients, rounds, template, now):
    points = ContactPoint.objects.bulk_create(
        ContactPoint(client=each, channel=channel, address=ADDRESSES[channel].format(each.pk))
        for each in clients
    )
    ConsentRecord.objects.bulk_create(
        ConsentRecord(client=each, purpose="service", channel=channel, granted=True, source="test")
        for each in clients
    )
    wording = TemplateVersion.objects.create(
        template=template, channel=channel, language="en", state="published", subject="News",
        body="Dear {{ name }}",
    )  # fmt: skip
    notices = Notice.objects.bulk_create(
        Notice(
            client=point.client, template=template, state="planned", source="test",
            dedupe_key=f"{channel}:{number}:{point.pk}", created_at=now,
        )
        for number in range(rounds)
        for point in points
    )  # fmt: skip
    Message.objects.bulk_create(
        Message(
            notice=notice, channel=channel, contact_point=points[place % len(points)],
            language="en", wording=wording, send_after=now - timedelta(seconds=len(notices) - place),
        )
        for place, notice in enumerate(notices)
    )  # fmt: skip


class Run:
    """A send that goes on: what its peers accepted, and who was told to stop when."""

    def __init__(self, sink, centre):
        self.sink, self.centre = sink, centre
        self.stopped = {}  # address → the moment at which its STOP was answered

    def accepted(self):
        return [*self.sink.taken, *self.centre.messages]

    def until(self, holds):
        end = time.monotonic() + 120
        while not holds():
            assert time.monotonic() < end, f"{len(self.accepted())} of {self.waiting()} accepted"
            time.sleep(0.02)

    def stop_by_sms(self, client):
        """Let a STOP come in by the provider's webhook."""
        sender = ADDRESSES["sms"].format(client.pk)
        body = json.dumps({"replies": [{"sender": sender, "text": "STOP"}]}).encode()
        headers = signing.headers([SECRET], f"m-{client.pk}", clock.now(), body)
        answer = Browser().post(
            reverse("messaging:receipts", args=["centre"]), body, headers=headers,
            content_type="application/json",
        )  # fmt: skip
        assert (answer.status_code, answer.json()["new_replies"]) == (200, 1)
        self.stopped[sender] = time.monotonic()

    def stop_by_session(self, client):
        """Let a STOP come in over the session on which messages go out."""
        sender = ADDRESSES["sms"].format(client.pk)
        before = len(self.centre.responses)
        self.centre.write("STOP", sender=sender)
        self.centre.until(lambda: len(self.centre.responses) > before)
        self.stopped[sender] = time.monotonic()

    def unsubscribe(self, client):
        address = ADDRESSES["email"].format(client.pk)
        message = Message.objects.filter(notice__client=client, channel="email").first()
        token = unsubscribing.token(message.key)
        answer = Browser().post(f"/u/{token}", {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        self.stopped[address] = time.monotonic()

    def pull(self, boss):
        """Stop everything as anyone on duty does."""
        browser = Browser()
        browser.force_login(boss)
        said = {"scope": "global", "value": "", "reason": "A wrong price."}
        answer = browser.post(reverse("admin:messaging_stop_add"), said)
        assert answer.status_code == 302
        return time.monotonic()

    def late(self, moment, addresses=None):
        """Return how long after a moment each message was accepted that came after it."""
        return [
            taken - moment
            for taken, address in self.accepted()
            if taken > moment and (addresses is None or address in addresses)
        ]

    def until_calm(self, moment):
        """Wait until nothing is accepted any more, or something was far too late."""
        count, since = -1, 0.0
        while count != len(self.accepted()) or time.monotonic() - since < CALM:
            if max(self.late(moment), default=0.0) > ROOM:
                return
            if count != len(self.accepted()):
                count, since = len(self.accepted()), time.monotonic()
            time.sleep(0.02)

    def waiting(self):
        return Message.objects.filter(state__in=["queued", "claimed"]).count()


class Centre(smsc.Centre):
    """Notes when it took which message."""

    def take(self, message):
        self.count += 1
        self.messages.append((time.monotonic(), f"+{message.destination.text}"))


@pytest.fixture
def watched(people, settings):
    """Send, stop some clients one after the other, then everything; return what came late."""

    def run(*, clients, rounds, stops, pause, delay, senders=2, claimed=300, wrong=""):
        centre = Centre()
        centre.delay = delay
        centre.start()
        host, name = connection.settings_dict["HOST"], connection.settings_dict["NAME"]
        command = [sys.executable, "-m", "tests.faults.busy", "--senders", str(senders)]
        command += ["--claimed", str(claimed), "--wrong", wrong]
        try:
            with smtp.sink(delay=delay) as sink:
                made = people(clients, rounds, centre.port)
                boss = get_user_model().objects.create_superuser("boss")
                environment = {
                    **os.environ,
                    "DATABASE_URL": f"postgresql://postgres@/{name}?host={host}",
                    "REDIS_URL": settings.REDIS_URL, "PROVIDER_SECRET_CENTRE": "secret",
                    "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(sink.port),
                }  # fmt: skip
                with subprocess.Popen(
                    command, env=environment, stdin=subprocess.PIPE, cwd=settings.BASE_DIR
                ) as process:
                    try:
                        return watch(Run(sink, centre), made, boss, stops, pause)
                    finally:
                        process.communicate()
        finally:
            centre.stop()

    return run


def watch(run, clients, boss, stops, pause):
    run.until(lambda: len(run.sink.taken) > len(clients) < len(run.centre.messages))
    ways = (run.stop_by_sms, run.stop_by_session, run.unsubscribe)
    for client, way in zip(clients, islice(ways * stops, stops), strict=False):
        way(client)
    time.sleep(pause)  # for what should not come
    pulled = run.pull(boss)
    run.until_calm(pulled)
    after_stops = [max(run.late(at, {address}), default=0.0) for address, at in run.stopped.items()]
    after_all = run.late(pulled)
    return {
        "stops": len(run.stopped),
        "latest after a STOP": round(max(after_stops), 3),
        "after the kill switch": len(after_all),
        "latest after it": round(max(after_all, default=0.0), 3),
        "accepted": len(run.accepted()),
        "waiting": run.waiting(),
    }


def test_nothing_is_accepted_after_a_stop_and_after_the_kill_switch(watched):
    seen = watched(**SHORT, pause=1)
    assert seen["waiting"] > 0, "all was out before the kill switch"
    assert seen["latest after a STOP"] < ROOM, seen
    assert seen["latest after it"] < ROOM, seen


@pytest.mark.long
def test_the_clock_sees_a_sender_that_looks_once_a_batch(watched):
    seen = watched(**SHORT, pause=0, wrong="one_look")
    assert seen["latest after a STOP"] > ROOM, seen
    assert seen["latest after it"] > ROOM, seen


@pytest.mark.long
def test_the_promised_second_is_kept_among_thousands(watched):
    messages = int(os.environ.get("FAULTS_MESSAGES", "20000"))
    seen = watched(
        clients=100, rounds=messages // 200, stops=60, pause=3, delay=0.005, senders=3,
        claimed=1_000,
    )  # fmt: skip
    print(seen)
    assert seen["latest after a STOP"] < 1, seen
    assert seen["latest after it"] < 1, seen
    assert seen["waiting"] > 0
