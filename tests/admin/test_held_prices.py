"""A held price is decided on its page or in the list, by somebody who did not bring it."""

from datetime import date

import pytest
from django.urls import reverse

from apps.products.models.markets import Quote
from tests import factories
from tests.admin.test_files import bring, decide, seen

pytestmark = pytest.mark.django_db

FRI = date(2020, 2, 28)


@pytest.fixture
def held():
    factories.sessions(FRI)
    return factories.quote("MSFT", FRI, "80", state="held", held_because="jump", confirmed_at=None)


def do(client, quote, deed):
    page = client.post(
        reverse("admin:products_quote_do", args=[quote.pk, deed]), follow=True
    ).content.decode()
    quote.refresh_from_db()
    return page


def test_a_held_price_is_confirmed_on_its_page(admin_client, admin_user, held):
    assert "1 quote confirmed." in do(admin_client, held, "confirm_one")
    assert (held.state, held.confirmed_by) == ("confirmed", admin_user)
    assert "nothing to do any more" in do(admin_client, held, "reject_one")


def test_a_held_price_is_rejected_on_its_page(admin_client, admin_user, held):
    assert "1 quote rejected." in do(admin_client, held, "reject_one")
    assert (held.state, held.rejected_by, held.is_current) == ("rejected", admin_user, False)


def test_who_brought_a_price_by_file_is_sent_to_a_second_person(
    admin_client, client, django_user_model
):
    factories.underlying("AAPL")
    factories.quote("AAPL", date(2020, 2, 27), "10")
    batch = bring(admin_client, "ticker,day,close\nAAPL,2020-02-28,1000\n", kind="quotes")
    assert "waits for a second person: about 100 times the close of 27 Feb 2020" in seen(
        admin_client, batch
    )
    decide(admin_client, batch, "confirm")
    brought = Quote.objects.get(state="held")
    assert "a second person must confirm it" in do(admin_client, brought, "confirm_one")
    assert brought.state == "held"
    client.force_login(django_user_model.objects.create_superuser("other"))
    assert "1 quote confirmed." in do(client, brought, "confirm_one")
