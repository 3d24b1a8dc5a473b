"""The timeline in the back office: a long one costs no more than a short one; strays are told of."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.events.actions import record
from apps.events.models import Event
from tests import factories
from tests.events.test_actions import fact
from tests.events.test_arrivals import bring, drained, event


@pytest.mark.django_db
def test_a_client_with_a_thousand_events_costs_as_many_queries_as_one_with_one(admin_client):
    client = factories.client()
    pages = [
        reverse("admin:profiles_client_change", args=[client.pk]),
        reverse("admin:events_event_changelist") + f"?client__id__exact={client.pk}",
    ]

    def costs(page):
        with CaptureQueriesContext(connection) as captured:
            assert admin_client.get(page).status_code == 200
        return len(captured)

    record([fact(client, "first", subject="policy:1")])
    for page in pages:
        costs(page)  # what Django looks up once a process
    few = [costs(page) for page in pages]
    record([fact(client, f"k{n}", subject=f"policy:{n}") for n in range(999)])
    assert Event.objects.count() == 1000
    assert [costs(page) for page in pages] == few


@pytest.mark.django_db
def test_the_start_page_says_that_events_wait_for_a_drain_that_does_not_come(admin_client):
    bring(event(1))
    says = "Requests whose events are on no timeline yet"
    assert says in admin_client.get(reverse("admin:index")).content.decode()
    drained()
    assert says not in admin_client.get(reverse("admin:index")).content.decode()


@pytest.mark.django_db
def test_the_start_page_says_what_nobody_knows_where_to_put(admin_client):
    bring(event(1, core_id="C-99"))
    drained()
    page = admin_client.get(reverse("admin:index")).content.decode()
    assert "Events of clients whom nobody knows yet" in page
    assert "order.placed: C-99" in page
