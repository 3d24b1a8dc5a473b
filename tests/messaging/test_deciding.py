"""SQL decides on whole batches as the pure gate decides on one wish; offers share days by rank."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import time, timedelta
from threading import Barrier

import pytest
from django.db import connection

from apps.messaging.actions.choosing import Plan, decisive
from apps.messaging.actions.planning import begin_round, plan_batch, plan_messages
from apps.messaging.models.content import Template, TemplateVersion
from apps.messaging.models.frequency import FrequencyPolicy, HoldOut, Reservation
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.providers import Provider
from apps.messaging.models.stops import Stop
from apps.messaging.models.verdicts import Verdict
from apps.messaging.queries.reasons import why
from apps.profiles.actions.suppressions import suppress
from apps.profiles.models import Channel, Purpose
from tests import factories
from tests.messaging.world import DAY, evaluated, noticed

pytestmark = pytest.mark.django_db

CHANNELS = ["sms", "email", "push", "messenger", "call"]
OFFERED = [(Purpose.MARKETING, Channel.SMS), (Purpose.MARKETING, Channel.EMAIL)]
LOADED = ("client", "template", "contact_point")


@pytest.fixture
def offer():
    """A template of offers with words for every channel but push."""
    template = Template.objects.create(
        code="offer.test", name="An offer", purpose=Purpose.MARKETING, kind="offer"
    )
    for channel in ("sms", "email", "messenger"):
        TemplateVersion.objects.create(
            template=template, channel=channel, language="en", subject="x", body="x",
            state="published",
        )  # fmt: skip
    return template


def offered(client, offer, priority=100, **options):
    """Queue an offer; its key is its place among the client's."""
    notice = noticed(client, offer.code, key=f"{client.pk}:{client.notices.count()}", **options)
    Notice.objects.filter(pk=notice.pk).update(priority=priority)
    notice.refresh_from_db()
    return notice


def states(*notices):
    found = dict(Notice.objects.values_list("pk", "state"))
    return [found[notice.pk] for notice in notices]


def random_world(rng, offer):
    """Make clients and notices of every kind, and things that stand in their way."""
    results = [evaluated(factories.strategy(), number=1) for _ in range(3)]
    evaluated(results[0].observation.strategy, supersedes=results[0])
    member = results[1].observation.strategy.basket_members.first()
    factories.quote(
        member.underlying.ticker, results[1].observation.valuation_on, "1",
        state="held", held_because="far off", confirmed_at=None,
    )  # fmt: skip
    Template.objects.filter(code="coupon.accrued").update(
        channels=rng.choice([[], ["email", "messenger"], ["call", "sms", "push"]])
    )
    TemplateVersion.objects.filter(channel=rng.choice(CHANNELS), language="ru").delete()
    TemplateVersion.objects.create(
        template=Template.objects.get(code="coupon.accrued"), channel="call", language="en",
        body="x", state="published",
    )  # fmt: skip
    carried = [("push", "web"), ("push", "fcm"), ("messenger", "telegram"), ("messenger", "viber")]
    for channel, scheme in [*carried, *rng.choices([("messenger", "")], k=rng.choice([0, 1]))]:
        is_open = rng.random() < 0.7
        Provider.objects.create(
            name=f"{channel}-{scheme}", channel=channel, scheme=scheme, is_open=is_open, reason="x"
        )
    if rng.random() < 0.3:
        Stop.objects.create(scope="channel", value=rng.choice(["sms", "email"]), reason="x")
    HoldOut.objects.create(name="spring", percent=30, begins_at=DAY - timedelta(days=9))
    FrequencyPolicy.objects.create(tier=rng.choice(["", "hnwi"]), offers=1, days=5)
    Template.objects.filter(code="coupon.saved").update(kind="security")
    for _ in range(12):
        random_client(rng, offer, results)


