"""A contract's dates and money become notices: one a client, strategy and day; stale ones none."""

from datetime import UTC, date, datetime, timedelta

import pytest

from apps.core.admin.display import page_url
from apps.events.models import Inbox
from apps.messaging.actions.contracts import queue_contract_news
from apps.messaging.actions.planning import plan_messages
from apps.messaging.actions.routing import queue_notices
from apps.messaging.models.content import Template
from apps.messaging.models.outbox import Message, Notice
from apps.products.actions.lifecycle import record_milestones
from apps.products.actions.payments import cancel, mark_paid
from apps.products.models.holdings import Payment, Policy
from tests import factories
from tests.messaging.world import DAY

pytestmark = pytest.mark.django_db

TODAY = DAY.date()


@pytest.fixture
def policies():
    """Two policies of one client on one strategy, to end on 30 November 2020."""
    strategy = factories.strategy(name="US Technology", tranche="7")
    client = factories.client()
    return [factories.policy(client, strategy) for _ in range(2)]


def due(policies, kind, amount, on=TODAY):
    return [
        Payment.objects.create(policy=policy, kind=kind, amount=amount, due_on=on).pk
        for policy in policies
    ]


def queued(at=DAY):
    assert queue_notices(at=at, limit=100) == 0
    queue_contract_news(at=at, limit=100)
    assert not Inbox.objects.exists()
    return list(Notice.objects.order_by("pk"))


def test_what_is_paid_on_a_day_is_told_once_with_its_sum(policies):
    mark_paid(due(policies, "coupon", 25_00), on=TODAY, at=DAY)
    mark_paid(due(policies[:1], "redemption", 1000_00), on=TODAY, at=DAY)
    (notice,) = queued()
    assert (notice.template.code, notice.variant) == ("payment.paid", "plain")
    assert notice.deadline_at == DAY + timedelta(days=7)
    assert notice.values == {
        "strategy": "US Technology",
        "tranche": "7",
        "policies": 2,
        "on": {"date": "2020-03-02"},
        "amount": {"money": 1050_00, "currency": "USD"},
        "redemption": {"money": 1000_00, "currency": "USD"},
    }
    assert len(queued()) == 1


def test_two_batches_make_one_notice_and_more_money_another(policies):
    mark_paid(due(policies, "coupon", 25_00), on=TODAY, at=DAY)
    assert [queue_contract_news(at=DAY, limit=1) for _ in range(3)] == [1, 1, 0]
    assert Notice.objects.count() == 1
    mark_paid(due(policies[:1], "coupon", 5_00), on=TODAY, at=DAY)
    assert [notice.values["amount"]["money"] for notice in queued()] == [50_00, 55_00]


def test_what_was_paid_in_is_not_told_as_paid_out(policies):
    mark_paid(due(policies, "premium", 1000_00), on=TODAY, at=DAY)
    assert queued() == []


def test_a_payment_is_announced_unless_it_comes_or_is_called_off_first(policies):
    in_time = TODAY + timedelta(3)
    paid, cancelled, open_one = due([*policies, policies[0]], "premium", 100_00, on=in_time)
    record_milestones(at=DAY)
    mark_paid([paid], on=TODAY, at=DAY)
    cancel([cancelled], because="Agreed.", on=TODAY, at=DAY)
    (notice,) = queued()
    assert notice.template.code == "payment.due"
    assert notice.values["amount"] == {"money": 100_00, "currency": "USD"}
    assert Payment.objects.get(pk=open_one).state == "planned"


def at(day):
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def test_an_end_that_is_near_is_told_once(policies):
    for day in (date(2020, 10, 31), date(2020, 11, 1)):
        record_milestones(at=at(day))
        (notice,) = queued(at(day))
    assert (notice.template.code, notice.values["policies"]) == ("policy.maturing", 2)
    assert notice.values["on"] == {"date": "2020-11-30"}


def test_a_contract_that_was_closed_meanwhile_is_not_told_of_its_end(policies):
    record_milestones(at=at(date(2020, 10, 31)))
    Policy.objects.update(state="called", closed_on=date(2020, 10, 31))
    assert queued(at(date(2020, 10, 31))) == []


def test_news_that_a_standstill_has_made_old_reaches_nobody(policies):
    late = at(date(2020, 11, 20))
    record_milestones(at=late)
    queued(late)
    plan_messages(at=late, limit=100)
    assert not Message.objects.exists()
    assert {notice.state for notice in Notice.objects.all()} == {"skipped"}


def test_a_near_observation_is_not_told_unless_somebody_wants_it(policies, admin_client):
    record_milestones(at=at(date(2020, 2, 22)))
    assert queued(at(date(2020, 2, 22))) == []
    page = page_url(Template.objects.get(code="observation.near")).replace("change", "do")
    admin_client.post(f"{page}tell_clients/")
    record_milestones(at=at(date(2020, 5, 23)))
    assert [notice.template.code for notice in queued(at(date(2020, 5, 23)))] == [
        "observation.near"
    ]
    admin_client.post(f"{page}tell_nobody/")
    record_milestones(at=at(date(2020, 8, 25)))
    assert len(queued(at(date(2020, 8, 25)))) == 1
