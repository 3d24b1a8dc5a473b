"""A person overrides an exchange's calendar, and the desk tells what moved."""

from datetime import date

import pytest
from django.urls import reverse

from apps.events.models import Event
from apps.products.models.calendars import CalendarOverride
from apps.products.models.markets import TradingDay
from tests import factories

pytestmark = pytest.mark.django_db

THU, FRI, MON = date(2020, 2, 27), date(2020, 2, 28), date(2020, 3, 2)
ADD = "admin:products_calendaroverride_add"


@pytest.fixture
def strategy():
    made = factories.strategy(days=[FRI])
    factories.sessions(THU, FRI, MON, date(2020, 6, 30))
    factories.policy(factories.client(), made)
    return made


def close(client, *, kind="closed", **fields):
    data = {
        "exchange": factories.exchange().pk, "day": FRI.isoformat(), "kind": kind, "closes_at": "",
        "reason": "Storm over New York", **fields,
    }  # fmt: skip
    return client.post(reverse(ADD), data, follow=True).content.decode()


def test_an_override_is_kept_with_its_maker_and_moves_what_was_observed(
    admin_client, admin_user, strategy
):
    assert "1 observation was derived anew" in close(admin_client)
    override = CalendarOverride.objects.get()
    assert (override.made_by, override.reason) == (admin_user, "Storm over New York")
    assert strategy.observations.get().valuation_on == MON
    timeline = admin_client.get(
        reverse("admin:profiles_client_change", args=[Event.objects.get().client_id])
    ).content.decode()
    assert "Date moved from 28 Feb 2020 to 2 Mar 2020: Storm over New York" in timeline


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "open"}, "XNYS trades so on 28 Feb 2020 already."),
        ({"kind": "early"}, "Say when the exchange closes early, and only then give a time."),
        ({"reason": ""}, "This field is required."),
    ],
)
def test_an_override_that_makes_no_sense_is_refused_in_the_form(
    admin_client, strategy, fields, said
):
    assert said in close(admin_client, **fields)
    assert not CalendarOverride.objects.exists()


def test_an_override_is_never_changed_or_deleted(admin_client, strategy):
    close(admin_client)
    override = CalendarOverride.objects.get()
    page = reverse("admin:products_calendaroverride_change", args=[override.pk])
    admin_client.post(page, {"reason": "other"})
    override.refresh_from_db()
    assert override.reason == "Storm over New York"
    delete = reverse("admin:products_calendaroverride_delete", args=[override.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 403


def test_the_page_of_an_exchange_shows_its_months(admin_client, strategy):
    close(admin_client, kind="early", closes_at="13:00")
    exchange = factories.exchange()
    page = reverse("admin:products_exchange_change", args=[exchange.pk])
    shown = admin_client.get(page, {"month": "2020-02"}).content.decode()
    assert "February 2020" in shown
    assert "desk-day-half desk-day-said desk-day-observed" in shown
    assert "closes early: Storm over New York (admin)" in shown
    for beyond in ("nonsense", "0001-01", "9999-12"):
        assert admin_client.get(page, {"month": beyond}).status_code == 200


def test_sessions_are_added_by_files_and_overrides_alone(admin_client, strategy):
    session = TradingDay.objects.first()
    page = reverse("admin:products_tradingday_delete", args=[session.pk])
    assert admin_client.post(page, {"post": "yes"}).status_code == 403
