"""Ticks that two workers run at the same moment: the work is done once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from apps.messaging.actions import cascades, inbound, numbers, reaping, sendings
from apps.messaging.models.numbers import NumberCheck
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider
from apps.messaging.models.replies import Reply, ReplyPart
from apps.messaging.models.sendings import Sending
from apps.profiles.models import Channel, ConsentRecord, Purpose
from tests import factories
from tests.messaging.world import DAY, planned

WORKERS = 4
LATER = DAY + reaping.ASKED_FOR


def at_once(tick, **given):
    """Run a tick in several workers at the same moment; return what they said in sum."""
    start = Barrier(WORKERS)

    def work(_):
        start.wait()
        try:
            return tick(at=LATER, **given)
        finally:
            connection.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        return sum(pool.map(work, range(WORKERS)))


def bring(*, said, at):
    return inbound.receive("smsc", "sms", [said], at=at)


@pytest.mark.slow
@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_what_several_workers_begin_at_once_is_done_once(httpserver, settings):
    settings.NUMBER_CHECK_URL = httpserver.url_for("/lookup")
    settings.NUMBER_CHECK_PRICE, settings.NUMBER_CHECK_BUDGET = 1, 3
    clients = [
        factories.client(
            consents=[(Purpose.SERVICE, Channel.SMS), (Purpose.SERVICE, Channel.EMAIL)]
        )
        for _ in range(12)
    ]
    messages = planned(*clients)
    own = Message.objects.filter(pk__in=[message.pk for message in messages])
    phone = clients[0].contact_points.get(channel="sms").address

    at_once(numbers.check_numbers)
    assert NumberCheck.objects.count() == 3

    at_once(bring, said=inbound.Said(phone, "Who are you?"))
    assert list(Reply.objects.values_list("times", flat=True)) == [WORKERS]
    Reply.objects.all().delete()

    said = [inbound.Said(phone, "СТ", part=(1, 3, 1)), inbound.Said(phone, "ОП", part=(1, 3, 2))]
    inbound.receive("smsc", "sms", said, at=DAY)
    assert at_once(inbound.take_torn) == 1
    assert (Reply.objects.get().text, ReplyPart.objects.count()) == ("СТОП", 0)
    assert ConsentRecord.objects.filter(granted=False).count() == 1
    Reply.objects.update(state="open", outcome="", settled_at=None)
    at_once(inbound.finish_stops)
    assert Reply.objects.get().state == "settled"
    assert ConsentRecord.objects.filter(granted=False).count() == 1

    provider = Provider.objects.get(channel="sms")
    sending = Sending.objects.create(
        title="Offer", source="campaign:1", released=1, released_at=DAY
    )
    assert at_once(sendings.advance_ramps) == 1
    sending.refresh_from_db()
    assert sending.released == 10

    own.update(carried_by=provider, handed_at=DAY)
    assert at_once(reaping.give_up_stranded) == own.count() == 12
    assert set(own.values_list("state", flat=True)) == {"unknown"}

    own.update(state="failed", follow_at=DAY)
    at_once(cascades.follow_up, limit=5)
    at_once(cascades.follow_up, limit=20)
    assert Message.objects.filter(number=2).count() == 12
    assert Message.objects.filter(number__gt=2).count() == 0
