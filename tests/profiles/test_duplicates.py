"""Who may be one is suggested, decided by a person and not asked twice; contradictions wait."""

from datetime import UTC, date, datetime

import pytest
from django.contrib.auth import get_user_model

from apps.profiles.actions.conflicts import (
    Claim,
    ConflictError,
    give_identifier,
    hold_claims,
    keep_identifier,
)
from apps.profiles.actions.duplicates import CROWD, suggest_duplicates, tell_apart
from apps.profiles.models import Client, Conflict, ContactPoint, Duplicate, Identifier
from tests import factories

pytestmark = pytest.mark.django_db
AT = datetime(2020, 3, 2, 12, tzinfo=UTC)
PHONE = "+447700900001"


@pytest.fixture
def anna():
    return get_user_model().objects.create_user("anna")


@pytest.fixture
def bob():
    return get_user_model().objects.create_user("bob")


def person(first_name, *, phone=PHONE, **fields):
    client = Client.objects.create(first_name=first_name, last_name="Test", created_at=AT, **fields)
    if phone:
        ContactPoint.objects.create(client=client, channel="sms", address=phone)
    return client


def pairs():
    return {(one.first_id, one.second_id): one.shares for one in Duplicate.objects.all()}


def test_clients_at_one_address_are_suggested_once_and_told_apart_for_good(anna):
    one, two = person("Ada"), person("Ada")
    assert suggest_duplicates([two.pk], at=AT) == 1
    assert suggest_duplicates([one.pk, two.pk], at=AT) == 0
    assert pairs() == {(one.pk, two.pk): ["sms"]}
    pair = Duplicate.objects.get()
    assert tell_apart(pair.pk, by=anna, at=AT)
    assert not tell_apart(pair.pk, by=anna, at=AT)
    assert suggest_duplicates([one.pk, two.pk], at=AT) == 0
    assert Duplicate.objects.get().state == "different"


def test_a_suggestion_goes_when_nothing_speaks_for_it_any_more():
    one, two = person("Ada"), person("Ada")
    suggest_duplicates([one.pk], at=AT)
    one.contact_points.update(state="removed")
    suggest_duplicates([one.pk], at=AT)
    assert pairs() == {}
    assert two.contact_points.count() == 1


@pytest.mark.parametrize(
    ("one", "two", "suggested"),
    [
        ({"birth_on": date(1970, 1, 1)}, {"birth_on": date(1971, 1, 1)}, []),  # of one household
        ({"birth_on": date(1970, 1, 1)}, {}, ["sms"]),
        ({}, {}, ["sms"]),
        ({"phone": ""}, {"phone": ""}, None),
        ({"birth_on": date(1970, 1, 1), "phone": ""}, {"birth_on": date(1970, 1, 1)}, None),
    ],
)
def test_a_shared_phone_suggests_unless_birth_dates_tell_two_people(one, two, suggested):
    ada, bea = person("Ada", **one), person("Bea", **two)
    suggest_duplicates([ada.pk], at=AT)
    assert pairs() == ({(ada.pk, bea.pk): suggested} if suggested else {})


def test_one_name_and_one_birthday_suggest_without_an_address():
    born = date(1970, 1, 1)
    one, two = person("Ada", phone="", birth_on=born), person("Ada", birth_on=born)
    person("Ada", phone="", birth_on=date(1970, 1, 2))
    assert suggest_duplicates([two.pk], at=AT) == 1
    assert pairs() == {(one.pk, two.pk): ["name"]}


def test_a_crowd_at_one_address_is_an_office_and_no_question():
    crowd = [person(f"Ada {n}") for n in range(CROWD + 1)]
    assert suggest_duplicates([client.pk for client in crowd], at=AT) == 0
    crowd[0].contact_points.all().delete()
    assert suggest_duplicates([crowd[1].pk], at=AT) == CROWD * (CROWD - 1) / 2


def claimed(*clients):
    for client in clients:
        Identifier.objects.create(client=client, kind="core_id", value=f"C-{client.pk}")
    one, two = clients
    return Claim(one.pk, "core_id", f"C-{two.pk}", "file:a.csv", 7, {"core_id": f"C-{two.pk}"})


def test_a_crowd_of_one_name_and_birthday_is_a_placeholder_and_no_question():
    born = date(1980, 2, 3)
    many = [
        factories.client(first_name="Nomen", last_name="Nescio", birth_on=born)
        for _ in range(CROWD + 1)
    ]
    assert suggest_duplicates([each.pk for each in many[1:]], at=AT) == 0
    Client.objects.filter(pk=many[0].pk).update(last_name="Another")
    assert suggest_duplicates([many[1].pk], at=AT) == CROWD * (CROWD - 1) // 2


def test_an_identifier_of_another_client_is_held_and_asked_about_once(anna):
    one, two = person("Ada"), person("Bea")
    claim = claimed(one, two)
    own = Claim(two.pk, "core_id", f"C-{two.pk}", "file:a.csv")
    assert hold_claims([claim, own], at=AT) == 1
    assert hold_claims([claim], at=AT) == 0
    conflict = Conflict.objects.get()
    assert (conflict.claimant, conflict.holder, conflict.line) == (one, two, 7)
    assert Identifier.objects.get(value=claim.value).client == two
    assert keep_identifier(conflict.pk, by=anna, at=AT)
    assert not keep_identifier(conflict.pk, by=anna, at=AT)
    assert hold_claims([claim], at=AT) == 0


def test_an_identifier_goes_to_another_client_on_one_persons_word_only_without_money(anna, bob):
    one, two = person("Ada"), person("Bea")
    hold_claims([claimed(one, two)], at=AT)
    conflict = Conflict.objects.get()
    factories.policy(two, factories.strategy())
    assert give_identifier(conflict.pk, by=anna, at=AT) == "proposed"
    with pytest.raises(ConflictError, match="second person"):
        give_identifier(conflict.pk, by=anna, at=AT)
    assert give_identifier(conflict.pk, by=bob, at=AT) == "moved"
    assert Identifier.objects.get(value=conflict.value).client == one
    with pytest.raises(ConflictError, match="decided on this already"):
        give_identifier(conflict.pk, by=bob, at=AT)


def test_an_identifier_that_its_holder_lost_meanwhile_goes_nowhere(anna):
    one, two, three = person("Ada"), person("Bea"), person("Cleo")
    hold_claims([claimed(one, two)], at=AT)
    conflict = Conflict.objects.get()
    Identifier.objects.filter(value=conflict.value).update(client=three)
    with pytest.raises(ConflictError, match="does not have this identifier any more"):
        give_identifier(conflict.pk, by=anna, at=AT)