def random_client(rng, offer, results):
    """Make a client whom little or much keeps from hearing his news."""
    consents = [
        (purpose, channel)
        for purpose in (Purpose.SERVICE, Purpose.MARKETING)
        for channel in CHANNELS
        if rng.random() < 0.6
    ]
    zone = rng.choice(["", "Europe/Moscow", "Asia/Kathmandu", "America/New_York", "Mars/X"])
    client = factories.client(
        consents=consents,
        time_zone=zone,
        time_zone_source="stated" if zone else "unknown",
        quiet_from=rng.choice([time(21), time(13)]),
        quiet_until=rng.choice([time(9), time(15)]),
        preferred_channel=rng.choice(["", "email", "push", "messenger"]),
        tier=rng.choice(["", "hnwi"]),
        language=rng.choice(["en", "ru"]),
    )
    for channel, scheme in (
        ("push", "web"), ("push", "fcm"), ("messenger", "telegram"), ("messenger", "viber"),
    ):  # fmt: skip
        if rng.random() < 0.5:
            client.contact_points.create(channel=channel, address=f"{scheme}:{client.pk}")
    spoil_addresses(rng, client)
    if rng.random() < 0.4:  # an offer of the day before
        before = offered(client, offer)
        Notice.objects.filter(pk=before.pk).update(state="done")
        messaged(before, rng.choice(["sent", "failed", "queued"]))
        Reservation.objects.create(
            client=client, notice=before, day=DAY.date() - timedelta(days=rng.choice([0, 3, 9]))
        )
    for number in range(rng.choice([1, 2, 3])):
        options = {"deadline_at": DAY + timedelta(hours=rng.choice([-1, 6, 99]))}
        if rng.random() < 0.5:
            notice = offered(client, offer, rng.choice([50, 100, 150]), **options)
        else:
            code = rng.choice(["coupon.accrued", "coupon.saved"])
            notice = noticed(client, code, key=f"{client.pk}-{number}", **options)
        Notice.objects.filter(pk=notice.pk).update(
            result=rng.choice([None, *results]), hold_out=rng.choice(["", "", "", "control"])
        )


def spoil_addresses(rng, client):
    for point in client.contact_points.all():
        if rng.random() < 0.2:
            suppress(point.channel, point.address, reason="stop", source="x", at=DAY)
        elif rng.random() < 0.2:
            client.contact_points.filter(pk=point.pk).update(state="bounced")
    if rng.random() < 0.2:
        client.contact_points.create(channel="email", address=f"ÄÖ{client.pk}@example.com")
        if rng.random() < 0.5:
            suppress("email", f"äö{client.pk}@example.com", reason="stop", source="x", at=DAY)


def messaged(notice, state):
    version = notice.template.versions.get(channel="sms")
    return Message.objects.create(
        notice=notice, channel="sms", contact_point=notice.client.contact_points.first(),
        language="en", wording=version, state=state, reason="x", send_after=DAY,
    )  # fmt: skip


def decided_one_by_one(at):
    """Ask the pure gate about each queued notice, the higher offers first, as if alone."""
    found = {}
    queued = Notice.objects.filter(state="queued").select_related(*LOADED)
    for notice in queued.order_by("-priority", "pk"):
        plan = Plan([notice], at)
        verdicts = plan.verdicts(notice)
        message = plan.message(notice)
        found[notice.pk] = (
            message and message.channel,
            message and message.send_after,
            message and message.contact_point_id,
            message and message.wording_id,
            str(decisive(verdicts) or ""),
            asked_about(verdicts),
        )
        frequency = plan.grounds.frequencies.get(notice.pk)
        if message is not None and frequency is not None:
            day = plan.grounds.wish(notice, "sms", None).quiet.day(message.send_after)
            Reservation.objects.filter(client=notice.client_id, day=day).delete()
            Reservation.objects.create(client_id=notice.client_id, day=day, notice=notice)
            message.save()
    return found


def asked_about(verdicts):
    """Say what each channel's answer was; where the first will do, no other one is asked."""
    codes = {channel: str(each.refusal or "") for channel, each in verdicts.items()}
    first = next(iter(codes))
    return codes if codes[first] else {first: ""}


def decided_at_once(at):
    pks = set(Notice.objects.filter(state="queued").values_list("pk", flat=True))
    plan_messages(at=at, limit=1000)
    found = {}
    for verdict in Verdict.objects.filter(notice__in=pks).exclude(reason="displaced"):
        message = Message.objects.filter(notice=verdict.notice_id).first()
        found[verdict.notice_id] = (
            message and message.channel,
            message and message.send_after,
            message and message.contact_point_id,
            message and message.wording_id,
            verdict.reason,
            verdict.inputs["channels"],
        )
    return found


@pytest.mark.parametrize("seed", [0, 1, 25])
def test_sql_decides_on_a_batch_as_the_pure_gate_decides_on_each(seed, offer):
    rng = random.Random(seed)
    random_world(rng, offer)
    at = DAY + timedelta(hours=rng.choice([0, 2, 9, 11]))
    savepoint = connection.savepoint()
    expected = decided_one_by_one(at)
    connection.savepoint_rollback(savepoint)
    assert decided_at_once(at) == expected
    assert plan_messages(at=at, limit=1000) == 0
    assert len({code for *_rest, codes in expected.values() for code in codes.values()}) > 4


