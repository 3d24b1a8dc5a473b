"""The form of a strategy: amounts as people write them, contradictions told, rare parts folded."""

from datetime import date

import pytest
from django.urls import reverse

from apps.products.models.markets import TradingDay
from apps.products.models.strategies import Strategy
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def calendar():
    factories.sessions(*DAYS)


ADD = "/admin/products/strategy/add/"
DAYS = (date(2020, 2, 28), date(2020, 5, 29))


def filled(**changed):
    """Return a form as a browser would send it: two shares, two observations."""
    fields = {
        "name": "Duo", "code": "duo", "currency": "USD", "denomination": "1000.00",
        "struck_on": "2019-11-29", "matures_on": "2020-11-30",
        "coupon_rate": "0.025", "rate_basis": "period", "day_count": "PERIOD",
        "coupon_frequency": "1", "coupon_barrier": "0.75", "coupon_kind": "fixed", "memory": "on", "memory_end": "lost", "bonus_on": "all",
        "basket": "worst", "fx": "none", "call_first": "1", "call_coupon": "if_met",
        "call_redemption": "1", "call_deferred": "0", "redemption": "full",
        "knock_in_style": "european", "strike": "1", "up_strike": "1", "roll": "following",
        "common_sessions": "on", "max_disruption": "8", "disruption_scope": "affected",
        "payment_lag": "0", "rounding": "HALF_UP", "round_per": "note",
    }  # fmt: skip
    for prefix, count in (("basket_members", 2), ("observations", 2)):
        fields |= {f"{prefix}-TOTAL_FORMS": count, f"{prefix}-INITIAL_FORMS": 0}
    for place, ticker in enumerate(("AAPL", "IBM")):
        fields[f"basket_members-{place}-underlying"] = factories.underlying(ticker).pk
        fields[f"basket_members-{place}-initial_fixing"] = "100"
        fields[f"observations-{place}-number"] = place + 1
        fields[f"observations-{place}-scheduled_on"] = DAYS[place].isoformat()
        fields[f"observations-{place}-calls"] = "on"
    return fields | changed


def refused(client, **changed):
    page = client.post(ADD, filled(**changed))
    assert page.status_code == 200, "it was saved"
    assert not Strategy.objects.exists()
    return page.content.decode().replace("&quot;", '"').replace("&#x27;", "'")


def test_terms_are_saved_with_amounts_in_units_of_the_currency(admin_client):
    page = admin_client.post(ADD, filled())
    assert page.status_code == 302, page.context["errors"]
    strategy = Strategy.objects.get()
    assert strategy.denomination == 1000_00
    assert [one.valuation_on for one in strategy.observations.order_by("number")] == [*DAYS]
    form = admin_client.get(reverse("admin:products_strategy_change", args=[strategy.pk]))
    assert 'value="1000"' in form.content.decode()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"call_barrier": "0.7"}, "would call at 70 % without a coupon"),
        ({"observations-1-scheduled_on": "2020-12-01"}, "lies after the maturity 2020-11-30"),
        ({"observations-1-scheduled_on": "2020-02-28"}, "A day is scheduled twice"),
        ({"observations-1-scheduled_on": "2020-02-27"}, "2020-02-27 is not after 2020-02-28"),
        ({"observations-1-number": "1"}, "A number is there twice"),
        ({"basket_members-0-weight": "0.5", "basket_members-1-weight": "0.4"},
         "weights add up to 0.9"),
        ({"basket": "n_of_m"}, "Say how many of the shares must be there."),
        ({"basket": "n_of_m", "basket_m": "3"}, "n_of_m needs m from 1 to 2"),
        ({"redemption_level": "0.9"}, "“protected share” says nothing with “full capital back”"),
        ({"redemption": "floor"}, "Say which share of the capital is protected."),
        ({"coupon_barrier": "75"}, "75 % is written 0.75"),
        ({"day_count": "ACT/360"}, "Days are counted for a yearly rate only"),
        ({"denomination": "1000.001"}, "at most 2 decimals"),
    ],
)  # fmt: skip
def test_a_contradiction_is_refused_with_what_to_change(admin_client, changed, sentence):
    assert sentence in refused(admin_client, **changed)


def test_a_schedule_without_sessions_is_refused(admin_client):
    TradingDay.objects.all().delete()
    assert "No trading days of XNYS are known since the strike date" in refused(admin_client)
    factories.sessions(*DAYS)
    calendar = factories.exchange("XLON").pk
    page = refused(admin_client, payment_lag="2", payment_calendar=calendar)
    assert "No trading days of XLON are known" in page


def test_a_draft_may_be_unfinished(admin_client):
    empty = {"basket_members-TOTAL_FORMS": 0, "observations-TOTAL_FORMS": 0}
    assert admin_client.post(ADD, filled(**empty)).status_code == 302


def test_a_published_strategy_shows_its_terms_without_inputs(admin_client):
    strategy = factories.strategy(redemption="barrier", knock_in_barrier="0.6")
    page = admin_client.get(reverse("admin:products_strategy_change", args=[strategy.pk]))
    shown = page.content.decode()
    assert "60%" in shown
    assert 'x-show="redemption' not in shown
    assert "Strike" in shown
    assert "Gearing" not in shown  # it has no buffer
