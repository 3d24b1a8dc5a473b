"""A browser joins the client whose it is proven to be, and nobody else; a forwarded link proves nothing."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.test import Client

from apps.events.models import Event
from apps.landing.actions.joining import FORGOTTEN, forget_visitors, note_visit
from apps.landing.actions.subscriptions import ask_subscription
from apps.landing.models import EmailSubscription, Visit, Visitor
from apps.landing.visitors import Belief, Evidence, belief
from apps.messaging.actions.links import make_link
from apps.messaging.actions.staff_links import open_for_staff
from apps.profiles.models import Identifier
from tests import factories
from tests.landing.test_views import PHONE
from tests.messaging.world import planned

AGENT = {"User-Agent": PHONE}


def shown(client, channel=""):
    return Evidence(client, confirmed=False, channel=channel)


@pytest.mark.parametrize(
    ("seen", "whose"),
    [
        ([], Belief()),
        ([shown(1, "sms")], Belief()),
        ([shown(1, "sms"), shown(1, "sms"), shown(1)], Belief()),
        ([shown(1, "sms"), shown(1, "email")], Belief(client=1)),
        ([Evidence(1, confirmed=True)], Belief(client=1)),
        ([Evidence(1, confirmed=True), shown(2)], Belief(is_shared=True)),
        ([shown(1, "sms"), shown(1, "email"), shown(2, "sms")], Belief(is_shared=True)),
        ([shown(1, "sms"), shown(2, "email")], Belief(is_shared=True)),
    ],
)
def test_a_browser_is_somebodys_only_where_that_is_proven(seen, whose):
    assert belief(seen) == whose


def by_two_ways(client, at):
    """Make links that a client got by SMS and by e-mail."""
    for channel in ("sms", "email"):
        client.preferred_channel = channel
        client.save()
        (message,) = planned(client, code="coupon.accrued", key=f"{channel}:{client.pk}", at=at)
        yield make_link(client, subject="", at=at, message=message)


def press(browser, token):
    return browser.post(f"/p/{token}/show/", headers=AGENT)


def timeline(client, *kinds):
    return list(Event.objects.filter(client=client, kind__in=kinds).values_list("kind", flat=True))


def test_who_only_opens_a_page_leaves_no_trace_of_his_browser(client, world):
    client.get(f"/s/{world.token}", headers=AGENT)
    answer = client.get(world.page, headers=AGENT)
    assert "visitor" not in answer.cookies
    assert not Visitor.objects.exists()


def test_a_browser_of_two_ways_joins_with_what_it_missed_before(client, world, today):
    (_sms, one), (_mail, other) = by_two_ways(world.client, today)
    cookie = press(client, one).cookies["visitor"]
    assert cookie["httponly"]
    assert cookie["max-age"] == FORGOTTEN.total_seconds()
    client.get("/p/" + "A" * 22 + "/", headers=AGENT)
    assert Visitor.objects.get().state == "anonymous"
    assert timeline(world.client, "visitor.joined", "page.missed") == []
    press(client, other)
    press(client, other)
    assert Visitor.objects.get().client == world.client
    assert sorted(timeline(world.client, "visitor.joined", "page.missed")) == [
        "page.missed", "visitor.joined",
    ]  # fmt: skip
    assert Identifier.objects.filter(kind="cookie", client=world.client).count() == 1
    client.get("/p/" + "B" * 22 + "/", headers=AGENT)
    assert len(timeline(world.client, "page.missed")) == 2


def test_a_spouse_to_whom_a_link_was_forwarded_stays_unknown_and_parts_who_was_joined(
    client, world, today
):
    spouse = factories.client()
    _link, own = make_link(spouse, subject="", at=today)
    links = [token for _link, token in by_two_ways(world.client, today)]
    other_browser = Client()
    press(other_browser, links[0])
    assert Visitor.objects.get().state == "anonymous"
    for token in links:
        press(client, token)
    assert Visitor.objects.get(state="joined").client == world.client
    press(client, own)  # at the family's computer
    shared = Visitor.objects.get(state="shared")
    assert (shared.client, shared.joined_at) == (None, None)
    assert not Identifier.objects.filter(kind="cookie").exists()
    press(client, links[0])
    assert Visitor.objects.get(pk=shared.pk).state == "shared"


def confirmed(client, world, address):
    """Ask for a letter in the browser, and confirm by its link."""
    press(client, world.token)
    client.post(f"{world.page}subscribe/", {"address": address}, headers=AGENT)
    asked = EmailSubscription.objects.get()
    letter = world.client.notices.get(template__code="email.confirm").values["confirm_url"]["url"]
    token = re.search(r"/e/([\w-]+)", letter)[1]
    client.post(f"/e/{token}", headers=AGENT)
    asked.refresh_from_db()
    assert asked.confirmed_at
    return asked


def test_a_known_address_confirmed_in_the_browser_that_asked_joins_it(client, world):
    known = world.client.contact_points.get(channel="email")
    asked = confirmed(client, world, known.address)
    assert asked.was_known
    assert Visitor.objects.get().client == world.client


def test_an_address_written_by_whoever_holds_the_link_proves_nothing(client, world):
    asked = confirmed(client, world, "spouse@example.com")
    assert not asked.was_known
    assert Visitor.objects.get().state == "anonymous"


def test_an_address_is_taken_in_the_one_spelling_and_no_look_alike(client, world):
    press(client, world.token)
    for address in ("аnna@example.com", "Anna@Example.COM"):
        client.post(f"{world.page}subscribe/", {"address": address}, headers=AGENT)
    assert EmailSubscription.objects.get().contact_point.address == "anna@example.com"


def test_asking_again_makes_no_new_address_a_known_one(world, today):
    for minutes in (0, 30):
        ask_subscription(world.link, "new@example.com", at=today + timedelta(minutes=minutes))
    assert not EmailSubscription.objects.get().was_known


def test_staff_and_machines_leave_no_visits(client, world, today, django_user_model):
    boss = django_user_model.objects.create_user("boss")
    token = open_for_staff(world.client, by=boss, at=today)
    answer = press(client, token)
    assert "visitor" not in answer.cookies
    press(client, world.token)
    client.get(f"/s/{world.token}", headers={"User-Agent": "LinkScan/1.0"})
    assert list(Visit.objects.values_list("deed", flat=True)) == ["shown"]


def test_a_browser_that_stays_away_is_forgotten_once(client, world, today):
    for _link, token in by_two_ways(world.client, today):
        press(client, token)
    assert forget_visitors(at=today + FORGOTTEN - timedelta(days=1)) == 0
    assert forget_visitors(at=today + FORGOTTEN + timedelta(days=1)) == 1
    assert forget_visitors(at=today + FORGOTTEN + timedelta(days=1)) == 0
    assert not Identifier.objects.filter(kind="cookie").exists()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_four_presses_at_once_join_once(today):
    owner = factories.client()
    links = [link for link, _token in by_two_ways(owner, today)] * 2
    start = Barrier(4)

    def run(link):
        start.wait()
        try:
            return note_visit("one browser", "shown", link=link, at=today)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(run, links))
    assert Visitor.objects.get().client == owner
    assert Event.objects.filter(kind="visitor.joined").count() == 1
