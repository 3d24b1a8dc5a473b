from contextlib import suppress
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.products.terms.fields import exact, parse
from apps.products.terms.market import read_market
from apps.products.terms.reading import read_spec
from apps.products.terms.sheet import BasketKind, TermSheetError
from tests.term_sheets import DATES, sheet, spec


def test_a_term_sheet_is_read_with_its_defaults():
    terms = sheet()
    assert (terms.notional, terms.denomination, terms.places) == (100_000, None, 2)
    assert terms.basket.kind is BasketKind.WORST
    assert [share.weight for share in terms.basket.underlyings] == [Fraction(1, 2)] * 2
    assert terms.observations[3].scheduled == date(2019, 5, 15)
    assert terms.observations[0].barrier == Fraction(7, 10)
    assert terms.observations[0].call_barrier is None
    assert terms.schedule.max_disruption == 8


def test_an_observation_overrides_the_product():
    observations = [
        {"date": DATES[0]},
        {"date": DATES[1], "rate": "0", "coupon_barrier": "0.6", "guaranteed": True},
        {"date": DATES[2], "autocall": "0.95", "call_redemption": "1.01", "coupon_upper": "1.1"},
    ]
    first, second, third = sheet(
        observations=observations, autocall={"barrier": "1", "first": 2}
    ).observations
    assert first.call_barrier is None
    assert (second.rate, second.barrier, second.call_barrier) == (0, Fraction(6, 10), 1)
    assert (third.call_barrier, third.call_redemption) == (Fraction(95, 100), Fraction(101, 100))
    assert third.upper == Fraction(11, 10)


def weighted(*weights):
    return [
        {"id": share, "initial": "1", "weight": weight}
        for share, weight in zip("ABC", weights, strict=False)
    ]


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        (("0.75", "0.25"), ("0.75", "0.25")),
        ((75, 25), ("0.75", "0.25")),  # percent
        ((1, 1), ("0.5", "0.5")),  # all the same
        (("0.3333", "0.3333", "0.3333"), (Fraction(1, 3),) * 3),
        ((None, None), ("0.5", "0.5")),
    ],
)
def test_weights_are_parts_of_one(given, parts):
    weights = [share.weight for share in sheet(underlyings=weighted(*given)).basket.underlyings]
    assert weights == [Fraction(part) for part in parts]


def test_corporate_changes_become_factors_of_the_initial_fixing():
    actions = [
        {"id": "A", "ex": "2019-02-01", "type": "split", "ratio": "4.0"},
        {"id": "B", "ex": "2019-02-02", "type": "special_dividend", "amount": 5, "prev_close": 50},
        {"id": "B", "ex": "2019-02-03", "type": "factor", "factor": "0.98"},
    ]
    factors = [change.factor for change in sheet(actions=actions).changes]
    assert factors == [Fraction(1, 4), Fraction(9, 10), Fraction(49, 50)]


