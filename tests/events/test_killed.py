"""Real drains and senders, killed as a machine may be at any moment: nothing is lost or told twice."""

import multiprocessing
import os
import random
import signal
import time
from datetime import timedelta

import pytest
from django.db import connection

from apps.events.actions import listen, open_months
from apps.events.actions.arrivals import drain
from apps.events.models import Arrival, Event, Inbox
from apps.webhooks.actions import outbox, sending
from apps.webhooks.models import Delivery
from tests.events.test_arrivals import AT, bring, event, person
from tests.products.waiting import wait_for_the_killed
from tests.webhooks.conftest import at_home, receiver
from tests.webhooks.test_sending import deliver, happen, queue

__all__ = ["at_home", "receiver"]  # fixtures

pytestmark = [
    pytest.mark.slow,
    pytest.mark.concurrency,
    pytest.mark.django_db(transaction=True),
]

FORK = multiprocessing.get_context("fork")
REQUESTS, EACH, KILLS = 60, 40, 8


def started(work):
    """Start a process that works until it is killed."""
    connection.close()  # a process of its own opens one of its own
    process = FORK.Process(target=work)
    process.start()
    return process


def drain_for_ever():
    while True:
        drain(at=AT, limit=EACH)


def test_drains_killed_at_any_moment_leave_every_event_told_once():
    person()
    listen("first", ["order.placed"])
    open_months(at=AT)
    dice = random.Random(7)
    team = [started(drain_for_ever) for _place in range(2)]
    try:
        for number in range(REQUESTS):
            bring(*(event(number * EACH + place) for place in range(EACH)))
            if number % (REQUESTS // KILLS) == 0:
                time.sleep(dice.uniform(0, 0.05))  # the moment is the dice's
                dead = team.pop(0)
                dead.kill()
                dead.join()
                team.append(started(drain_for_ever))
    finally:
        for process in team:
            process.kill()
            process.join()
    wait_for_the_killed()
    while drain(at=AT, limit=1000):
        pass
    assert (Event.objects.count(), Inbox.objects.count()) == (REQUESTS * EACH,) * 2
    assert not Arrival.objects.exists()


def test_a_sender_killed_while_it_is_answered_sends_again_under_the_same_id(receiver):
    happen("a", "b")
    queue()
    take, killed = receiver.take, []

    def kill_who_asks(request):
        answer = take(request)
        if not killed:
            killed.append(sender.pid)
            os.kill(sender.pid, signal.SIGKILL)
        return answer

    receiver.handler = kill_who_asks
    sender = started(deliver)
    sender.join()
    assert (sender.exitcode, len(killed)) == (-signal.SIGKILL, 1)
    assert Delivery.objects.filter(state="claimed").count() == 2
    later = AT + sending.LEASE + timedelta(seconds=1)
    assert (deliver(AT), deliver(later)) == (0, 2)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
    assert (len(receiver.received), len(set(receiver.ids))) == (3, 2)
    assert outbox.queue_deliveries(at=later, limit=10) == 0
