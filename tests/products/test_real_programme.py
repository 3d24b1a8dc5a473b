"""A real programme on real closes, evaluated by the job: what FORMAT.md says must come out."""

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from apps.products.actions.evaluation import evaluate_due
from apps.products.actions.quotes import QuoteRow, confirm_quotes, record_quotes
from apps.products.actions.strategies import publish_strategy
from apps.products.models.holdings import Payment, PolicyCoupon
from apps.products.models.markets import CorporateAction, Quote
from apps.products.models.strategies import BasketMember, Observation, ObservationResult, Strategy
from tests import factories

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data"
SHARES = ("ADBE", "AAPL", "BA", "FB")
STRUCK = date(2019, 8, 30)
DAYS = (
    date(2019, 11, 30),
    date(2020, 2, 29),
    date(2020, 5, 30),
    date(2020, 8, 30),
    date(2020, 11, 30),
    date(2021, 2, 28),
)
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not FOLDER.exists(), reason="the folder with real closes is not here"),
]


def evening(day):
    return datetime(day.year, day.month, day.day, 22, tzinfo=UTC)


def closes():
    with (FOLDER / "closes_2018_2021.csv").open() as file:
        return [
            QuoteRow(row["ticker"], date.fromisoformat(row["date"]), Decimal(row["close"]))
            for row in csv.DictReader(file)
            if row["ticker"] in SHARES
        ]


def splits():
    with (FOLDER / "splits_2018_2021.csv").open() as file:
        for row in csv.DictReader(file):
            if row["ticker"] in SHARES:
                CorporateAction.objects.create(
                    underlying=factories.underlying(row["ticker"]),
                    kind=CorporateAction.Kind.SPLIT,
                    ex_on=date.fromisoformat(row["ex_date"]),
                    ratio=Decimal(row["ratio"]),
                    source="test",
                )


@pytest.fixture
def programme():
    rows = closes()
    for ticker in SHARES:
        factories.underlying(ticker)
    splits()
    factories.sessions(*{row.day for row in rows})
    strategy = Strategy.objects.create(
        code="august-2019",
        name="August 2019",
        currency="USD",
        denomination=1000_00,
        struck_on=STRUCK,
        matures_on=date(2022, 8, 30),
        coupon_rate=Decimal("0.025"),
        coupon_barrier=Decimal("0.75"),
        corridor_upper=Decimal(1),
        call_barrier=Decimal(1),
        call_redemption=Decimal("0.97"),
        call_deferred=Decimal("0.03"),
    )
    struck = {row.ticker: row.close for row in rows if row.day == STRUCK}
    for ticker in SHARES:
        BasketMember.objects.create(
            strategy=strategy,
            underlying=factories.underlying(ticker),
            initial_fixing=struck[ticker],
        )
    for number, day in enumerate(DAYS, 1):
        Observation.objects.create(
            strategy=strategy,
            number=number,
            scheduled_on=day,
            valuation_on=day,
            bonus=Decimal(2) if number <= 2 else None,
        )
    publish_strategy(strategy.pk, at=evening(STRUCK))
    factories.policy(factories.client(), strategy, nominal=10_000_00)
    return strategy


def expected(strategy):
    results = ObservationResult.objects.filter(observation__strategy=strategy)
    found = list(results.order_by("observation__number"))
    assert [result.outcome for result in found] == ["ACCRUED", "ACCRUED", *["SAVED"] * 4]
    assert {result.worst.underlying.ticker for result in found[2:]} == {"BA"}
    assert found[-1].rate_remembered == Decimal("0.1")
    split_day = found[3]
    assert split_day.observation.valuation_on == date(2020, 8, 31)
    apple = split_day.levels["AAPL"]
    assert apple["day"] == "2020-08-31"
    assert Decimal(apple["initial_fixing"]) == 4 * Decimal(apple["adjusted_fixing"])
    assert Decimal("2.4") < Decimal(apple["level"]) < Decimal("2.5")
    amounts = PolicyCoupon.objects.order_by("observation__number").values_list(
        "amount", "remembered"
    )
    assert list(amounts) == [
        (250_00, 0), (250_00, 0), (0, 250_00), (0, 500_00), (0, 750_00), (0, 1000_00)
    ]  # fmt: skip
    strategy.refresh_from_db()
    assert strategy.state == Strategy.State.MATURED


def test_a_real_programme_caught_up_at_once(programme):
    end = evening(date(2021, 4, 21))
    report = record_quotes(closes(), source="closes.csv", at=end)
    # March 2020 moved by less than a quarter a day even at Boeing, and the split is known.
    assert (report.held, report.refused) == (0, [])

    assert evaluate_due(at=end) == 6

    expected(programme)
    redemption = Payment.objects.get(kind=Payment.Kind.REDEMPTION)
    assert (redemption.amount, redemption.due_on) == (10_000_00, date(2022, 8, 30))


@pytest.mark.slow
def test_a_real_programme_evening_by_evening(programme):
    rows = closes()
    evaluated = []
    for day in sorted({row.day for row in rows if row.day > date(2019, 11, 25)}):
        near = any(-5 <= (day - seen).days <= 3 for seen in DAYS)
        if not near:
            continue
        noon = evening(day).replace(hour=16)
        today = [row for row in rows if row.day == day]
        record_quotes(today[:2], source="feed", at=noon)
        assert evaluate_due(at=noon) == 0  # New York still trades
        record_quotes(today[2:], source="feed", at=evening(day))
        assert evaluate_due(at=evening(day)) == 0  # two closes are from noon, if it is the day
        confirmed = Quote.objects.filter(state=Quote.State.HELD, is_current=True)
        confirm_quotes([quote.pk for quote in confirmed], by=None, at=evening(day))
        record_quotes(today, source="feed", at=evening(day))
        evaluated += [day] * evaluate_due(at=evening(day))

    expected(programme)
    assert evaluated == [
        date(2019, 12, 2),
        date(2020, 3, 2),
        date(2020, 6, 1),
        date(2020, 8, 31),
        date(2020, 11, 30),
        date(2021, 3, 1),
    ]
