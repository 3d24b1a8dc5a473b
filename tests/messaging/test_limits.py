"""The size over which a sending needs approval: one person lowers it, two raise it."""

from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from apps.messaging.actions.limits import LimitError, confirm_limit, decline_limit, limit, set_limit
from apps.messaging.models.approvals import ApprovalLimit
from tests.messaging.world import DAY

pytestmark = pytest.mark.django_db


def person(name):
    return get_user_model().objects.create_user(name, is_staff=True)


def asked(by, clients=5000):
    return set_limit(clients, reason="A large campaign.", by=by, at=DAY).pk


def test_one_person_lowers_the_limit_and_two_raise_it():
    anna, boris = person("anna"), person("boris")
    assert set_limit(500, reason="A new rule.", by=anna, at=DAY).state == "set"
    assert limit().clients == 500
    number = asked(anna)
    assert limit().clients == 500
    with pytest.raises(LimitError, match="second person"):
        confirm_limit(number, by=anna, at=DAY)
    assert limit().clients == 500
    assert [confirm_limit(number, by=boris, at=DAY) for _ in range(2)] == [True, False]
    assert limit().clients == 5000
    assert decline_limit(number, by=boris, at=DAY) is False
    row = ApprovalLimit.objects.get(pk=number)
    assert (row.set_by, row.decided_by, row.decided_at) == (anna, boris, DAY)


def test_a_raise_is_declined_once_and_by_the_asker_too():
    anna, boris = person("anna"), person("boris")
    number = asked(anna)
    assert [decline_limit(number, by=anna, at=DAY) for _ in range(2)] == [True, False]
    assert confirm_limit(number, by=boris, at=DAY) is False
    assert limit().clients == 1000


def test_whoever_lowers_it_takes_back_what_was_asked_for_before():
    anna, boris = person("anna"), person("boris")
    number = asked(anna)
    set_limit(800, reason="After a mistake.", by=boris, at=DAY)
    assert confirm_limit(number, by=boris, at=DAY) is False
    assert limit().clients == 800


def test_of_two_wishes_the_one_that_is_confirmed_counts():
    anna, boris = person("anna"), person("boris")
    lower, higher = asked(anna, 2000), asked(anna, 9000)
    assert confirm_limit(lower, by=boris, at=DAY)
    assert confirm_limit(higher, by=boris, at=DAY) is False
    assert limit().clients == 2000


def test_the_database_itself_refuses_a_limit_that_one_person_raised():
    anna = person("anna")
    with pytest.raises(IntegrityError), transaction.atomic():
        ApprovalLimit.objects.create(clients=1001, reason="x", set_by=anna)
    rows = ApprovalLimit.objects.filter(pk=asked(anna))
    for change in ({"state": "set"}, {"state": "set", "decided_by": anna}, {"clients": 1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.delete()
    assert limit().clients == 1000


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_of_many_who_confirm_at_once_one_does():
    number = asked(person("anna"))

    def confirming(by):
        try:
            return confirm_limit(number, by=by, at=DAY)
        finally:
            connection.close()

    others = [person(f"other{place}") for place in range(4)]
    with ThreadPoolExecutor(len(others)) as pool:
        assert sorted(pool.map(confirming, others)) == [False, False, False, True]


def test_two_of_compliance_raise_it_in_the_back_office(client):
    call_command("make_roles", stdout=StringIO())
    anna, boris = person("anna"), person("boris")
    for one in (anna, boris):
        one.groups.add(Group.objects.get(name="Compliance"))
    client.force_login(anna)
    add = reverse("admin:messaging_approvallimit_add")
    said = {"clients": 5000, "reason": "A large campaign."}
    assert "Now a second person" in client.post(add, said, follow=True).content.decode()
    row = ApprovalLimit.objects.get(state="asked")
    give = reverse("admin:messaging_approvallimit_do", args=[row.pk, "raise_it"])
    assert "You asked to raise it" in client.post(give, follow=True).content.decode()
    assert "is asked for" in client.get(reverse("admin:index")).content.decode()
    client.force_login(boris)
    page = reverse("admin:messaging_approvallimit_change", args=[row.pk])
    assert "Leave it as it is" in client.get(page).content.decode()
    assert "more than 5,000 clients" in client.post(give, follow=True).content.decode()
    assert limit().clients == 5000
