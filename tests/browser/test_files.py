"""The way of a file in a real browser: upload, columns, look, landing, and back again."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from apps.core import clock
from apps.files.actions.working import work
from apps.files.models import Batch
from apps.products.models.holdings import Policy
from tests import factories
from tests.browser.conftest import PHONE
from tests.browser.test_back_office import desk, fits

__all__ = ["desk"]

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

MESSY = """Договоры на 22.11.2026
Номер договора;Клиент;Программа;Номинал;Премия;Валюта;Начало;Окончание;Филиал
P-1;C-1;harbour;1 500,00;1 500,00;usd;29.11.2019;29.05.2020;Север
P-2;C-2;harbour;2 500,00;25,001;usd;29.11.2019;29.05.2020;Юг
Итого;;;4 000,00;;;;;
"""
OWN = """number,core_id,strategy,nominal,premium,currency,starts_on,ends_on
P-1,C-1,harbour,1500.00,1500.00,USD,2019-11-29,2020-05-29
"""


@pytest.fixture
def clients(db):
    factories.strategy(code="harbour")
    for number in (1, 2):
        client = factories.client()
        client.identifiers.create(kind="core_id", value=f"C-{number}")


def drop(page: Page, live_server, name: str, content: bytes) -> None:
    page.goto(f"{live_server}{reverse('admin:files_batch_add')}?kind=policies")
    page.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": content}
    )
    page.get_by_role("button", name="Look at the file").click()


def worked() -> None:
    assert work(Batch.objects.latest("pk").pk, at=clock.now())


def test_a_messy_file_is_named_looked_at_landed_and_taken_back(desk, live_server, clients):
    drop(desk, live_server, "договоры.csv", MESSY.encode("cp1251"))
    desk.get_by_text("Windows-1251").first.click()
    expect(desk.get_by_role("heading", name="Which column is which")).to_be_visible()
    expect(desk.get_by_label("Lines above the names of the columns")).to_have_value("1")
    expect(desk.get_by_label("Премия", exact=True)).to_have_value("premium")
    expect(desk.get_by_label("Филиал", exact=True)).to_have_value("")
    desk.get_by_label("Валюта: read").first.select_option("upper")
    desk.get_by_label("Программа", exact=True).select_option("strategy")
    desk.set_viewport_size(PHONE)
    assert fits(desk)
    desk.get_by_label("Keep it under a name").fill("Core system")
    desk.get_by_role("button", name="Look at the file").click()
    expect(desk.get_by_role("heading", name="The file is being checked")).to_be_visible()
    assert fits(desk)
    worked()
    expect(desk.get_by_text("new policy")).to_be_visible()
    expect(desk.get_by_text("Too many decimals")).to_be_visible()
    assert fits(desk)
    desk.get_by_role("button", name="Confirm").click()
    expect(desk.get_by_role("heading", name="The file is landing")).to_be_visible()
    worked()
    expect(desk.get_by_text("It landed")).to_be_visible()
    assert Policy.objects.get().nominal == 1500_00
    desk.get_by_role("link", name="Take it back").click()
    expect(desk.get_by_text("Nothing stands on it")).to_be_visible()
    assert fits(desk)
    desk.get_by_role("button", name="Take it back").click()
    expect(desk.get_by_role("heading", name="The file is being taken back")).to_be_visible()
    worked()
    expect(desk.get_by_text("It was taken back")).to_be_visible()
    assert not Policy.objects.exists()
    drop(desk, live_server, "договоры-2.csv", MESSY.replace("P-1", "P-9").encode("cp1251"))
    expect(desk.get_by_text("read as “Core system”")).to_be_visible()


def test_what_belongs_to_a_kind_comes_when_it_is_chosen(desk, live_server):
    desk.goto(f"{live_server}{reverse('admin:files_batch_add')}")
    desk.get_by_label("What does the file hold?").select_option("policies")
    expect(desk.get_by_role("heading", name="What we can read")).to_be_visible()
    expect(desk.get_by_label("premium")).to_be_visible()
    desk.set_viewport_size(PHONE)
    assert fits(desk)


def test_a_file_is_brought_by_the_keyboard_alone(desk, live_server, clients):
    desk.goto(f"{live_server}{reverse('admin:files_batch_add')}?kind=policies")
    place = desk.locator("input[type=file]")
    place.set_input_files({"name": "own.csv", "mimeType": "text/csv", "buffer": OWN.encode()})
    place.focus()
    expect(place).to_be_focused()
    desk.get_by_label("Rows that the source counted").press_sequentially("1")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", name="The file is being checked")).to_be_visible()
    worked()
    desk.get_by_role("button", name="Confirm").press("Enter")
    expect(desk.get_by_role("heading", name="The file is landing")).to_be_visible()
    worked()
    expect(desk.get_by_text("It landed")).to_be_visible()
