"""Accounts in the back office: the client's own figures, and what cannot be saved."""

from datetime import UTC, date, datetime

import pytest

from apps.core import clock
from apps.core.admin.display import list_url, page_url
from apps.products.models.deadlines import Deadline
from apps.products.models.funds import ModelPortfolio
from apps.products.queries.movers import late_holdings
from tests import factories
from tests.admin.test_pages import address

pytestmark = pytest.mark.django_db

TODAY = date(2020, 3, 4)
NIGHT = datetime(2020, 3, 4, 23, tzinfo=UTC)


@pytest.fixture
def account(settings):
    settings.CLOCK_OFFSET = NIGHT - clock.now()
    account = factories.account(factories.client())
    factories.sessions(date(2020, 3, 3), TODAY)
    factories.booked(account, "buy", date(2020, 1, 6), 1000_00, "10")
    factories.quote("AAPL", date(2020, 3, 3), "120")
    factories.quote("AAPL", TODAY, "117")
    return account


def test_an_account_shows_the_clients_own_figures_and_why_some_are_not_known(admin_client, account):
    factories.booked(account, "buy", date(2020, 2, 3), 500_00, "5", "IBM")
    page = admin_client.get(page_url(account)).content.decode()
    for told in ("$1,170.00", "$170.00 · 17%", "-$30.00 · -2.5%", "IBM: no price is known yet"):
        assert told in page
    beside = admin_client.get(page_url(account.client)).content.decode()
    assert account.number in beside
    assert "IBM: no price is known yet" in beside


def test_the_start_page_names_what_is_held_without_a_price_and_nothing_that_was_sold(
    admin_client, account
):
    factories.booked(account, "buy", date(2020, 2, 3), 500_00, "5", "IBM")
    factories.booked(account, "buy", date(2020, 2, 3), 500_00, "5", "MSFT")
    factories.booked(account, "sell", date(2020, 2, 4), 500_00, "5", "MSFT")
    factories.booked(account, "buy", date(2020, 2, 3), 500_00, "5", "FB")
    factories.booked(account, "sell", date(2020, 2, 4), 500_00, "4.99", "FB")
    assert [one.underlying.ticker for one in late_holdings(at=NIGHT)] == ["FB", "IBM"]
    assert "IBM: no price is known yet" in admin_client.get("/admin/").content.decode()


def test_the_weights_of_a_portfolio_must_be_the_whole(admin_client):
    form = {
        "code": "calm", "name": "Calm", "currency": "USD", "aim": "balanced",
        "weights-TOTAL_FORMS": "2", "weights-INITIAL_FORMS": "0",
        "weights-0-underlying": factories.underlying("AAPL").pk, "weights-0-weight": "0.6",
        "weights-1-underlying": factories.underlying("IBM").pk, "weights-1-weight": "0.3",
    }  # fmt: skip
    refused = admin_client.post(address(ModelPortfolio, "add"), form)
    assert "The weights add up to 0.9; together they must be 1." in refused.content.decode()
    assert not ModelPortfolio.objects.exists()
    admin_client.post(address(ModelPortfolio, "add"), {**form, "weights-1-weight": "0.4"})
    assert ModelPortfolio.objects.get().weights.count() == 2


def test_what_is_booked_keeps_its_account_as_it_was(admin_client, account):
    page = admin_client.get(page_url(account)).content.decode()
    assert 'name="name"' in page
    assert 'name="currency"' not in page


def test_deadlines_are_marked_as_done_from_their_list(admin_client, account):
    one = Deadline.objects.create(
        client=account.client, reference="D-1", kind="document", day=date(2020, 12, 31)
    )
    chosen = {"action": "mark_as_done", "_selected_action": [one.pk]}
    admin_client.post(list_url(Deadline), chosen)
    one.refresh_from_db()
    assert one.done_on is not None
