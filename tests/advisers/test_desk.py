"""The advisers' desk: the queue, a call from its first click to its outcome, and who may what."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django.urls import reverse

from apps.advisers.models import CallTask
from apps.core import clock
from apps.core.admin.display import list_url, page_url
from apps.events.models import Event
from apps.messaging.actions import inbound
from apps.messaging.models.replies import Reply
from apps.profiles.actions.suppressions import suppress
from apps.profiles.models import Client
from tests import factories
from tests.advisers.world import adviser, awake, callable_client, fresh, in_hand, opened, phone

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(capsys):
    call_command("make_roles")
    user = adviser()
    user.groups.add(Group.objects.get(name="Adviser"))
    return user


@pytest.fixture
def desk(client, ada):
    client.force_login(ada)
    client.user = ada
    return client


def waiting(**fields):
    return opened(awake(), at=clock.now(), **fields)


def step(desk, task, name, **said):
    url = reverse("admin:advisers_calltask_step", args=[task.pk, name])
    return desk.post(url, said, follow=True).content.decode()


def test_a_call_from_the_queue_to_its_outcome(desk):
    task = waiting()
    number = phone(task.client).address
    page = desk.get(list_url(CallTask)).content.decode()
    assert "Next call" in page
    page = desk.post(reverse("admin:advisers_calltask_next"), follow=True).content.decode()
    assert "Hello" in page
    assert number not in page
    page = step(desk, task, "number")
    assert f'href="tel:{number}"' in page
    page = step(desk, task, "outcome", outcome="call_back", note="On Monday?")
    assert "Say when he wants to be called" in page
    assert "On Monday?" in page  # what was written is not lost
    page = step(desk, task, "outcome", outcome="interested", note="A car, too")
    assert "Noted: interested" in page
    assert number not in page
    assert fresh(task).note == "A car, too"
    assert Event.objects.get().kind == "call.interested"


@pytest.mark.parametrize(
    ("zone", "shown"),
    [("Asia/Tokyo", r"15:00 Asia/Tokyo = [^<]+ 06:00 UTC"), ("", "[^=]+ 15:00 UTC")],
)
def test_an_appointment_is_made_by_the_clients_clock(desk, zone, shown):
    task = opened(awake(), at=clock.now())
    source = "stated" if zone else "unknown"
    Client.objects.filter(pk=task.client.pk).update(time_zone=zone, time_zone_source=source)
    in_hand(task, desk.user, at=clock.now())
    day = clock.now() + timedelta(days=3)
    page = step(desk, task, "outcome", outcome="call_back", call_at=f"{day:%Y-%m-%d}T15:00")
    assert len(re.findall(shown, page)) == 2  # told, and kept
    assert fresh(task).call_after.hour == (6 if zone else 15)


def test_a_time_that_a_clock_skips_is_asked_for_again_and_the_note_is_kept(desk):
    task = opened(awake(), at=clock.now())
    Client.objects.filter(pk=task.client.pk).update(time_zone="Europe/Berlin")
    in_hand(task, desk.user, at=clock.now())
    said = {"outcome": "call_back", "note": "In spring", "call_at": "2099-03-29T02:30"}
    page = step(desk, task, "outcome", **said)
    assert "couldn’t be interpreted in time zone Europe/Berlin" in unescape(page)
    assert "In spring" in page


def test_the_number_is_not_shown_once_something_stands_against_the_call(desk):
    task = waiting()
    step(desk, task, "take")
    suppress("sms", phone(task.client).address, reason="stop", source="test", at=clock.now())
    page = step(desk, task, "number")
    assert "The number is stopped" in page
    assert "tel:" not in page


def test_the_gate_is_asked_for_every_call_whatever_asked_for_it(desk):
    """Quiet hours are messaging's word, and reach the desk from above."""
    client = callable_client(time_zone="UTC")
    now = clock.now()
    client.quiet_from, client.quiet_until = (
        f"{(now.hour + hours) % 24:02}:00" for hours in (-1, 2)
    )
    client.save()
    page = step(desk, opened(client, at=now), "take")
    assert "quiet hours" in page


def test_an_adviser_sees_calls_and_nothing_else_of_anybody(desk):
    task = waiting()
    assert desk.get(page_url(task)).status_code == 200
    assert desk.get(reverse("admin:index")).status_code == 200
    assert desk.get(page_url(task.client)).status_code == 403
    url = reverse("admin:advisers_calltask_step", args=[task.pk, "assign"])
    assert desk.post(url).status_code == 403
    assert desk.get(reverse("admin:advisers_calltask_export")).status_code == 403


def test_who_may_not_see_people_reads_dots(client):
    call_command("make_roles")
    user = adviser("Olga")
    user.groups.add(Group.objects.get(name="Operations"))
    client.force_login(user)
    task = waiting(asked="Secret words")
    page = client.get(page_url(task)).content.decode()
    assert "Secret words" not in page
    assert "Hello" not in page
    assert str(task.client.last_name) not in page


def test_a_supervisor_gives_a_call_to_an_adviser(admin_client, ada):
    task = waiting()
    page = step(admin_client, task, "assign", to=ada.pk)
    assert "Ada has this call now" in page
    assert fresh(task).taken_by == ada
    assert "Choose who" in step(admin_client, task, "assign", to="x")


def test_one_click_on_a_reply_makes_its_call(admin_client):
    client = factories.client()
    sender = phone(client).address
    said = inbound.Said(sender, "Please call me", "in-1")
    inbound.receive("gateway", "sms", [said], at=clock.now())
    reply = Reply.objects.get()
    url = reverse("admin:messaging_reply_do", args=[reply.pk, "have_called"])
    for _ in range(2):
        admin_client.post(url)
    task = CallTask.objects.get()
    assert "Please call me" in admin_client.get(page_url(task)).content.decode()
    reply.refresh_from_db()
    assert reply.outcome == "passed_on"


def test_the_start_page_names_overdue_calls(desk):
    task = opened(awake(), purpose="", at=clock.now().replace(year=2020))
    page = desk.get(reverse("admin:index")).content.decode()
    assert "Calls that are overdue" in page
    assert page_url(task) in page


def test_the_list_is_read_in_its_order_by_an_index(db):
    page = site._registry[CallTask]
    with connection.cursor() as cursor:  # a table of three rows is read at once otherwise
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
    scan = CallTask.objects.order_by(*page.ordering)[:50].explain()
    assert "Index Scan using call_task_listed" in scan
    assert "Sort" not in scan
