"""Who may be told what, where an address was stopped, or clients were made one and two again."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from apps.events.actions.merges import record_merges
from apps.events.models import Event
from apps.messaging.actions import links
from apps.messaging.actions.delivery import deliver_due
from apps.messaging.models.links import Link
from apps.profiles.actions.merging import propose_merge, unmerge
from apps.profiles.actions.suppressions import suppress
from apps.profiles.models import Client
from apps.profiles.queries.merging import preview
from tests.messaging.world import DAY, by_sms, fresh, planned

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna():
    return get_user_model().objects.create_user("anna")


def merged(kept, dropped, by):
    seen = preview(kept, dropped).seen
    return propose_merge(kept.pk, dropped.pk, reason="one passport", by=by, seen=seen, at=DAY)


def test_a_stop_after_planning_stops_the_message(gateway):
    (message,) = planned(by_sms())
    suppress("sms", message.contact_point.address, reason="stop", source="inbound", at=DAY)
    deliver_due(at=DAY, limit=10)
    assert gateway.requests == []
    assert fresh(message).reason == "suppressed"


def test_what_was_planned_for_the_merged_goes_out_and_his_link_opens_the_page(gateway, anna):
    kept, dropped = Client.objects.create(), by_sms()
    (message,) = planned(dropped)
    merged(kept, dropped, anna)
    deliver_due(at=DAY, limit=10)
    assert len(gateway.requests) == 1
    link = Link.objects.get(contact_point=message.contact_point)
    assert links.find_link(links.token_of(link)).client == kept


def test_after_a_mistaken_merge_nothing_more_is_told_at_the_others_address(gateway, anna):
    kept, dropped = by_sms(), by_sms()
    kept.contact_points.update(state="removed")
    merge = merged(kept, dropped, anna)
    sent = planned(kept)
    deliver_due(at=DAY, limit=10)
    waiting = planned(kept, code="coupon.saved")
    link = Link.objects.get(contact_point=sent[0].contact_point)
    assert links.find_link(links.token_of(link)) == link
    unmerge(merge.pk, by=anna, at=DAY)
    assert links.find_link(links.token_of(link)) is None
    deliver_due(at=DAY, limit=10)
    assert len(gateway.requests) == 1
    assert fresh(waiting[0]).reason == "no_address"


def test_a_merge_and_its_end_stand_on_the_timelines_once(anna):
    kept, dropped = by_sms(), by_sms()
    merge = merged(kept, dropped, anna)
    assert record_merges(at=DAY) == 1
    assert record_merges(at=DAY) == 0
    unmerge(merge.pk, by=anna, at=DAY + timedelta(days=1))
    assert record_merges(at=DAY + timedelta(days=1)) == 2
    told = Event.objects.order_by("occurred_at", "client").values_list("client", "kind", "subject")
    assert list(told) == [
        (kept.pk, "client.merged", f"client:{dropped.pk}"),
        (kept.pk, "client.unmerged", f"client:{dropped.pk}"),
        (dropped.pk, "client.unmerged", f"client:{kept.pk}"),
    ]
