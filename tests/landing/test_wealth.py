"""Accounts, instalments and deadlines on the client's page: percent at once, money when asked."""

from datetime import date

import pytest

from apps.messaging.actions.links import make_link
from apps.products.models.deadlines import Deadline
from apps.products.models.instalments import CreditAccount, Instalment
from apps.products.models.markets import Quote
from tests import factories
from tests.landing.test_changes import words


@pytest.fixture
def owner(db, today):
    """Hold ten units bought at 100, worth 117 on the last day; a card half used; a tax deadline."""
    client = factories.client()
    days = [date(2019, 6, 10), date(2020, 6, 8), date(2020, 6, 9), date(2020, 6, 10)]
    factories.sessions(*days)
    account = factories.account(client, name="For the house")
    factories.booked(account, "buy", days[0], 1000_00, "10")
    for day, close in zip(days[1:3], ("120", "117"), strict=True):
        factories.quote("AAPL", day, close)
    card = CreditAccount.objects.create(
        number="C-7", client=client, name="Furniture", currency="USD", limit=5000_00, used=1200_00,
        reported_on=days[2], source="test",
    )  # fmt: skip
    for number, due_on in enumerate([date(2020, 5, 20), date(2020, 6, 20)], 1):
        Instalment.objects.create(account=card, number=number, due_on=due_on, amount=600_00)
    Deadline.objects.create(
        reference="D-1", client=client, kind="tax_deduction", day=date(2020, 6, 30), year=2019,
        amount=130_00, currency="USD",
    )  # fmt: skip
    _link, token = make_link(client, subject="", at=today)
    return f"/p/{token}/"


def test_money_units_and_numbers_are_hidden_until_asked_for(client, owner):
    page = words(client.get(owner))
    assert "For the house" in page
    assert "+17.00%" in page
    assert "−2.50%" in page
    assert "Nothing here yet" not in page
    for hidden in ("1,170", "A-0", "C-7", "Furniture", "130.00"):
        assert hidden not in page


def test_the_account_the_card_and_the_deadline_are_shown_with_their_days(client, owner):
    client.post(owner + "show/")
    page = words(client.get(owner))
    for told in (
        "$1,170.00",
        "+$170.00",
        "−$30.00",
        "as of 9 Jun 2020",
        "$3,800.00",  # of the limit of 5,000
        "$600.00 overdue",
        "30 Jun 2020, in 20 days",
        "Tax deduction 2019: $130.00",
    ):
        assert told in page


def test_without_a_price_the_page_says_so_and_guesses_nothing(client, owner):
    Quote.objects.all().delete()
    client.post(owner + "show/")
    page = words(client.get(owner))
    assert "not known" in page
    assert "$1,170.00" not in page


def test_the_course_of_the_value_is_drawn_and_told_for_whoever_asked_for_amounts(client, owner):
    assert "<svg viewBox" not in client.get(owner).content.decode()
    client.post(owner + "show/")
    page = client.get(owner)
    assert '<path d="M0.0 2.0L600.0 118.0"/>' in page.content.decode()
    assert "lowest $1,170.00 on 9 Jun 2020, highest $1,200.00 on 8 Jun 2020" in words(page)