ANY_DAY = {"date": DATES[0]}


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ({"notional": 1000.5}, r"spec\.notional: 1000\.5 is a binary float"),
        ({"notional": "1000.001"}, r"spec\.notional: it has more than 2 decimals"),
        ({"notional": "-5"}, r"spec\.notional: -5 must be above zero"),
        ({"notional": None}, r"spec\.notional: this term is missing"),
        ({"notional": "1e3"}, r"spec\.notional: '1e3' is not a decimal"),
        ({"notional": "9" * 5_000}, r"spec\.notional: .* is not a decimal"),
        ({"notional": True}, r"spec\.notional: True is not a decimal"),
        ({"notional": "١٠"}, r"spec\.notional: .* is not a decimal"),
        ({"denomination": "300"}, r"not a whole number of denominations"),
        ({"memry": True}, r"spec\.memry: unknown term; known here: .*memory"),
        ({"memory": "yes"}, r"spec\.memory: 'yes' must be true or false"),
        ({"underlyings": []}, r"spec\.underlyings: at least one share"),
        ({"underlyings": "AB"}, r"spec\.underlyings: a list is expected"),
        ({"underlyings": [{"id": "A", "initial": "0"}]}, r"\[0\]\.initial: 0 must be above zero"),
        ({"underlyings": [{"id": "A", "initial": 1}] * 2}, r"\[1\]\.id: A is in the basket twice"),
        (
            {"underlyings": [{"id": "A", "initial": 1, "weight": 1}, {"id": "B", "initial": 1}]},
            r"either every share has a weight or none",
        ),
        ({"basket": "worst-of"}, r"spec\.basket: 'worst-of' must be one of worst"),
        ({"basket": ["worst"]}, r"spec\.basket: \['worst'\] must be one of"),
        ({"basket": "n_of_m"}, r"spec\.m: n_of_m needs m from 1 to 2, not 0"),
        ({"basket": "n_of_m", "m": 3}, r"spec\.m: n_of_m needs m from 1 to 2, not 3"),
        ({"underlyings": weighted("0.5", "0.6")}, r"the weights add up to 1\.1; change them"),
        ({"coupon": {"rate": "0.02", "barier": 1}}, r"spec\.coupon\.barier: unknown term"),
        ({"coupon": {"rate": 0.02}}, r"spec\.coupon\.rate: 0\.02 is a binary float"),
        ({"coupon": {"rate": "-0.02"}}, r"spec\.coupon\.rate: -0\.02 must not be negative"),
        ({"coupon": []}, r"spec\.coupon: an object with keys is expected"),
        ({"fx": "cash"}, r"spec\.fx: 'cash' must be one of none, quanto, composite"),
        (
            {"lock_in": {"barrier": "1"}, "basket": "average"},
            r"spec\.lock_in: an average has no share to lock in",
        ),
        ({"redemption": {"type": "buffer"}}, r"redemption\.buffer: this term is missing"),
        ({"redemption": {"type": "buffer", "buffer": 10}}, r"the part of a fall .* such as 0\.1"),
        ({"redemption": {"type": "floor"}}, r"redemption\.floor: this term is missing"),
        ({"redemption": {"type": "floor", "floor": "1.1"}}, r"a floor is at most 1, .* type fixed"),
        ({"redemption": {"level": 1, "buffer": "0.1"}}, r"type: say which of fixed, buffer is meant"),
        ({"redemption": {"type": "barrier"}}, r"redemption\.barrier: this term is missing"),
        ({"redemption": {"type": "fixed"}}, r"redemption\.level: this term is missing"),

        ({"autocall": {"bonus": {"9": "2"}}}, r"autocall\.bonus\.9: there is no such observation"),
        ({"autocall": {"first": 0}}, r"autocall\.first: 0 must be a whole number from 1 to"),
        (
            {"autocall": {"stock_memory": True, "basket": "average"}},
            r"an average has no share to remember",
        ),
        ({"observations": []}, r"spec\.observations: at least one observation"),
        ({"observations": [{"date": "2019-02-30"}]}, r"there is no day 2019-02-30"),
        ({"observations": [{"date": "20190215"}]}, r"'20190215' is not a date"),
        ({"observations": [{}]}, r"observations\[0\]\.date: this term is missing"),
        ({"observations": [ANY_DAY, ANY_DAY]}, r"\[1\]\.date: 2019-02-15 is not after 2019-02-15"),
        ({"issue_date": "2019-06-01"}, r"\[0\]\.date: 2019-02-15 is not after 2019-06-01"),
        ({"maturity": "2019-03-01"}, r"2019-05-15, lies after the maturity 2019-03-01"),
        ({"maturity": "2019-01-01"}, r"2019-01-01 is not after the issue date"),
        ({"observations": [ANY_DAY | {"pay": "2019-02-14"}]}, r"pay: it pays before it observes"),
        ({"observations": [ANY_DAY | {"coupon_upper": "0.6"}]}, r"top lies below its barrier"),
        ({"observations": [ANY_DAY | {"accrual_days": []}]}, r"only an accrual coupon counts days"),
        ({"observations": [ANY_DAY | {"in_days": 1}]}, r"only an accrual coupon counts days"),
        (
            {"observations": [ANY_DAY | {"start": "2019-02-15", "end": "2019-02-15"}]},
            r"the period ends before it starts",
        ),
        (
            {"actions": [{"id": "Z", "ex": "2019-02-01", "type": "split", "ratio": 2}]},
            r"actions\[0\]\.id: Z is not in the basket",
        ),
        (
            {"actions": [{"id": "A", "ex": "2019-02-01", "type": "merger"}]},
            r"'merger' must be one of split",
        ),
        (
            {
                "actions": [
                    {
                        "id": "A", "ex": "2019-02-01", "type": "special_dividend",
                        "amount": 50, "prev_close": 50,
                    }
                ]
            },
            r"the dividend is not below the close",
        ),
        ({"schedule": {"roll": "next"}}, r"schedule\.roll: 'next' must be one of none"),
        ({"payment": {"lag": "1.5"}}, r"payment\.lag: 1\.5 must be a whole number from 0 to"),
        ({"payment": {"lag": 10**9}}, r"payment\.lag: 1000000000 must be a whole number from 0"),
        ({"level_dp": 10**9}, r"level_dp: 1000000000 must be a whole number from 0 to"),
        ({"maturity": "9999-12-31"}, r"maturity: 9999-12-31 lies outside the years 1900 to 2199"),
    ],
)  # fmt: skip
def test_a_bad_term_is_refused_with_a_sentence_that_says_where_and_why(terms, sentence):
    with pytest.raises(TermSheetError, match=sentence):
        read_spec(spec(**terms))


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        ({"in_days": 5}, r"\[0\]: an accrual coupon needs in_days out of total_days"),
        ({"in_days": 5, "total_days": 4}, r"\[0\]: an accrual coupon needs in_days out of"),
        ({"accrual_days": []}, r"\[0\]\.accrual_days: at least one day is needed"),
        ({"accrual_days": "all"}, r"\[0\]\.accrual_days: a list is expected"),
    ],
)
def test_the_days_of_an_accrual_coupon_are_counted_or_listed(days, sentence):
    with pytest.raises(TermSheetError, match=sentence):
        sheet(coupon={"type": "accrual", "rate": "0.03"}, observations=[ANY_DAY | days])