def test_an_offer_that_counts_more_takes_the_day_and_the_other_says_so(offer):
    client = factories.client(consents=OFFERED)
    first = offered(client, offer, 100)
    plan_messages(at=DAY, limit=10)
    second = offered(client, offer, 100)
    plan_messages(at=DAY, limit=10)
    assert states(first, second) == ["planned", "skipped"]
    third, fourth = offered(client, offer, 200), offered(client, offer, 150)
    plan_messages(at=DAY, limit=10)
    assert states(first, second, third, fourth) == ["skipped", "skipped", "planned", "skipped"]
    assert first.messages.get().state == "skipped"
    first.refresh_from_db()
    assert why(first, first.verdicts.all()).endswith(f"notice № {third.pk}.")
    assert Reservation.objects.get().notice == third


@pytest.mark.parametrize(
    ("state", "handed", "stays"),
    [
        ("claimed", None, True),
        ("sent", DAY, True),
        ("unknown", DAY, True),
        ("queued", DAY, True),  # to go again with its key: it may have arrived
        ("held", DAY, True),
        ("queued", None, False),
        ("skipped", None, False),
        ("failed", DAY, False),
    ],
)
def test_a_day_belongs_to_an_offer_that_may_have_left_and_to_none_that_never_did(
    state, handed, stays, offer
):
    client = factories.client(consents=OFFERED)
    first = offered(client, offer, 50)
    plan_messages(at=DAY, limit=10)
    first.messages.update(state=state, reason="x", leased_until=DAY, handed_at=handed)
    second = offered(client, offer, 50 if state in {"skipped", "failed"} else 200)
    plan_messages(at=DAY, limit=10)
    assert states(second) == ["skipped" if stays else "planned"]
    assert (first.reservation if stays else second.reservation).client == client


def test_service_and_security_are_free_of_days_and_limits(offer):
    client = factories.client(consents=[*OFFERED, (Purpose.SERVICE, Channel.SMS)])
    Template.objects.filter(code="coupon.saved").update(kind="security")
    notices = [offered(client, offer), noticed(client), noticed(client, "coupon.saved")]
    plan_messages(at=DAY, limit=10)
    assert states(*notices) == ["planned"] * 3
    night = DAY.replace(hour=23)
    alert = noticed(client, "coupon.saved", key="alert")
    plan_messages(at=night, limit=10)
    assert alert.messages.get().send_after == night


def test_a_stop_lets_nothing_be_planned_and_a_release_lets_it_go_on():
    notice = noticed(factories.client())
    stop = Stop.objects.create(scope="global", reason="a wrong price")
    assert plan_messages(at=DAY, limit=10) == 1
    assert plan_messages(at=DAY, limit=10) == 0  # it is left alone for a while
    assert plan_messages(at=DAY + timedelta(minutes=6), limit=10) == 1
    verdict = notice.verdicts.get()  # waiting on is not written again
    assert (verdict.outcome, verdict.reason) == ("waits", "stopped")
    Stop.objects.filter(pk=stop.pk).update(released_at=DAY)
    plan_messages(at=DAY + timedelta(minutes=12), limit=10)
    assert states(notice) == ["planned"]


def test_a_round_ends_with_the_notices_that_were_there_when_it_began():
    notices = [noticed(factories.client()) for _ in range(5)]
    rest, sizes = begin_round(), []
    late = noticed(factories.client())
    while rest is not None:
        size, rest = plan_batch(rest, at=DAY, limit=2)
        sizes.append(size)
    assert sizes == [2, 2, 1, 0]
    assert states(*notices, late) == ["planned"] * 5 + ["queued"]


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_eight_campaigns_planned_at_once_never_give_a_client_two_offers_a_day(offer):
    clients = [factories.client(consents=OFFERED) for _ in range(12)]
    for campaign in range(8):
        for client in clients:
            offered(client, offer, 100 + campaign % 3, at=DAY)
    start = Barrier(8)

    def plan(_):
        start.wait()
        try:
            return sum(iter(lambda: plan_messages(at=DAY, limit=9), 0))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(plan, range(8))) == 96
    told = Notice.objects.filter(state="planned")
    assert sorted(told.values_list("client", "priority")) == [(c.pk, 102) for c in clients]
    assert Message.objects.filter(state="queued").count() == len(clients)
    assert Reservation.objects.count() == len(clients)
