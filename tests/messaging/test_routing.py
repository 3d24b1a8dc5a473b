"""Events become notices: one a client and observation, with sums and words for the occasion."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection

from apps.events.actions import Fact, record
from apps.events.models import Inbox
from apps.messaging.actions.belongings import queue_belongings_news
from apps.messaging.actions.routing import queue_notices
from apps.messaging.models.content import Template
from apps.messaging.models.outbox import Notice
from tests import factories
from tests.messaging.world import DAY, evaluated, happened


@pytest.fixture
def held(db):
    """A client with two policies of one strategy."""
    strategy = factories.strategy(name="US Technology", tranche="7")
    client = factories.client()
    return strategy, [factories.policy(client, strategy) for _ in range(2)]


def test_an_event_becomes_a_notice_with_everything_the_words_need(held):
    strategy, (policy, other) = held
    other.delete()
    result = evaluated(strategy)
    happened(result, [policy])
    assert queue_notices(at=DAY, limit=100) == 1
    notice = Notice.objects.get()
    assert notice.template.code == "coupon.accrued"
    assert notice.variant == "plain"
    assert notice.subject == f"strategy:{strategy.pk}"
    assert notice.dedupe_key == f"coupon:{result.observation_id}:{policy.client_id}"
    assert notice.deadline_at == DAY + timedelta(days=7)
    assert notice.values == {
        "strategy": "US Technology",
        "tranche": "7",
        "policies": 1,
        "amount": {"money": 25_00, "currency": "USD"},
        "observed_on": {"date": "2020-02-28"},
        "pays_on": {"date": "2020-02-28"},
        "next_on": {"date": "2020-05-29"},
        "worst": "IBM",
        "worst_level": {"percent": "0.83000000"},
    }


def test_two_policies_make_one_notice_with_their_sum(held):
    strategy, policies = held
    happened(evaluated(strategy), policies)
    assert queue_notices(at=DAY, limit=100) == 2
    assert Notice.objects.get().values["amount"] == {"money": 50_00, "currency": "USD"}


def test_two_policies_in_two_batches_still_make_one_notice_with_their_sum(held):
    strategy, policies = held
    happened(evaluated(strategy), policies)
    assert [queue_notices(at=DAY, limit=1) for _ in range(3)] == [1, 1, 0]
    assert Notice.objects.get().values["amount"] == {"money": 50_00, "currency": "USD"}


def test_another_clients_policy_is_not_added(held):
    strategy, policies = held
    stranger = factories.policy(factories.client(), strategy)
    happened(evaluated(strategy), [*policies, stranger])
    queue_notices(at=DAY, limit=100)
    amounts = Notice.objects.order_by("client_id").values_list("values__amount__money", flat=True)
    assert list(amounts) == [50_00, 25_00]


def test_a_portfolio_below_its_start_is_told_gently(held):
    strategy, policies = held
    happened(evaluated(strategy, outcome="SAVED", average="0.9999"), policies, kind="coupon.saved")
    queue_notices(at=DAY, limit=100)
    notice = Notice.objects.get()
    assert (notice.template.code, notice.variant) == ("coupon.saved", "gentle")
    assert "amount" not in notice.values
    assert notice.values["remembered"]["money"] == 50_00


def test_a_called_strategy_tells_what_is_paid_back_and_no_next_date(held):
    strategy, policies = held
    result = evaluated(strategy, called=True, paid_back=1000_00)
    strategy.observations.exclude(pk=result.observation_id).update(state="dropped")
    happened(result, policies, kind="strategy.called")
    queue_notices(at=DAY, limit=100)
    values = Notice.objects.get().values
    assert values["redemption"] == {"money": 2000_00, "currency": "USD"}
    assert "next_on" not in values


def test_routing_twice_changes_nothing(held):
    strategy, policies = held
    result = evaluated(strategy)
    happened(result, policies)
    queue_notices(at=DAY, limit=100)
    assert queue_notices(at=DAY, limit=100) == 0
    happened(result, policies, at=DAY + timedelta(seconds=1))  # told again, as after a restore
    assert queue_notices(at=DAY, limit=100) == 2
    assert Notice.objects.count() == 1


def test_news_of_the_distant_past_is_too_old_from_the_start(held):
    strategy, policies = held
    late = DAY + timedelta(days=400)
    happened(evaluated(strategy), policies, at=late)
    queue_notices(at=late, limit=100)
    assert Notice.objects.get().deadline_at < late


def test_an_event_without_a_template_waits_for_one(held):
    strategy, policies = held
    template = Template.objects.filter(code="coupon.accrued")
    template.update(code="coupon.renamed")
    happened(evaluated(strategy), policies)
    assert queue_notices(at=DAY, limit=100) == 0
    assert Inbox.objects.count() == 2


def test_other_listeners_rows_are_left_alone(held):
    strategy, policies = held
    happened(evaluated(strategy), policies)
    Inbox.objects.update(listener="journeys")
    assert queue_notices(at=DAY, limit=100) == 0
    assert Inbox.objects.count() == 2


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_four_who_route_at_once_queue_each_notice_once():
    strategy = factories.strategy()
    for _ in range(10):
        client = factories.client()
        for _ in range(2):
            factories.policy(client, strategy)
    happened(evaluated(strategy), strategy.policies.all())
    start = Barrier(4)

    def route(_):
        start.wait()
        try:
            return sum(iter(lambda: queue_notices(at=DAY, limit=3), 0))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(route, range(4))) == 20
    assert Notice.objects.count() == 10
    assert set(Notice.objects.values_list("values__amount__money", flat=True)) == {50_00}
    assert not Inbox.objects.exists()


def test_an_event_with_values_of_its_own_becomes_a_notice_until_it_is_old_news(db):
    client = factories.client()
    record(
        [
            Fact(
                client.pk, kind, f"client:{client.pk}", DAY, f"{kind}:1",
                {"values": {"what": "Apple"}, "variant": "gentle", **until},
            )
            for kind, until in (
                ("holding.moved", {"until": "2020-03-04T12:00:00+00:00"}), ("deadline.near", {}),
            )
        ]
    )  # fmt: skip
    assert [queue_belongings_news(at=DAY, limit=100) for _ in range(2)] == [2, 0]
    moved, near = Notice.objects.order_by("deadline_at")
    assert (moved.template.code, moved.variant, moved.values) == (
        "holding.moved", "gentle", {"what": "Apple"},
    )  # fmt: skip
    assert (moved.deadline_at, near.deadline_at) == (
        DAY + timedelta(days=2),
        DAY + timedelta(days=7),
    )
