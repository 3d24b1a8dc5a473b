"""Who is who in the back office: both side by side, decided once, by whom it needs."""

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from apps.core.admin.display import page_url
from apps.profiles.actions.conflicts import Claim, hold_claims
from apps.profiles.actions.duplicates import suggest_duplicates
from apps.profiles.models import (
    Client,
    Conflict,
    ContactPoint,
    Duplicate,
    Identifier,
    Merge,
    Suppression,
)
from apps.profiles.queries.suppressions import suppressions
from tests import factories
from tests.admin.scene import EVENING
from tests.admin.test_pages import staff_who_may

pytestmark = pytest.mark.django_db
PHONE = "+447700900001"
RIGHTS = (
    "see_personal",
    "view_merge",
    "view_client",
    "change_merge",
    "view_duplicate",
    "view_conflict",
)


@pytest.fixture
def pair():
    made = []
    for name in ("Ada", "Adele"):
        client = Client.objects.create(first_name=name, last_name="Test", created_at=EVENING)
        ContactPoint.objects.create(client=client, channel="sms", address=PHONE)
        Identifier.objects.create(client=client, kind="core_id", value=f"C-{client.pk}")
        made.append(client)
    suggest_duplicates([made[0].pk], at=EVENING)
    return made


def look(pair):
    return reverse("admin:profiles_merge_look", args=[client.pk for client in pair])


def seen(client, pair):
    return client.get(look(pair)).context["look"].seen


def second(name="second"):
    """Log in a member of staff who may decide, but is nobody's boss."""
    user = staff_who_may(*(f"profiles.{right}" for right in RIGHTS))
    get_user_model().objects.filter(pk=user.pk).update(username=name)
    return user


def test_the_queue_leads_to_both_side_by_side_and_to_one_client(admin_client, pair):
    kept, dropped = pair
    page = admin_client.get(page_url(Duplicate.objects.get())).content.decode()
    for text in ("Ada Test", "Adele Test", PHONE, f"C-{kept.pk}", f"C-{dropped.pk}"):
        assert text in page
    said = {"do": "merge", "reason": "one passport", "seen": seen(admin_client, pair)}
    answer = admin_client.post(look(pair), said, follow=True)
    assert "They are one client now." in answer.content.decode()
    assert Merge.objects.get().state == "merged"
    assert Duplicate.objects.get().state == "merged"
    found = admin_client.get(reverse("admin:profiles_client_changelist")).content.decode()
    assert ("Ada Test" in found, "Adele Test" in found) == (True, False)
    gone = admin_client.get(page_url(dropped)).content.decode()
    assert "stands for this client now" in gone
    back = reverse("admin:profiles_merge_do", args=[Merge.objects.get().pk, "take_back"])
    assert "two clients again" in admin_client.post(back, follow=True).content.decode()
    assert kept.identifiers.count() == dropped.identifiers.count() == 1


def test_a_merge_without_a_reason_or_after_a_change_is_not_done(admin_client, pair):
    mark = seen(admin_client, pair)
    page = admin_client.post(look(pair), {"do": "merge", "reason": "", "seen": mark})
    assert "This field is required" in page.content.decode()
    pair[1].contact_points.create(channel="email", address="new@example.com")
    said = {"do": "merge", "reason": "so", "seen": mark}
    page = admin_client.post(look(pair), said, follow=True).content.decode()
    assert "has changed since you looked" in page
    assert not Merge.objects.exists()


def test_two_people_are_told_apart_from_the_same_page(admin_client, pair):
    asked = Duplicate.objects.get()
    admin_client.post(look(pair), {"do": f"different:{asked.pk}"})
    assert Duplicate.objects.get().state == "different"
    assert "told them apart" in admin_client.get(look(pair)).content.decode()


