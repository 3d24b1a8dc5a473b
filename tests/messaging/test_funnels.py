"""Funnels: clients step by step, each hit and each purchase counted for one message alone."""

from datetime import timedelta

import pytest
from django.urls import reverse

from apps.events.actions import Fact, record
from apps.messaging.actions.hits import Seen, record_seen
from apps.messaging.actions.links import links_for, make_link
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.providers import Provider
from apps.messaging.models.sendings import Sending
from apps.messaging.queries.funnels import (
    Funnel,
    costs,
    funnel_of_sending,
    funnel_of_template,
    refusals,
)
from tests import factories
from tests.messaging.world import DAY, planned

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def sending():
    return Sending.objects.create(title="Spring", source="campaign:1")


def meant(sending, *, sent=DAY, **fields):
    """One client of the sending, his message sent unless it waits."""
    (message,) = planned(factories.client())
    Notice.objects.filter(pk=message.notice_id).update(sending=sending)
    Message.objects.filter(pk=message.pk).update(sent_at=sent, **fields)
    return Message.objects.select_related("notice").get(pk=message.pk)


def clicked(message, at):
    (link,) = links_for([message], at=DAY).values()
    record_seen([Seen(bytes(link.token_hash), at, gesture="touch")])
    return link


def bought(message, at):
    client = message.notice.client_id
    record([Fact(client, "purchase.made", "order:1", at, f"order:{client}:{at}")])


def test_each_step_holds_those_of_the_step_before(sending, admin_client):
    meant(sending, sent=None)
    meant(sending)
    meant(sending, delivered_at=DAY)
    meant(sending, seen_at=DAY)  # as a messenger says: read, and no link followed
    only_looked, buyer = meant(sending), meant(sending)
    clicked(only_looked, DAY + HOUR)
    clicked(buyer, DAY + HOUR)
    clicked(buyer, DAY + 2 * HOUR)
    bought(buyer, DAY + 3 * HOUR)
    bought(buyer, DAY + 4 * HOUR)
    funnel = Funnel(meant=6, sent=5, delivered=4, seen=3, clicked=2, converted=1)
    assert funnel_of_sending(sending) == funnel
    template = buyer.notice.template
    assert funnel_of_template(template, at=DAY + timedelta(days=29)) == funnel
    assert funnel_of_template(template, at=DAY + timedelta(days=31)).meant == 0
    page = reverse("admin:messaging_sending_change", args=[sending.pk])
    assert "83 % of the step before" in admin_client.get(page).content.decode()


def test_a_purchase_before_the_visit_or_long_after_it_is_not_its_doing(sending):
    for after in (-HOUR, timedelta(days=8)):
        message = meant(sending)
        clicked(message, DAY + HOUR)
        bought(message, DAY + HOUR + after)
    assert funnel_of_sending(sending).converted == 0


def test_a_visit_after_a_later_message_counts_for_that_one(sending):
    message = meant(sending, seen_at=DAY)
    link = clicked(message, DAY + 3 * HOUR)
    assert funnel_of_sending(sending).clicked == 1
    (later,) = planned(message.notice.client, key="later")
    Notice.objects.filter(pk=later.notice_id).update(subject=message.notice.subject)
    Message.objects.filter(pk=later.pk).update(sent_at=DAY + 2 * HOUR)
    assert (funnel_of_sending(sending).seen, funnel_of_sending(sending).clicked) == (1, 0)
    assert link.contact_point_id == later.contact_point_id


def test_a_purchase_counts_for_the_link_followed_last(sending):
    message = meant(sending)
    clicked(message, DAY + HOUR)
    other, _token = make_link(message.notice.client, subject="policy:9", at=DAY)
    record_seen([Seen(bytes(other.token_hash), DAY + 2 * HOUR, gesture="key")])
    bought(message, DAY + 3 * HOUR)
    funnel = funnel_of_sending(sending)
    assert (funnel.clicked, funnel.converted) == (1, 0)


def test_a_sending_says_what_it_cost_and_why_some_were_not_told(sending):
    provider = Provider.objects.create(
        name="smpp-one", channel="sms", kind="smpp", cost=3, currency="EUR"
    )
    for cost in (3, 6, None):
        meant(sending, cost=cost, carried_by=provider)
    assert costs(sending) == [("EUR", 9)]
    for reason in ("no_consent", "no_consent", "held_out"):
        message = meant(sending, sent=None)
        Notice.objects.filter(pk=message.notice_id).update(state="skipped", reason=reason)
    assert refusals(sending, most=1) == [("no_consent", 2)]
