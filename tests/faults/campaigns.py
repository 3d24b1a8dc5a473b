"""Eight offers at once to the same clients, planned and sent by several processes, day after day.

    FAULTS_PEER=port python -m tests.faults.campaigns --clients 5000 --from 2026-10-24

Clients live in zones all over the world, and the clocks of some change meanwhile. Time goes in steps:
in each, processes plan and send side by side until nothing is due. Three campaigns begin late and
count more than some that have days already. What the provider has accepted since the step before
tells who was told when; that is laid beside the clients' calendars and the reasons that we give.
"""

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.faults.senders import CHANNEL_OF, address, connect, hurry  # isort: skip (it sets Django up)

from django.db import connection, connections, transaction

from apps.messaging.actions.delivery import deliver_due
from apps.messaging.actions.planning import plan_messages
from apps.messaging.channels import Account
from apps.messaging.gate import Refusal
from apps.messaging.models.content import Template, TemplateVersion
from apps.messaging.models.frequency import HoldOut
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.providers import Provider
from apps.messaging.models.verdicts import Verdict
from apps.profiles.actions.suppressions import suppress
from apps.profiles.models import Client, ConsentRecord, ContactPoint

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
STEP = timedelta(hours=4)
AT_ONCE = 4
PRIORITIES = (130, 110, 120, 100, 110, 130, 140, 105)
LATE = (5, 6, 7)  # campaigns that begin some steps after the others
CARRIED = {settles: CHANNEL_OF[settles] for settles in ("key", "look_up")}
ZONES = [
    "Europe/London", "Europe/Moscow", "America/New_York", "America/St_Johns", "Asia/Kathmandu",
    "Asia/Kolkata", "Australia/Lord_Howe", "Australia/Sydney", "Pacific/Chatham", "Pacific/Apia",
    "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/Sao_Paulo", "Europe/Kyiv", "Asia/Tokyo",
    "Atlantic/Azores", "America/Los_Angeles", "Africa/Casablanca", "Asia/Almaty", "",
]  # fmt: skip
QUIET = [("21:00", "09:00"), ("22:00", "07:30"), ("13:00", "15:00")]
OFFER = """
INSERT INTO messaging_notice (client_id, template_id, variant, subject, source, values, dedupe_key,
    state, reason, created_at, deadline_at, priority)
SELECT client.id, %(template)s, 'plain', '', 'test', '{}', %(campaign)s || ':' || client.id,
    'queued', '', %(at)s, %(deadline)s, %(priority)s
FROM profiles_client AS client WHERE client.last_name = 'Campaigns'
"""


@transaction.atomic
def prepare(count, dice):
    """Make clients of whom some cannot be told, or are told nothing."""
    Provider.objects.all().update(is_open=False, reason="The test brings its own.")
    template = Template.objects.create(code="faults", purpose="marketing", kind="offer")
    for settles, channel in CARRIED.items():
        Provider.objects.create(
            name=settles, channel=channel, kind="peer", settles=settles, window=8
        )
        TemplateVersion.objects.create(
            template=template, channel=channel, language="en", state="published", subject="News",
            body="Dear {{ name }}",
        )  # fmt: skip
    clients = Client.objects.bulk_create(made(number, dice) for number in range(count))
    ContactPoint.objects.bulk_create(
        ContactPoint(client=client, channel=channel, address=address(channel, client.pk))
        for client in clients
        for channel in CARRIED.values()
    )
    ConsentRecord.objects.bulk_create(
        ConsentRecord(
            client=client, purpose="marketing", channel=channel, granted=dice.random() < 0.8,
            text_version="1", source="test", recorded_at=LONG_AGO,
        )
        for client in clients
        for channel in CARRIED.values()
    )  # fmt: skip
    for client in clients[::25]:
        suppress("sms", address("sms", client.pk), reason="stop", source="x", at=LONG_AGO)
    # The lot falls by the clients' numbers: of a few dozen a twentieth might be nobody.
    HoldOut.objects.create(name="spring", percent=20, begins_at=LONG_AGO)
    return template


def made(number, dice):
    zone = ZONES[number % len(ZONES)]
    begins, ends = dice.choice(QUIET)
    return Client(
        first_name="A", last_name="Campaigns", time_zone=zone,
        time_zone_source="stated" if zone else "unknown", quiet_from=begins, quiet_until=ends,
    )  # fmt: skip


