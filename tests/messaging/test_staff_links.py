"""Staff look at a client's page: on record, for a short time, and not as the client."""

from datetime import timedelta

import pytest

from apps.events.models import Event
from apps.messaging.actions.hits import Seen, record_seen
from apps.messaging.actions.links import find_link, make_link
from apps.messaging.actions.staff_links import OPEN_FOR, open_for_staff, revoke_staff_links
from apps.messaging.queries.desk import opened_today
from tests.factories import NOON, client

pytestmark = pytest.mark.django_db


def test_a_look_is_on_the_clients_timeline(admin_user):
    person = client()
    token = open_for_staff(person, by=admin_user, at=NOON)
    assert find_link(token).is_for_staff
    event = Event.objects.get(client=person)
    assert event.kind == "page.opened_by_staff"
    assert event.properties == {"staff": admin_user.pk, "name": admin_user.get_username()}


def test_looking_twice_ends_the_first_link(admin_user):
    person = client()
    first = open_for_staff(person, by=admin_user, at=NOON)
    second = open_for_staff(person, by=admin_user, at=NOON + timedelta(minutes=1))
    assert find_link(first) is None
    assert find_link(second) is not None
    assert Event.objects.filter(client=person).count() == 2


def test_staff_links_end_by_themselves_and_once_while_the_clients_own_stay(admin_user):
    person = client()
    _link, own = make_link(person, subject="strategy:1", at=NOON)
    looked = open_for_staff(person, by=admin_user, at=NOON)
    assert revoke_staff_links(at=NOON + OPEN_FOR - timedelta(seconds=1)) == 0
    assert revoke_staff_links(at=NOON + OPEN_FOR) == 1
    assert revoke_staff_links(at=NOON + OPEN_FOR) == 0
    assert find_link(looked) is None
    assert find_link(own) is not None


def test_a_look_of_staff_is_no_page_opened_by_a_client(admin_user):
    person = client()
    link, _token = make_link(person, subject="strategy:1", at=NOON)
    looked = find_link(open_for_staff(person, by=admin_user, at=NOON))
    record_seen([Seen(bytes(each.token_hash), NOON, gesture="key") for each in (link, looked)])
    assert opened_today(at=NOON) == (1, 1)
    assert Event.objects.filter(client=person, kind="link.opened").count() == 1
