"""A published programme on real closes, from CSV files to what its holder was told."""

import csv
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from apps.demo.models import Letter
from apps.products.models.holdings import Policy, PolicyCoupon
from apps.products.models.markets import Quote
from apps.products.models.strategies import ObservationResult
from tests.flows import story

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data"
SHARES = {"AAPL": "Apple", "ADBE": "Adobe", "BA": "Boeing", "FB": "Facebook"}
STRUCK = date(2019, 8, 30)
SCHEDULED = ["2019-11-30", "2020-02-29", "2020-05-30", "2020-08-30", "2020-11-30", "2021-02-28"]
# The sessions to which those days roll.
VALUED = [
    date(2019, 12, 2), date(2020, 3, 2), date(2020, 6, 1),
    date(2020, 8, 31), date(2020, 11, 30), date(2021, 3, 1),
]  # fmt: skip
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER.exists(), reason="the folder with real closes is not here"),
]


def evening(day):
    return datetime.combine(day, time(22), UTC)


def rows(name):
    with (FOLDER / name).open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["ticker"] in SHARES]


def closes():
    return [
        {"ticker": row["ticker"], "day": date.fromisoformat(row["date"]), "close": row["close"]}
        for row in rows("closes_2018_2021.csv")
    ]


@pytest.fixture
def programme(mailbox):
    known = [row for row in closes() if row["day"] >= STRUCK]
    struck = {row["ticker"]: row["close"] for row in known if row["day"] == STRUCK}
    at = evening(STRUCK)
    shares = [{"ticker": name, "name": told, **story.NEW_YORK} for name, told in SHARES.items()]
    story.bring("shares", shares, at=at)
    sessions = sorted({row["day"] for row in known})
    story.bring("sessions", [{"exchange": "XNYS", "day": day} for day in sessions], at=at)
    splits = [
        {
            "ticker": row["ticker"],
            "kind": row["kind"],
            "ex_on": row["ex_date"],
            "ratio": row["ratio"],
            "source": "published",
        }
        for row in rows("splits_2018_2021.csv")
    ]
    story.bring("splits", splits, at=at)
    terms = {
        "code": "august-2019",
        "name": "August 2019",
        "currency": "USD",
        "denomination": 1000,
        "state": "published",
        "struck_on": STRUCK,
        "matures_on": "2022-08-30",
        "underlyings": "; ".join(f"{ticker} {struck[ticker]}" for ticker in SHARES),
        "observations": "; ".join(SCHEDULED),
        "coupon_rate": "0.025",
        "coupon_barrier": "0.75",
        "corridor_upper": "1",
        "memory": "yes",
        "call_barrier": "1",
        "call_redemption": "0.97",
        "call_deferred": "0.03",
        "bonuses": "2; 2",
    }
    story.bring("strategies", [terms], at=at)
    holder = {
        "core_id": "C-1",
        "first_name": "Holder",
        "phone": "+447700900001",
        "time_zone": "Europe/London",
        "preferred_channel": "sms",
        "consent_service": "sms",
        "consent_text": "1",
    }
    story.bring("clients", [holder], at=at)
    policy = {
        "number": "P-1",
        "core_id": "C-1",
        "strategy": "august-2019",
        "nominal": 10_000,
        "premium": 10_000,
        "currency": "USD",
        "starts_on": STRUCK,
        "ends_on": "2022-08-30",
    }
    story.bring("policies", [policy], at=at)
    return known


def test_the_published_programme_pays_twice_and_then_remembers(programme):
    for since, until in pairwise([STRUCK, *VALUED]):
        arrived = [row for row in programme if since < row["day"] <= until]
        story.bring("closes", arrived, at=evening(until))
        told_at = evening(until) + timedelta(hours=12)
        assert story.evaluate_and_tell(evening=evening(until), morning=told_at) == 1

    results = ObservationResult.objects.order_by("observation__number")
    assert [result.outcome for result in results] == ["ACCRUED"] * 2 + ["SAVED"] * 4
    assert [result.observation.valuation_on for result in results] == VALUED
    assert {result.worst.underlying.ticker for result in results[2:]} == {"BA"}
    assert not Quote.objects.filter(state=Quote.State.HELD).exists()  # the split is known
    coupons = PolicyCoupon.objects.order_by("observation__number")
    assert list(coupons.values_list("amount", "remembered")) == [
        (250_00, 0), (250_00, 0), (0, 250_00), (0, 500_00), (0, 750_00), (0, 1000_00)
    ]  # fmt: skip
    assert Policy.objects.get().state == Policy.State.MATURED
    said = list(Letter.objects.order_by("pk").values_list("text", flat=True))
    assert len(said) == len(VALUED)
    assert all("$250.00" in text for text in said[:3])
    assert "$500.00" in said[3]
    assert "$750.00" in said[4]