def test_days_of_the_first_period_need_a_start():
    coupon = {"rate": "0.08", "basis": "annual", "day_count": "ACT/365"}
    with pytest.raises(TermSheetError, match="the first coupon's days have no start"):
        sheet(coupon=coupon, issue_date=None)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('"\udcff"', "This is not UTF-8"),
        ('{"rate": ', "This is not JSON"),
        ("[" * 100_000, "This is not JSON"),
        ("9" * 5_000, "This is not JSON"),
    ],
)
def test_a_text_that_is_no_json_is_refused(text, sentence):
    with pytest.raises(TermSheetError, match=sentence):
        parse(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"coupon": {"rate": NaN}}', "spec.coupon.rate: 'NaN' is not a decimal number"),
        ('{"coupon": {"rate": -Infinity}}', "spec.coupon.rate: '-Infinity' is not a decimal"),
        ('{"coupon": {"rate": "1", "rate": "2"}}', "spec.coupon.rate: this key is written twice"),
    ],
)
def test_no_number_and_a_key_written_twice_are_refused_at_their_place(text, sentence):
    with pytest.raises(TermSheetError, match=sentence):
        read_spec(spec(**parse(text)))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.1", Fraction(1, 10)),  # the float nearest to it is another number
        ("1e3", 1000),
        ('"0.1"', Fraction(1, 10)),
        ('".5"', Fraction(1, 2)),
        ('"+2."', 2),
        ('" 7 "', 7),
        ("7", 7),
    ],
)
def test_a_number_is_read_exactly_from_its_text(text, number):
    assert exact(parse(text), "here") == number


@pytest.mark.parametrize("text", ["1e999999999", "1e-999999999", '"1e3"', '"1,5"', '"1_000"', '""'])
def test_a_number_that_is_no_plain_decimal_is_refused(text):
    with pytest.raises(TermSheetError, match="is not a decimal number"):
        exact(parse(text), "here")


def test_a_market_drops_what_lies_after_its_day_without_reading_it():
    market = read_market(
        {
            "as_of": "2019-02-15",
            "prices": {"A": {"2019-02-15": "101.5", "2019-02-18": "no number at all"}},
            "calendars": {"X": ["2019-02-18", "2019-02-15"]},
            "disrupted": {"A": ["2019-02-14"]},
        }
    )
    assert market.prices == {"A": {date(2019, 2, 15): Fraction(203, 2)}}
    assert market.calendars == {"X": (date(2019, 2, 15), date(2019, 2, 18))}


@pytest.mark.parametrize(
    ("market", "sentence"),
    [
        ({"prices": {"A": {"2019-02-15": "0"}}}, r"prices\.A\.2019-02-15: 0 must be above zero"),
        ({"prices": {"A": {"2019-02-15": 1.5}}}, r"1\.5 is a binary float"),
        ({"prices": {"A": {"15.02.2019": "1"}}}, r"prices\.A: '15\.02\.2019' is not a date"),
        ({"prices": {"A": ["1"]}}, r"prices\.A: an object with keys is expected"),
        ({"price": {}}, r"market\.price: unknown term"),
    ],
)
def test_a_bad_market_is_refused_with_a_sentence(market, sentence):
    with pytest.raises(TermSheetError, match=sentence):
        read_market(market)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(st.sampled_from([*spec(), "autocall", "redemption", "schedule", "payment", "m"]), JSON)
def test_whatever_stands_in_a_term_it_is_read_or_refused_and_never_crashes(key, value):
    with suppress(TermSheetError):
        read_spec(spec() | {key: value})
