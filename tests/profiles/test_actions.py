"""Addresses and consents change once, in order, and never behind the client's back."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError, connection

from apps.profiles.actions.addresses import Address, replace_addresses
from apps.profiles.actions.consents import Answer, record_consent, record_consents
from apps.profiles.imports.clients import ClientResource
from apps.profiles.models import Channel, Client, ConsentRecord, ContactPoint, Purpose
from apps.profiles.queries import consents
from tests import factories
from tests.importing import import_file

AT = datetime(2020, 3, 2, 12, tzinfo=UTC)


def answer(client, *, granted=True, version="v1", source="form"):
    return Answer(client.pk, Purpose.DIGEST, Channel.EMAIL, granted, version, source)


@pytest.mark.django_db
def test_an_answer_is_recorded_once_until_it_changes():
    client = factories.client(consents=())
    assert record_consent(answer(client), at=AT)
    assert not record_consent(answer(client, source="another form"), at=AT + timedelta(days=1))
    assert record_consent(answer(client, version="v2"), at=AT + timedelta(days=2))
    assert record_consent(answer(client, granted=False), at=AT + timedelta(days=3))
    assert consents([client.pk], Purpose.DIGEST) == set()
    assert record_consents([], at=AT) == 0
    assert ConsentRecord.objects.filter(client=client).count() == 3


@pytest.mark.django_db
def test_a_withdrawal_that_came_in_since_the_file_was_read_stands():
    client = factories.client(consents=())
    record_consent(answer(client), at=AT)
    weighed = ConsentRecord.objects.get().pk
    record_consent(answer(client, granted=False), at=AT + timedelta(seconds=1))
    late = replace(answer(client, version="v2", source="file:c.csv"), weighed=weighed)
    assert not record_consent(late, at=AT + timedelta(seconds=2))
    assert consents([client.pk], Purpose.DIGEST) == set()


@pytest.mark.django_db
def test_an_address_is_replaced_once():
    client = factories.client()
    fresh = Address(client.pk, Channel.SMS, "+79161234567")
    assert replace_addresses([fresh], at=AT) == 1
    assert replace_addresses([fresh], at=AT) == 0
    points = client.contact_points.filter(channel=Channel.SMS)
    assert points.get(address="+79161234567").state == ContactPoint.State.VALID
    assert points.exclude(address="+79161234567").get().state == ContactPoint.State.REMOVED


@pytest.mark.django_db
def test_a_number_that_changes_hands_reaches_its_new_owner():
    anna, bob = factories.client(), factories.client()
    number = "+79161234567"
    replace_addresses([Address(anna.pk, Channel.SMS, number)], at=AT)
    replace_addresses(
        [Address(anna.pk, Channel.SMS, "+79160000000"), Address(bob.pk, Channel.SMS, number)], at=AT
    )
    in_use = ContactPoint.objects.exclude(state=ContactPoint.State.REMOVED)
    assert in_use.get(address=number).client == bob


@pytest.mark.django_db
@pytest.mark.parametrize("rows", ["identifiers", "contact points", "consents"])
def test_a_client_with_rows_of_his_own_stays(rows):
    client = Client.objects.create()
    if rows == "identifiers":
        client.identifiers.create(kind="core_id", value="C-1")
    elif rows == "contact points":
        client.contact_points.create(channel="email", address="a@example.com")
    else:
        record_consent(answer(client), at=AT)
    with connection.cursor() as cursor, pytest.raises(IntegrityError, match=rows):
        cursor.execute("DELETE FROM profiles_client")


@pytest.mark.django_db
def test_a_client_goes_with_his_addresses():
    client = factories.client(consents=())
    client.delete()
    assert not ContactPoint.objects.exists()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_four_forms_at_once_record_one_answer():
    client = factories.client(consents=())
    assert sum(at_once(lambda: record_consent(answer(client), at=AT))) == 1
    assert ConsentRecord.objects.filter(client=client).count() == 1


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_file_confirmed_four_times_at_once_lands_once():
    rows = [f"C-{n},Test,+79161{n:06d},sms,v1" for n in range(200)]
    content = "\n".join(["core_id,last_name,phone,consent_service,consent_text", *rows]).encode()
    reports = at_once(lambda: import_file(ClientResource, content, filename="c.csv", at=AT))
    assert sorted((each.new, each.unchanged) for each in reports) == [(0, 200)] * 3 + [(200, 0)]
    for model in (Client, ContactPoint, ConsentRecord):
        assert model.objects.count() == 200


def at_once(deed, times=4):
    start = Barrier(times)

    def run(_):
        start.wait()
        try:
            return deed()
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))
