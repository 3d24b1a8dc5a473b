"""Published worked examples, key by key, what differs from them, and a real programme.

The examples and the closes belong to the workshop, not to the product, so they may be absent.
"""

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from apps.products.cases import answered, differences
from apps.products.replay import replay
from apps.products.terms.fields import parse
from apps.products.terms.market import read_market
from apps.products.terms.reading import read_spec

SHARED = Path(__file__).resolve().parents[3] / "shared"
CASES = SHARED / "cases" / "coupons.json"
CLOSES = SHARED / "data" / "closes_2018_2021.csv"
SPLITS = SHARED / "data" / "splits_2018_2021.csv"

# Examples whose terms are not evaluated yet, by name, with the missing term.
NOT_BUILT: dict[str, str] = {}


def examples() -> list[Any]:
    if not CASES.exists():
        skipped = pytest.mark.skip(reason=f"the published examples are not here: {CASES}")
        return [pytest.param({}, id="absent", marks=skipped)]
    parsed: Any = parse(CASES.read_text())
    return [
        pytest.param(
            case,
            id=case["id"],
            marks=pytest.mark.xfail(reason=NOT_BUILT[case["id"]], strict=True)
            if case["id"] in NOT_BUILT
            else (),
        )
        for case in parsed["cases"]
        if case["kind"] == "lifecycle"
    ]


@pytest.mark.parametrize("case", examples())
def test_a_published_example_comes_out_as_its_source_printed_it(case: dict[str, Any]) -> None:
    assert case["expected"]
    assert answered(case, compared=True).values["differences"] == []


RESULT = {
    "status": "CALLED",
    "observations": [
        {"n": 1, "event": "ACCRUED", "coupon": "20.00", "memory": "0.02", "autocalled": True}
    ],
    "payments": [
        {"date": "2020-01-02", "type": "coupon", "amount": "20.00"},
        {"date": "2020-01-02", "type": "redemption", "amount": "970.00"},
        {"date": "2021-01-02", "type": "residual", "amount": "30.00"},
    ],
    "redemption": "970.00",
    "coupons_total": "20.00",
}


@pytest.mark.parametrize(
    "expected",
    [
        {"status": "CALLED", "redemption": "970", "coupons": [20], "events": ["ACCRUED"]},
        {"flows": ["990"], "residual": 30, "call_obs": 1, "call_pay": "2020-01-02"},
        {"payments_by_date": {"2020-01-02": "990", "2021-01-02": "30"}, "memory_after": "0.020"},
        {"coupons_total": "19.995", "tol": "0.01"},
    ],
)
def test_what_is_as_expected_differs_in_nothing(expected: dict[str, Any]) -> None:
    assert list(differences(RESULT, expected)) == []


@pytest.mark.parametrize(
    ("expected", "sentence"),
    [
        ({"redemption": "97"}, "redemption: expected 97, found 970.00."),
        ({"coupons": ["20", "0"]}, "coupons: expected [20, 0], found [20.00]."),
        ({"flows": ["20"]}, "flows: expected [20], found [990.00]."),
        ({"payments_by_date": {}}, "payments_by_date: expected {}, found {2020-01-02: 990.00, "),
        ({"coupons_total": "19.98", "tol": "0.01"}, "coupons_total: expected 19.98, found 20.00."),
        ({"status": "LIVE"}, "status: expected LIVE, found CALLED."),
        ({"colour": "blue"}, "colour: no result says this."),
        ([], "expected: an object with keys is expected."),
    ],
)
def test_a_difference_is_told_by_key_and_value(expected: Any, sentence: str) -> None:
    found = list(differences(RESULT, expected))
    assert len(found) == 1
    assert found[0].startswith(sentence)


def programme() -> dict[str, Any]:
    """The published terms of August 2019: Adobe, Apple, Boeing, Facebook."""
    closes: dict[str, dict[str, str]] = {}
    with CLOSES.open(newline="") as lines:
        for row in csv.DictReader(lines):
            closes.setdefault(row["ticker"], {})[row["date"]] = row["close"]
    with SPLITS.open(newline="") as lines:
        actions = [
            {"id": row["ticker"], "ex": row["ex_date"], "type": row["kind"], "ratio": row["ratio"]}
            for row in csv.DictReader(lines)
        ]
    basket = ["ADBE", "AAPL", "BA", "FB"]
    dates = ["2019-11-30", "2020-02-29", "2020-05-30", "2020-08-30", "2020-11-30", "2021-02-28"]
    return {
        "spec": {
            "notional": "1000",
            "currency": "USD",
            "issue_date": "2019-08-30",
            "underlyings": [{"id": s, "initial": closes[s]["2019-08-30"]} for s in basket],
            "memory": True,
            "coupon": {"rate": "0.025", "barrier": "0.75", "upper": "1"},
            "autocall": {
                "barrier": "1",
                "redemption": "0.97",
                "deferred": "0.03",
                "bonus": {"1": "2", "2": "2"},
            },
            "observations": [{"date": day} for day in dates],
            "actions": [action for action in actions if action["id"] in basket],
        },
        "market": {"prices": {share: closes[share] for share in basket}},
    }


def test_the_real_programme_accrues_twice_and_saves_four_times_because_of_boeing() -> None:
    if not CLOSES.exists():
        pytest.skip(f"the real closes are not here: {CLOSES}")
    case = programme()
    result = replay(read_spec(case["spec"]), read_market(case["market"]))
    outcomes = [item.outcome for item in result.observations if item.outcome]
    assert [o.event for o in outcomes] == ["ACCRUED"] * 2 + ["SAVED"] * 4
    assert [o.worst for o in outcomes[2:]] == ["BA"] * 4
    assert result.as_json()["memory_unpaid"] == "0.1"
    assert result.as_json()["coupons_total"] == "50.00"

    # 30 August 2020 is a Sunday; it rolls to the ex-date of Apple's 4-for-1 split. A raw close of
    # 129.04 is set against a quarter of 208.74; without the split Apple would stand at 62 %.
    rolled = result.observations[3]
    assert rolled.valuation["AAPL"].day == date(2020, 8, 31)
    closes, initial = case["market"]["prices"]["AAPL"], case["spec"]["underlyings"][1]["initial"]
    expected = Decimal(closes["2020-08-31"]) * 4 / Decimal(initial)
    assert float(rolled.levels["AAPL"]) == pytest.approx(float(expected))
    assert rolled.levels["AAPL"] > 2