def begin(template, campaign, at):
    """Mean one offer for every client."""
    with connection.cursor() as cursor:
        cursor.execute(
            OFFER,
            {
                "template": template.pk, "campaign": campaign, "at": at,
                "deadline": at + timedelta(days=asked.days), "priority": PRIORITIES[campaign],
            },
        )  # fmt: skip


def work(template, campaigns, at, seed):
    """Begin campaigns, plan and send in whatever order, until nothing is due."""
    dice = random.Random(seed)
    for campaign in campaigns:
        begin(template, campaign, at)
    while True:
        steps = [
            lambda: plan_messages(at=at, limit=dice.randrange(20, 400)),
            lambda: deliver_due(at=at, limit=200),
        ]
        dice.shuffle(steps)
        if not sum(step() for step in steps):
            return


def side_by_side(template, beginning, at, seed):
    """Let processes work at one moment; they end by themselves."""
    connections.close_all()
    children = []
    for place in range(AT_ONCE):
        child = os.fork()
        if child == 0:
            failed = 1
            try:
                work(template, beginning[place::AT_ONCE], at, seed + place)
                failed = 0
            finally:
                os._exit(failed)
        children.append(child)
    for child in children:
        _, status = os.waitpid(child, 0)
        assert status == 0, "a process broke"


def run(asked, template):
    """Return for every key that was accepted at which step."""
    at = datetime.fromisoformat(f"{asked.begins}T18:00:00+00:00")
    accepted, steps = {}, 0
    while steps < 4 or Notice.objects.filter(state__in=["queued", "planned"]).exists():
        assert steps < 40, "it does not end"
        beginning = {0: [n for n in range(len(PRIORITIES)) if n not in LATE], 2: LATE}
        side_by_side(template, beginning.get(steps, []), at, asked.seed + 10 * steps)
        for settles in CARRIED:
            with connect(Account(name=settles)) as carrier:
                for key, count in carrier.counts().items():
                    accepted.setdefault(key, (at, count))
        at, steps = at + STEP, steps + 1
    return accepted


def report(accepted):
    """Lay what was accepted beside the clients' calendars, and the rest beside our reasons."""
    messages = {
        str(message.key): message
        for message in Message.objects.select_related("notice__client", "contact_point")
    }
    found = Counter(messages=len(messages), accepted=len(accepted))
    days = Counter()
    for key, (at, count) in accepted.items():
        client = messages[key].notice.client
        local = at.astimezone(ZoneInfo(client.time_zone or "Europe/London"))
        days[client.pk, local.date()] += 1
        found["twice"] += count - 1
        found["at night"] += is_quiet(client, local.time())
    found["two a day"] = sum(count - 1 for count in days.values())
    found["most days"] = max(Counter(client for client, _day in days).values(), default=0)
    notices = Notice.objects.in_bulk()
    for pk, outcome, reason, by in Verdict.objects.order_by("pk").values_list(
        "notice", "outcome", "reason", "inputs__by"
    ):
        notices[pk].said = (outcome, reason, by)
    told = {messages[key].notice_id for key in accepted}
    begun = {message.notice_id for message in messages.values() if message.attempts}
    for notice in notices.values():
        outcome, reason, by = notice.said
        found[reason or "granted"] += 1
        found[notice.state] += 1
        found["untrue"] += notice.state == ("skipped" if notice.pk in told else "done")
        found["unsaid"] += notice.state == "skipped" and (
            reason not in set(Refusal) or notice.reason != reason or outcome != "refused"
        )
        found["wrongly"] += by is not None and not may_give_way(notice, notices[by], reason, begun)
    return found


def may_give_way(notice, other, reason, begun):
    """Say whether this one was right to yield to the other, of the same client."""
    counts_more = other.priority >= notice.priority + (reason == Refusal.DISPLACED)
    may_have_left = reason == Refusal.DAY_TAKEN and other.pk in begun
    return other.client_id == notice.client_id and (counts_more or may_have_left)


def is_quiet(client, clock):
    begins, ends = client.quiet_from, client.quiet_until
    return begins <= clock < ends if begins < ends else clock >= begins or clock < ends


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=5_000)
    parser.add_argument("--from", dest="begins", default="2026-10-24", help="a day, in UTC")
    parser.add_argument("--days", type=int, default=2, help="after which offers are old news")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wrong", default="")
    asked = parser.parse_args()
    hurry(asked.wrong)
    template = prepare(asked.clients, random.Random(asked.seed))
    begun = time.monotonic()
    found = report(run(asked, template))
    json.dump({**found, "seconds": round(time.monotonic() - begun, 1)}, sys.stdout)