def test_money_of_two_waits_for_a_second_person(client, admin_client, pair):
    for each in pair:
        factories.policy(each, factories.strategy())
    page = admin_client.get(look(pair)).content.decode()
    assert "Both hold money." in page
    assert "$1,000.00" in page
    assert "$2,000.00" in page
    mark = seen(admin_client, pair)
    admin_client.post(look(pair), {"do": "merge", "reason": "one passport", "seen": mark})
    merge = Merge.objects.get()
    confirm = {"do": f"confirm:{merge.pk}", "seen": mark}
    page = admin_client.post(look(pair), confirm, follow=True).content.decode()
    assert "second person must confirm it" in page
    client.force_login(second())
    assert "one passport" in client.get(page_url(merge)).content.decode()
    client.post(look(pair), confirm)
    merge.refresh_from_db()
    assert (merge.state, merge.decided_by.username) == ("merged", "second")


def test_a_contradiction_shows_what_the_source_says_and_is_decided(admin_client, pair):
    kept, dropped = pair
    row = {"core_id": f"C-{dropped.pk}", "contract": "K-1"}
    claim = Claim(kept.pk, "core_id", f"C-{dropped.pk}", "file:clients.csv", 7, row)
    hold_claims([claim], at=EVENING)
    conflict = Conflict.objects.get()
    page = admin_client.get(page_url(conflict)).content.decode()
    assert "file:clients.csv" in page
    assert "(line 7)" in page
    assert "K-1" in page
    both = reverse("admin:profiles_merge_look", args=[dropped.pk, kept.pk])
    admin_client.post(both, {"do": f"give:{conflict.pk}"})
    assert Identifier.objects.get(value=f"C-{dropped.pk}").client == kept


@pytest.mark.parametrize("right", ["view_merge", "view_client"])
def test_who_may_not_see_both_sees_neither(client, pair, right):
    rights = {f"profiles.{each}" for each in RIGHTS} - {f"profiles.{right}"}
    client.force_login(staff_who_may(*rights))
    assert client.get(look(pair)).status_code == 403


@pytest.mark.parametrize("right", ["change_merge", "see_personal"])
def test_who_may_only_look_or_reads_masks_decides_nothing(client, pair, right):
    rights = {f"profiles.{each}" for each in RIGHTS} - {f"profiles.{right}"}
    client.force_login(staff_who_may(*rights))
    assert "Your decision" not in client.get(look(pair)).content.decode()
    assert client.post(look(pair), {"do": "merge"}).status_code == 403


def test_the_start_page_tells_what_waits(admin_client, pair):
    page = admin_client.get(reverse("admin:index")).content.decode()
    assert "Clients who may be one person" in page
    assert "Contradictions about who is who" not in page


def test_an_address_taken_away_by_a_person_is_remembered_until_he_brings_it_back(
    admin_client, pair
):
    point, other = ContactPoint.objects.order_by("pk")
    form = {"client": point.client_id, "channel": "sms", "address": PHONE, "state": "removed"}
    admin_client.post(page_url(point), form)
    ContactPoint.objects.filter(pk=point.pk).update(state="valid")  # as a file would
    assert suppressions([point, other]) == {point.pk: "removed"}
    ContactPoint.objects.filter(pk=point.pk).update(state="removed")
    admin_client.post(page_url(point), {**form, "state": "valid"})
    assert suppressions([point, other]) == {}


def test_an_address_is_stopped_and_let_go_by_hand(admin_client, pair):
    add = reverse("admin:profiles_suppression_add")
    said = {"channel": "sms", "address": "+44 7700 900001", "reason": "stop", "source": "a call"}
    answer = admin_client.post(add, said, follow=True)
    assert "Nobody is written to" in answer.content.decode()
    assert set(suppressions(ContactPoint.objects.all()).values()) == {"stop"}
    bad = admin_client.post(add, {**said, "address": "7700"}).content.decode()
    assert "no phone number" in bad
    lift = reverse("admin:profiles_suppression_do", args=[Suppression.objects.get().pk, "lift"])
    admin_client.post(lift)
    assert suppressions(ContactPoint.objects.all()) == {}
    stop = reverse("admin:profiles_contactpoint_do", args=[ContactPoint.objects.first().pk, "stop"])
    admin_client.post(stop)
    assert set(suppressions(ContactPoint.objects.all()).values()) == {"stop"}
