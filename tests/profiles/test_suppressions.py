"""An address that must not be written to stays so, whatever a file, a merge or a new client brings."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model

from apps.profiles.actions.addresses import Address, replace_addresses
from apps.profiles.actions.suppressions import bring_back, hint, lift_suppression, suppress
from apps.profiles.models import Channel, Client, ContactPoint, Suppression
from apps.profiles.queries.suppressions import suppressions

pytestmark = pytest.mark.django_db
AT = datetime(2020, 3, 2, 12, tzinfo=UTC)
PHONE = "+447700900001"


def stop(**fields):
    return suppress(Channel.SMS, PHONE, reason="stop", source="inbound SMS", at=AT, **fields)


def at_phone():
    client = Client.objects.create(created_at=AT)
    replace_addresses([Address(client.pk, Channel.SMS, PHONE)], at=AT)
    return ContactPoint.objects.get(client=client)


def test_a_stop_counts_for_whoever_has_the_address_and_whenever_it_comes_back():
    point = at_phone()
    assert suppressions([point]) == {}
    assert stop()
    assert not stop()
    replace_addresses([Address(point.client_id, Channel.SMS, "+447700900002")], at=AT)
    replace_addresses([Address(point.client_id, Channel.SMS, PHONE)], at=AT)
    other = at_phone()
    assert suppressions([point, other]) == {point.pk: "stop", other.pk: "stop"}
    assert suppressions(ContactPoint.objects.filter(address="+447700900002")) == {}


def test_what_is_said_of_one_client_leaves_another_at_the_same_address_alone():
    mine, his = at_phone(), at_phone()
    assert suppress(Channel.SMS, PHONE, reason="removed", source="desk", at=AT, client=mine.client)
    assert suppressions([mine, his]) == {mine.pk: "removed"}


def test_a_suppression_is_lifted_by_a_person_once():
    anna = get_user_model().objects.create_user("anna")
    point = at_phone()
    stop()
    one = Suppression.objects.get()
    assert lift_suppression(one.pk, by=anna, at=AT)
    assert not lift_suppression(one.pk, by=anna, at=AT)
    assert suppressions([point]) == {}
    assert stop()


def test_a_suppression_shows_enough_to_recognise_and_no_more():
    assert hint("sms", "+79161234567") == "+79•••••4567"
    assert hint("email", "anna@example.com") == "a•••@example.com"
    stop()
    assert PHONE.encode() not in bytes(Suppression.objects.get().address_hash)


def test_an_address_that_bounced_does_not_come_back_good_with_a_later_file():
    point = at_phone()
    ContactPoint.objects.filter(pk=point.pk).update(state="bounced")
    for address in ("+447700900002", PHONE):
        replace_addresses([Address(point.client_id, Channel.SMS, address)], at=AT)
    point.refresh_from_db()
    assert point.state == ContactPoint.State.BOUNCED


def test_what_a_person_said_of_an_address_he_takes_back_and_the_stop_stays():
    anna = get_user_model().objects.create_user("anna")
    mine, his = at_phone(), at_phone()
    said = {"source": "desk", "at": AT, "by": anna}
    suppress(Channel.SMS, PHONE, reason="removed", client=mine.client, **said)
    suppress(Channel.SMS, PHONE, reason="bounced", **said)
    assert suppressions([mine, his]) == {mine.pk: "bounced", his.pk: "bounced"}
    assert bring_back(mine, by=anna, at=AT) == 2
    assert bring_back(mine, by=anna, at=AT) == 0
    assert suppressions([mine, his]) == {}
    stop()
    assert bring_back(mine, by=anna, at=AT) == 0
    assert suppressions([mine]) == {mine.pk: "stop"}
