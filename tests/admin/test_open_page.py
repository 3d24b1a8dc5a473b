"""Staff open a client's page from the back office: with both rights, on record, and change nothing."""

import pytest
from django.urls import reverse

from apps.core.admin.display import page_url
from apps.events.models import Event
from apps.landing.models import EmailSubscription
from apps.messaging.models.links import Hit, Link
from apps.products.models.strategies import Strategy
from tests.admin.test_deeds import do
from tests.admin.test_pages import staff_who_may


def test_the_page_opens_and_leaves_nothing_but_the_look(admin_client, client, clients):
    person = clients[0]
    hits, asked = Hit.objects.count(), EmailSubscription.objects.count()
    before = list(Event.objects.values_list("pk", flat=True))
    opened = do(admin_client, person, "open_page")
    assert opened.status_code == 302
    page = client.get(opened.url)
    assert page.status_code == 200
    client.post(f"{opened.url}show/")
    assert "Test" in client.get(opened.url).content.decode()  # his name, after the press
    client.post(f"{opened.url}subscribe/", {"address": "somebody@example.com"})
    assert Hit.objects.count() == hits
    assert EmailSubscription.objects.count() == asked
    new = Event.objects.filter(client=person).exclude(pk__in=before)
    assert [event.kind for event in new] == ["page.opened_by_staff"]
    assert "Page looked at by admin" in admin_client.get(page_url(person)).content.decode()


@pytest.mark.parametrize("rights", [["profiles.view_client"], ["products.view_policy"], []])
def test_the_page_opens_only_for_who_may_see_the_client_and_his_money(client, clients, rights):
    client.force_login(staff_who_may(*rights))
    assert do(client, clients[0], "open_page").status_code == 403
    assert not Link.objects.filter(subject__startswith=Link.STAFF).exists()


def test_a_strategys_chart_is_drawn_for_who_may_see_it(admin_client, client, clients):
    strategy = Strategy.objects.exclude(state="draft").first()
    address = reverse("admin:products_strategy_chart", args=[strategy.pk])
    page = admin_client.get(page_url(strategy)).content.decode()
    assert f'data-chart="{address}"' in page
    drawn = admin_client.get(address)
    assert (drawn["Content-Type"], drawn["Content-Encoding"]) == ("application/json", "gzip")
    client.force_login(staff_who_may())
    assert client.get(address).status_code == 403
