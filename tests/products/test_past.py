"""Replays on what a market showed: exchange rates, counted days, actions, days of payment."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.products.cases import answered
from apps.products.replay import replay
from apps.products.terms.market import read_market
from apps.products.terms.reading import read_spec
from tests.term_sheets import DATES, sheet, spec

MONTH = [f"2019-02-{day:02}" for day in (1, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15)]


def one(**terms):
    return spec(("A",), **{"observations": [{"date": DATES[0]}], "memory": False, **terms})


def answer(terms, **market):
    return answered({"spec": terms, "market": market}).values


def closes(*values, days=MONTH):
    return {"A": {day: str(close) for day, close in zip(days, values, strict=False) if close}}


# --- exchange rates


def composite(**share):
    underlyings = [{"id": "A", "initial": "100", **share}]
    redemption = {"type": "barrier", "barrier": "0.9"}
    return one(underlyings=underlyings, fx="composite", redemption=redemption)


@pytest.mark.parametrize(
    ("rates", "level"),
    [
        ({"2019-02-14": "1.5", "2019-02-15": "0.9"}, "0.72"),
        ({"2019-01-20": "1.2", "2019-02-16": "9"}, "0.96"),  # the last on or before the day
    ],
)
def test_a_composite_level_moves_with_the_exchange_rate(rates, level):
    result = answer(composite(fx_initial="1.25"), prices={"A": {DATES[0]: "100"}}, fx={"A": rates})
    assert result["observations"][0]["perf"]["A"] == f"{level}000000"
    assert result["knocked_in"] is (Fraction(level) < Fraction(9, 10))


def test_without_an_initial_rate_the_one_of_the_issue_date_counts():
    rates = {"2019-01-14": "2", "2019-01-16": "4", "2019-02-15": "1.8"}
    result = answer(composite(), prices={"A": {DATES[0]: "100"}}, fx={"A": rates})
    assert result["observations"][0]["perf"]["A"] == "0.90000000"


def test_a_share_in_the_products_currency_needs_no_rate():
    result = answer(composite(), prices={"A": {DATES[0]: "95"}})
    assert result["observations"][0]["perf"]["A"] == "0.95000000"


@pytest.mark.parametrize(
    ("share", "fx", "sentence"),
    [
        ({"fx_initial": 1}, {}, "market.fx.A: there is no rate on or before 2019-02-15."),
        ({}, {"A": {"2019-02-01": 1}}, "market.fx.A: there is no rate on or before 2019-01-15."),
    ],
)
def test_a_rate_that_is_not_known_is_no_guess(share, fx, sentence):
    result = answer(composite(**share), prices={"A": {DATES[0]: "100"}}, fx=fx)
    assert result["error"] == sentence


@pytest.mark.parametrize("fx", ["none", "quanto", None])
def test_other_products_ignore_rates(fx):
    terms = composite(fx_initial="1.25") | {"fx": fx}
    result = answer(terms, prices={"A": {DATES[0]: "100"}}, fx={"A": {DATES[0]: "9"}})
    assert result["observations"][0]["perf"]["A"] == "1.00000000"


def test_a_barrier_watched_daily_is_broken_by_the_rate_alone():
    terms = composite(fx_initial="1")
    terms["redemption"] = {"type": "barrier", "barrier": "0.9", "style": "american"}
    prices = {"A": dict.fromkeys(MONTH, "100")}
    for rate, broken in (("0.89", True), ("0.9", False)):
        rates = {"2019-01-15": "1", "2019-02-05": rate, "2019-02-06": "1"}
        assert answer(terms, prices=prices, fx={"A": rates})["knocked_in"] is broken


# --- days counted one by one


def range_note(**observation):
    coupon = {"type": "accrual", "rate": "0.1", "barrier": "0.8", "upper": "1.2"}
    return one(coupon=coupon, observations=[{"date": DATES[0], **observation}])


def coupon_of(terms, **market):
    return Fraction(answer(terms, **market)["observations"][0]["coupon"])


def test_listed_days_are_counted_by_their_closes():
    days = MONTH[:5]
    prices = closes(80, "79.99", 120, "120.01", 100, 1, 1, 1, 1, 1, 1)
    assert coupon_of(range_note(accrual_days=days), prices=prices) == 60


def test_a_listed_day_without_a_close_is_read_by_the_one_before():
    days = ["2019-02-08", "2019-02-09", "2019-02-10", "2019-02-11"]  # a weekend between
    prices = {"A": {"2019-02-08": "90", "2019-02-11": "50", DATES[0]: "90"}}
    assert coupon_of(range_note(accrual_days=days), prices=prices) == 75


def test_without_a_list_every_trading_day_of_the_period_is_counted():
    prices = closes(*[100] * 8, 50, 50, 50)
    assert coupon_of(range_note(start="2019-02-04"), prices=prices) == Fraction("66.67")  # 6 of 9
    assert coupon_of(range_note(), prices=prices) == Fraction("72.73")  # 8 of 11


def test_the_day_is_counted_by_the_basket():
    coupon = {"type": "accrual", "rate": "0.1", "barrier": "0.8"}
    listed = [{"date": DATES[0], "accrual_days": MONTH[:2]}]
    prices = closes(100, 70, *[100] * 9) | {"B": dict.fromkeys(MONTH, "90")}
    for basket, brought in (("worst", 50), ("best", 100), ("average", 100)):
        terms = spec(coupon=coupon, observations=listed, basket=basket, memory=False)
        assert coupon_of(terms, prices=prices) == brought


def test_days_still_to_come_leave_the_observation_pending():
    terms = range_note(accrual_days=["2019-02-14", "2019-02-18"])
    result = answer(terms, prices=closes(*[100] * 11))
    assert result["observations"][0]["event"] == "PENDING"
    terms = range_note(end="2019-02-18")
    result = answer(terms, prices=closes(*[100] * 11))
    assert result["observations"][0]["event"] == "PENDING"


def test_a_day_before_the_first_close_is_left_out():
    prices = closes(None, 70, *[100] * 9)
    assert coupon_of(range_note(accrual_days=["2019-01-31", *MONTH[:3]]), prices=prices) == 50
    assert coupon_of(range_note(accrual_days=["2019-01-31"]), prices=prices) == 0


# --- corporate actions


def test_a_special_dividend_may_take_the_close_before_it_from_the_prices():
    action = {"id": "A", "ex": "2019-02-13", "type": "special_dividend", "amount": "10"}
    prices = closes(*[100] * 7, 50, 40, 40, 40)  # 50 on the day before
    result = answer(one(actions=[action]), prices=prices)
    assert result["observations"][0]["perf"]["A"] == "0.50000000"
    result = answer(one(actions=[action]), prices={"A": {DATES[0]: "40"}})
    assert result["error"] == "spec.actions[0].prev_close: this term is missing."


def test_an_action_before_the_issue_is_in_the_fixing_already():
    actions = [
        {"id": "A", "ex": ex, "type": "split", "ratio": 4} for ex in ("2018-08-31", "2019-01-15")
    ]
    result = answer(one(actions=actions), prices={"A": {DATES[0]: "90"}})
    assert result["observations"][0]["perf"]["A"] == "0.90000000"


# --- sessions where no calendar is given


@pytest.mark.parametrize(
    ("names", "days"),
    [
        ((None, None), ("2019-02-15", "2019-02-18")),  # one exchange: B is disrupted
        (("X", "X"), ("2019-02-15", "2019-02-18")),
        (("X", "Y"), ("2019-02-18", "2019-02-18")),  # two: the 15th is no common session
        (("X", None), ("2019-02-18", "2019-02-18")),
    ],
)
def test_every_day_with_a_price_is_a_session_of_the_shares_exchange(names, days):
    underlyings = [
        {"id": share, "initial": 100, "calendar": name}
        for share, name in zip("AB", names, strict=True)
    ]
    prices = {"A": {"2019-02-15": 90, "2019-02-18": 91}, "B": {"2019-02-18": 90}}
    result = answer(one() | {"underlyings": underlyings}, prices=prices)
    assert result["observations"][0]["valuation"] == dict(zip("AB", days, strict=True))


# --- days of payment


def paid_on(result):
    return {payment["type"]: payment["date"] for payment in result["payments"]}


CALENDAR = ["2019-02-14", "2019-02-15", "2019-02-20", "2019-02-21"]


@pytest.mark.parametrize(
    ("terms", "day"),
    [
        ({}, "2019-02-15"),
        ({"payment": {"lag": 2}}, "2019-02-19"),  # Monday, Tuesday
        ({"payment": {"lag": 2, "calendar": "PAY"}}, "2019-02-21"),
        ({"payment": {"calendar": "PAY"}}, "2019-02-15"),
        ({"payment": {"lag": 4, "calendar": "PAY"}}, "2019-02-21"),  # it ends: weekdays count
        ({"observations": [{"date": DATES[0], "pay": "2019-03-01"}]}, "2019-03-01"),
    ],
)
def test_a_coupon_is_paid_after_its_lag(terms, day):
    result = answer(
        one(coupon={"rate": "0.02"}, **terms),
        prices={"A": {DATES[0]: "90"}},
        calendars={"PAY": CALENDAR},
    )
    assert paid_on(result)["coupon"] == day


def test_a_payment_calendar_that_is_not_there_is_said():
    terms = one(payment={"lag": 2, "calendar": "PAY"})
    result = answer(terms, prices={"A": {DATES[0]: "90"}}, calendars={"X": CALENDAR})
    assert result["error"] == "market.calendars: there is no calendar PAY for payments."
    assert "error" not in answer(terms, prices={"A": {DATES[0]: "90"}})


def test_a_residual_is_paid_on_the_maturity_as_printed():
    autocall = {"barrier": "0.9", "redemption": "0.97", "deferred": "0.03"}
    terms = one(autocall=autocall, maturity="2019-06-15")  # a Saturday
    assert paid_on(answer(terms, prices={"A": {DATES[0]: "90"}}))["residual"] == "2019-06-15"


def test_after_too_long_a_disruption_the_payment_follows_the_last_session_tried():
    terms = one(coupon={"rate": "0.02"}, payment={"lag": 1}, schedule={"max_disruption": 2})
    terms["underlyings"] = [{"id": "A", "initial": "100", "calendar": "X"}]
    sessions = ["2019-02-14", "2019-02-15", "2019-02-18", "2019-02-19", "2019-02-20"]
    prices = {"A": {"2019-02-14": "90", "2019-02-20": "50"}}
    result = answer(terms, prices=prices, calendars={"X": sessions})
    assert result["observations"][0]["valuation"] == {"A": "2019-02-14"}
    assert paid_on(result)["coupon"] == "2019-02-20"


# --- as of a day


def test_a_breach_counts_while_a_disrupted_observation_still_waits():
    redemption = {"type": "barrier", "barrier": "0.6", "style": "american"}
    terms = one(redemption=redemption)
    terms["underlyings"] = [{"id": "A", "initial": "100", "calendar": "X"}]
    days = ["2019-02-15", "2019-02-18", "2019-02-19"]
    market = {"prices": {"A": {"2019-02-18": "50"}}, "calendars": {"X": days}}
    hit = {"A": ["2019-02-15", "2019-02-18"]}
    result = answer(terms, disrupted=hit, as_of="2019-02-18", **market)
    assert (result["status"], result["knocked_in"]) == ("LIVE", True)


def test_what_is_remembered_is_told_while_the_product_lives():
    result = answer(spec(), prices={share: {DATES[0]: "60"} for share in "AB"})
    assert (result["status"], result["memory_unpaid"]) == ("LIVE", "0.02")


# --- for every market

DAYS = [date(2019, 1, 16 + n) for n in range(14)] + [date(2019, 2, n) for n in range(1, 16)]
series = st.lists(
    st.sampled_from([None, 55, 60, 79, 80, 81, 100, 120, 121]),
    min_size=len(DAYS),
    max_size=len(DAYS),
)
rate = st.sampled_from(["0.9", "1", "1.1"])
sheets = st.fixed_dictionaries(
    {
        "basket": st.sampled_from(["worst", "best", "average", "all", "any", "n_of_m"]),
        "m": st.just(2),
        "coupon": st.fixed_dictionaries(
            {
                "type": st.sampled_from(["fixed", "accrual", "per_stock"]),
                "rate": st.just("0.03"),
                "barrier": st.just("0.8"),
                "upper": st.sampled_from([None, "1.2"]),
                "strict": st.booleans(),
            }
        ),
        "memory": st.booleans(),
        "redemption": st.fixed_dictionaries(
            {
                "type": st.just("barrier"),
                "barrier": st.just("0.6"),
                "style": st.sampled_from(["american", "observation", "european"]),
                "ki_inclusive": st.booleans(),
            }
        ),
        "fx": st.sampled_from(["none", "composite"]),
    }
)
OBSERVED = [{"date": day} for day in ("2019-01-25", "2019-02-05", "2019-02-14")]


def run(terms, a, b, today=None, scale=1, rates=("1", "1")):
    underlyings = [{"id": share, "initial": 100 * scale, "fx_initial": "1"} for share in "AB"]
    prices = {
        share: {
            day.isoformat(): close * scale for day, close in zip(DAYS, found, strict=True) if close
        }
        for share, found in (("A", a), ("B", b))
    }
    fx = {"A": {"2019-01-15": rates[0], "2019-02-01": rates[1]}, "B": {"2019-01-15": "1"}}
    market = {"prices": prices, "fx": fx, "as_of": today}
    read = read_market(market)
    terms = spec(underlyings=underlyings, observations=OBSERVED, **terms)
    return replay(read_spec(terms), read)


@settings(max_examples=80, deadline=None)
@given(sheets, series, series, st.sampled_from(DAYS), rate, rate)
def test_a_replay_as_of_an_earlier_day_never_rewrites_what_was(terms, a, b, today, first, later):
    then = run(terms, a, b, today.isoformat(), rates=(first, later))
    now = run(terms, a, b, "2019-12-31", rates=(first, later))
    known = [item for item in then.observations if item.outcome]
    assert known == list(now.observations[: len(known)])
    assert then.payments == now.payments[: len(then.payments)]
    assert now.state.knocked_in or not then.state.knocked_in


@settings(max_examples=50, deadline=None)
@given(sheets, series, series, rate, rate)
def test_scaling_all_prices_changes_nothing_and_the_money_adds_up(terms, a, b, first, later):
    plain = run(terms, a, b, rates=(first, later)).as_json()
    assert run(terms, a, b, scale=7, rates=(first, later)).as_json() == plain
    amounts = [Fraction(payment["amount"]) for payment in plain["payments"]]
    assert sum(amounts) == Fraction(plain["total"])
    coupons = [Fraction(item["coupon"] or 0) for item in plain["observations"]]
    assert sum(coupons) == Fraction(plain["coupons_total"])


def test_a_sheet_whose_lock_in_is_switched_off_has_none():
    assert sheet(lock_in=False).lock_in is None
    assert sheet(lock_in={"barrier": "1"}).lock_in == 1
