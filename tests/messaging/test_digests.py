"""The monthly digest: every client with a policy, once, with the figures of the month's end."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from threading import Barrier

import pytest
from django.db import connection

from apps.files.models import Folder
from apps.messaging.actions import digests
from apps.messaging.actions.delivery import deliver_due
from apps.messaging.actions.digests import queue_digests
from apps.messaging.actions.planning import plan_messages
from apps.messaging.models.outbox import Digest, Notice
from apps.products.models.holdings import Policy
from apps.products.models.strategies import Observation
from apps.profiles.models import Channel, Purpose
from tests import factories
from tests.messaging.world import evaluated

pytestmark = pytest.mark.django_db
SECOND = datetime(2020, 3, 2, 12, tzinfo=UTC)
WANTS_DIGEST = [(Purpose.DIGEST, Channel.SMS)]


def holder(*strategies, **fields):
    client = factories.client(consents=WANTS_DIGEST, **fields)
    for strategy in strategies or [factories.strategy()]:
        factories.policy(client, strategy)
    Observation.objects.filter(valuation_on__lt=SECOND).update(state=Observation.State.EVALUATED)
    return client


def test_every_client_with_a_policy_gets_the_month_before_whatever_his_strategy():
    dollars, euros = factories.strategy(), factories.strategy(currency="EUR")
    one, both, _without = holder(dollars), holder(dollars, euros), factories.client()
    evaluated(dollars)
    evaluated(euros, outcome="SAVED")
    assert queue_digests(at=SECOND) == 2
    notice = both.notices.get()
    assert notice.dedupe_key == f"digest:2020-02:{both.pk}"
    assert notice.values == {
        "month": {"month": "2020-02-01"},
        "policies": 2,
        "accrued": [{"money": 25_00, "currency": "USD"}],
        "remembered": [{"money": 25_00, "currency": "EUR"}],
        "next_on": {"date": "2020-05-29"},
    }
    assert one.notices.get().values["policies"] == 1


def test_queueing_twice_changes_nothing():
    holder()
    assert queue_digests(at=SECOND) == 1
    assert queue_digests(at=SECOND + timedelta(hours=1)) == 0
    Digest.objects.update(cursor=0, finished_at=None)  # even if the cursor were lost
    assert queue_digests(at=SECOND + timedelta(hours=2)) == 0
    assert Notice.objects.count() == 1


@pytest.mark.parametrize(("day", "count"), [(1, 0), (4, 0), (5, 1)])
def test_it_waits_for_an_undecided_observation_of_the_month_but_not_for_ever(day, count):
    client = holder()
    client.policies.get().strategy.observations.filter(number=1).update(state="planned")
    assert queue_digests(at=datetime(2020, 3, day, 12, tzinfo=UTC)) == count


@pytest.mark.parametrize(("day", "count"), [(2, 0), (5, 1)])
def test_it_waits_for_a_file_that_is_late_but_not_for_ever(day, count):
    holder()
    Folder.objects.create(
        path="core/prices", kind="quotes", expected_by=time(6), made_at=SECOND - timedelta(days=9)
    )
    assert queue_digests(at=datetime(2020, 3, day, 12, tzinfo=UTC)) == count


@pytest.mark.parametrize(
    ("at", "count", "month"),
    [
        (datetime(2020, 2, 29, 20, 59, tzinfo=UTC), 0, None),
        (datetime(2020, 2, 29, 21, tzinfo=UTC), 1, date(2020, 2, 1)),  # midnight in Moscow
        (datetime(2020, 3, 5, 20, tzinfo=UTC), 1, date(2020, 2, 1)),
        (datetime(2020, 3, 6, 0, tzinfo=UTC), 0, None),
        (datetime(2020, 1, 2, 0, tzinfo=UTC), 1, date(2019, 12, 1)),
    ],
)
def test_it_is_due_on_the_first_days_of_the_next_month(at, count, month):
    holder()
    assert queue_digests(at=at) == count
    assert Digest.objects.values_list("month", flat=True).first() == month


@pytest.mark.parametrize(
    ("starts_on", "closed_on", "told"),
    [
        (date(2019, 11, 29), None, True),
        (date(2020, 2, 29), None, True),
        (date(2020, 3, 1), None, False),
        (date(2019, 11, 29), date(2020, 2, 1), True),
        (date(2019, 11, 29), date(2020, 1, 31), False),
    ],
)
def test_a_policy_counts_if_it_was_held_in_the_month(starts_on, closed_on, told):
    client = holder()
    Policy.objects.update(starts_on=starts_on, closed_on=closed_on)
    assert queue_digests(at=SECOND) == told
    assert client.notices.exists() == told


def test_only_the_latest_remembered_and_the_result_that_stands_are_counted():
    strategy = factories.strategy(days=(date(2020, 1, 15), date(2020, 2, 14), date(2020, 8, 14)))
    client = holder(strategy)
    evaluated(strategy, outcome="SAVED", number=1)
    wrong = evaluated(strategy, outcome="ACCRUED", number=2)
    evaluated(strategy, outcome="SAVED", number=2, supersedes=wrong)
    evaluated(strategy, outcome="ACCRUED", number=3)  # after the month
    queue_digests(at=SECOND)
    values = client.notices.get().values
    assert "accrued" not in values
    assert values["remembered"] == [{"money": 25_00, "currency": "USD"}]


def test_what_a_closed_policy_remembered_is_no_promise_any_more():
    strategy = factories.strategy(days=(date(2020, 1, 15), date(2020, 8, 14)))
    client = holder(strategy)
    evaluated(strategy, outcome="SAVED")
    Policy.objects.update(closed_on=date(2020, 2, 20))
    queue_digests(at=SECOND)
    assert client.notices.get().values == {"month": {"month": "2020-02-01"}, "policies": 1}


def test_many_clients_are_queued_in_batches_with_a_cursor(monkeypatch):
    monkeypatch.setattr(digests, "BATCH", 3)
    strategy = factories.strategy()
    clients = [holder(strategy) for _ in range(8)]
    assert digests.queue_digests(at=SECOND) == 8
    digest = Digest.objects.get()
    assert (digest.cursor, digest.finished_at) == (clients[-1].pk, SECOND)


def test_it_needs_the_consent_to_digests_and_is_worded(gateway):
    told, untold = holder(), holder()
    factories.consent(untold, Purpose.DIGEST, Channel.SMS, granted=False, at=SECOND)
    queue_digests(at=SECOND)
    plan_messages(at=SECOND, limit=10)
    deliver_due(at=SECOND, limit=10)
    assert told.notices.get().state == "done"
    assert untold.notices.get().reason == "no_consent"
    assert gateway.texts[0].startswith("February 2020: policies 1. http")


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_four_who_queue_at_once_queue_each_client_once(monkeypatch):
    monkeypatch.setattr(digests, "BATCH", 2)
    strategy = factories.strategy()
    for _ in range(20):
        holder(strategy)
    start = Barrier(4)

    def queue(_):
        start.wait()
        try:
            return queue_digests(at=SECOND)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(queue, range(4))) == 20
    assert Notice.objects.count() == 20
    assert Digest.objects.get().finished_at == SECOND
