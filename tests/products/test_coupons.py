"""What a coupon earns, pays and remembers, rule by rule."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.products import coupons, payoff
from apps.products.payoff import State
from tests.term_sheets import DATES, decide, levels, sheet

GOOD, BAD = levels(90, 95, 90), levels(60, 95, 90)
RATE = Fraction(3, 100)


def rates(*percents):
    return [Fraction(str(percent)) / 100 for percent in percents]


def events(outcomes):
    return [outcome.event.value for outcome in outcomes]


def paid(outcomes):
    return [outcome.rate_paid for outcome in outcomes]


def remembered(outcomes):
    return [outcome.rate_remembered for outcome in outcomes]


# --- each share for itself


def by_share(memory=True, weights=(None, None, None), **coupon):
    underlyings = [
        {"id": share, "initial": "100", "weight": weight}
        for share, weight in zip("ABC", weights, strict=True)
    ]
    terms = {"type": "per_stock", "rate": "0.03", "barrier": "0.7"} | coupon
    return sheet(underlyings=underlyings, coupon=terms, memory=memory)


def test_each_share_remembers_what_it_missed_and_is_paid_when_it_is_there_again():
    path = levels(60, 80, 80), levels(60, 60, 80), levels(80, 60, 80), levels(60, 80, 80)
    outcomes = decide(by_share(), *path)
    assert events(outcomes) == ["PARTIAL"] * 4
    assert paid(outcomes) == rates(2, 1, 4, 4)  # A brings its two missed ones, then B
    assert remembered(outcomes) == rates(1, 3, 2, 1)
    assert outcomes[-1].state.remembered_by == {"A": Fraction(1, 100)}


def test_with_all_shares_there_everything_remembered_is_paid():
    outcomes = decide(by_share(), levels(60, 60, 60), levels(80, 80, 80))
    assert events(outcomes) == ["SAVED", "ACCRUED"]
    assert paid(outcomes) == rates(0, 6)
    assert outcomes[-1].state.remembered_by == {}


def test_a_share_earns_by_its_weight():
    outcomes = decide(by_share(memory=False, weights=("0.5", "0.3", "0.2")), levels(80, 60, 80))
    assert paid(outcomes) == rates("2.1")


def test_a_call_grants_no_share_what_it_did_not_earn():
    terms = by_share()
    called = sheet(
        "ABC",
        coupon={"type": "per_stock", "rate": "0.03", "barrier": "0.7"},
        autocall={"barrier": "1", "basket": "best", "coupon": "always"},
    )
    outcome = decide(called, levels(60, 80, 101))[0]
    assert (outcome.called, outcome.rate_paid) == (True, Fraction(2, 100))
    assert decide(terms, levels(60, 80, 101))[0].rate_paid == Fraction(2, 100)


# --- by the day


def counted(*insides, memory=False):
    observations = [
        {"date": day, "in_days": inside, "total_days": 60}
        for day, inside in zip(DATES, insides, strict=False)
    ]
    coupon = {"type": "accrual", "rate": "0.03", "barrier": "0.7"}
    return sheet(coupon=coupon, observations=observations, memory=memory)


def test_days_outside_are_lost_without_memory():
    outcomes = decide(counted(60, 15, 0), BAD, BAD, BAD)
    assert events(outcomes) == ["ACCRUED", "PARTIAL", "LOST"]
    assert paid(outcomes) == rates(3, "0.75", 0)


def test_days_outside_are_remembered_for_the_next_coupon_that_is_earned_in_full():
    outcomes = decide(counted(15, 30, 60, memory=True), BAD, BAD, BAD)
    assert paid(outcomes) == rates("0.75", "1.5", "6.75")
    assert remembered(outcomes) == rates("2.25", "3.75", 0)


def test_days_that_nobody_counted_are_no_guess():
    terms = sheet(coupon={"type": "accrual", "rate": "0.03", "barrier": "0.7"})
    with pytest.raises(ValueError, match="days of observation 1 are not counted"):
        payoff.observe(terms, State.start(), 1, GOOD)
    outcome = payoff.observe(terms, State.start(), 1, GOOD, inside=Fraction(1, 4))
    assert outcome.rate_paid == Fraction(3, 400)


# --- growing


@pytest.mark.parametrize(
    ("reset", "brought"),
    [
        (False, (2, 0, 3, "3.5")),  # 2 %, then half a percent more every period
        (True, (2, 0, "2.5", 2)),  # counted anew from the coupon that was paid
    ],
)
def test_a_snowball_grows_from_period_to_period(reset, brought):
    coupon = {"rate": "0.02", "barrier": "0.7", "growth_step": "0.005", "growth_reset": reset}
    outcomes = decide(sheet(coupon=coupon, memory=False), GOOD, BAD, GOOD, GOOD)
    assert paid(outcomes) == rates(*brought)


def test_a_growing_coupon_is_remembered_at_the_rate_that_was_missed():
    coupon = {"rate": "0.02", "barrier": "0.7", "growth_step": "0.01"}
    outcomes = decide(sheet(coupon=coupon), BAD, BAD, GOOD)
    assert remembered(outcomes) == rates(2, 5, 0)
    assert paid(outcomes)[-1] == Fraction(9, 100)


def test_an_autocall_whose_coupon_grows_by_itself_is_one_with_memory():
    """A kick-out plan of 6 % a year may be written either way."""
    call = {"autocall": {"barrier": "1"}}
    grows = {"rate": "0.06", "barrier": "1", "growth_step": "0.06"}
    path = BAD, BAD, levels(101, 101)
    one = decide(sheet(coupon=grows, memory=False, **call), *path)
    other = decide(sheet(coupon={"rate": "0.06", "barrier": "1"}, **call), *path)
    assert paid(one) == paid(other) == rates(0, 0, 18)


# --- guaranteed


def test_a_guaranteed_rate_above_the_rate_is_paid_where_it_is_guaranteed():
    observations = [{"date": DATES[0], "guaranteed": True}, {"date": DATES[1]}]
    coupon = {"rate": "0.02", "barrier": "0.7", "guaranteed_rate": "0.03"}
    outcomes = decide(sheet(coupon=coupon, observations=observations), GOOD, GOOD)
    assert events(outcomes) == ["GUARANTEED", "ACCRUED"]
    assert paid(outcomes) == rates(3, 2)


def test_a_guaranteed_rate_alone_is_a_coupon():
    outcomes = decide(sheet(coupon={"guaranteed_rate": "0.02"}), BAD)
    assert (events(outcomes), paid(outcomes)) == (["GUARANTEED"], rates(2))


def test_a_guaranteed_rate_is_a_yearly_one_where_the_rate_is():
    coupon = {"rate": "0.08", "guaranteed_rate": "0.02", "basis": "annual", "frequency": 4}
    outcomes = decide(sheet(coupon=coupon | {"barrier": "0.7"}), BAD, GOOD)
    assert paid(outcomes) == rates("0.5", "3.5")


def test_one_observation_may_be_left_out_of_the_guarantee():
    observations = [{"date": DATES[0]}, {"date": DATES[1], "guaranteed": False}]
    coupon = {"rate": "0.02", "barrier": "0.7", "guaranteed": True}
    outcomes = decide(sheet(coupon=coupon, observations=observations), BAD, BAD)
    assert events(outcomes) == ["GUARANTEED", "SAVED"]


# --- locked in


def locked(basket="worst", **coupon):
    terms = {"rate": "0.02", "barrier": "0.7"} | coupon
    return sheet(coupon=terms, basket=basket, m=2, lock_in={"barrier": "1"}, memory=False)


@pytest.mark.parametrize("basket", ["worst", "all", "n_of_m"])
def test_a_share_once_at_the_lock_in_counts_as_there(basket):
    path = levels(101, 60), levels(60, 80), levels(60, 100), levels(1, 1)
    outcomes = decide(locked(basket), *path)
    assert events(outcomes) == ["LOST", "ACCRUED", "ACCRUED", "ACCRUED"]
    assert outcomes[1].state.locked == {"A"}


@pytest.mark.parametrize("basket", ["best", "any"])
def test_where_one_share_is_enough_one_lock_is(basket):
    path = levels(100, 60), levels(60, 60)
    assert events(decide(locked(basket), *path)) == ["ACCRUED", "ACCRUED"]


def test_a_locked_share_stands_above_no_top():
    path = levels(110, 90), levels(130, 90), levels(130, 121)
    outcomes = decide(locked("all", upper="1.2"), *path)
    assert events(outcomes) == ["ACCRUED", "ACCRUED", "ACCRUED"]
    outcomes = decide(locked("worst", upper="1.05"), levels(101, 60), levels(60, 99))
    assert events(outcomes) == ["LOST", "ACCRUED"]


def test_a_lock_is_for_the_coupon_and_not_for_the_call():
    terms = sheet(lock_in={"barrier": "1"}, autocall={"barrier": "1"})
    outcomes = decide(terms, levels(100, 60), levels(60, 100))
    assert [o.called for o in outcomes] == [False, False]
    assert [o.event for o in outcomes] == ["SAVED", "ACCRUED"]


# --- the top of the corridor and the call

CORRIDOR = {"rate": "0.02", "barrier": "0.75", "upper": "1"}


def test_a_call_above_a_corridor_that_ends_at_the_call_pays_its_coupon():
    outcomes = decide(sheet(coupon=CORRIDOR, autocall={"barrier": "1"}), BAD, levels(101, 120))
    assert events(outcomes) == ["SAVED", "ACCRUED"]
    assert paid(outcomes) == rates(0, 4)


def test_a_corridor_that_goes_on_above_the_call_has_its_top_for_the_called_as_well():
    coupon = CORRIDOR | {"upper": "1.1"}
    outcome = decide(sheet(coupon=coupon, autocall={"barrier": "1"}), levels(111, 120))[0]
    assert (outcome.called, outcome.event, outcome.rate_paid) == (True, "SAVED", 0)


# --- decisions that a product may take otherwise


def test_a_call_that_comes_before_the_coupon_pays_none():
    autocall = {"barrier": "1", "coupon": "never"}
    outcomes = decide(sheet(autocall=autocall), BAD, levels(101, 101))
    assert events(outcomes) == ["SAVED", "NONE"]
    assert paid(outcomes) == rates(0, 0)
    assert outcomes[-1].called


def test_a_bonus_may_multiply_the_current_coupon_alone():
    autocall = {"barrier": "1", "bonus": {"2": "3"}, "bonus_on": "current"}
    assert paid(decide(sheet(autocall=autocall), GOOD, levels(101, 101))) == rates(2, 6)


@pytest.mark.parametrize(("end", "last"), [("paid", 8), ("lost", 0), (None, 0)])
def test_what_is_still_remembered_at_the_end_is_lost_unless_it_is_paid(end, last):
    outcomes = decide(sheet(memory_end=end), BAD, BAD, BAD, BAD)
    assert outcomes[-1].rate_paid == Fraction(last, 100)
    assert outcomes[-1].rate_remembered == Fraction(8 - last, 100)
    assert outcomes[-1].event == ("ACCRUED" if last else "SAVED")


# --- periods


def test_a_period_starts_where_the_one_before_ended():
    observations = [
        {"date": DATES[0], "end": "2019-02-20"},
        {"date": DATES[1]},
        {"date": DATES[2], "start": "2019-04-01"},
    ]
    coupon = {"rate": "0.36", "basis": "annual", "day_count": "ACT/360"}
    terms = sheet(coupon=coupon, observations=observations)
    found = [coupons.period_rate(terms, number) for number in (1, 2, 3)]
    assert found == [Fraction(days, 1000) for days in (36, 23, 14)]


# --- for every path

shares = st.integers(40, 130)
paths = st.lists(st.tuples(shares, shares, shares), min_size=4, max_size=4)
kinds = st.sampled_from(["fixed", "per_stock", "accrual"])
parts = st.lists(st.integers(0, 60), min_size=4, max_size=4)


def product(kind, insides, memory, **terms):
    observations = [{"date": day} for day in DATES]
    if kind == "accrual":
        for observation, inside in zip(observations, insides, strict=True):
            observation |= {"in_days": inside, "total_days": 60}
    coupon = {"type": kind, "rate": "0.03", "barrier": "0.7"} | terms.pop("coupon", {})
    return sheet("ABC", coupon=coupon, observations=observations, memory=memory, **terms)


@given(kinds, parts, paths)
def test_paid_and_remembered_together_are_the_periods_so_far(kind, insides, path):
    outcomes = decide(product(kind, insides, memory=True), *(levels(*found) for found in path))
    for number, outcome in enumerate(outcomes, start=1):
        assert outcome.state.rate_paid + outcome.rate_remembered == number * RATE
        assert outcome.rate_paid >= 0


@given(kinds, parts, paths, st.sampled_from([None, "0.01"]), st.sampled_from([None, "1"]))
def test_memory_never_pays_less(kind, insides, path, sure, lock):
    terms = {"coupon": {"guaranteed_rate": sure}, "lock_in": {"barrier": lock}}
    found = [levels(*each) for each in path]
    with_memory, without = (
        decide(product(kind, insides, memory=memory, **terms), *found) for memory in (True, False)
    )
    for one, other in zip(with_memory, without, strict=True):
        assert one.state.rate_paid >= other.state.rate_paid
        assert (one.called, one.redemption) == (other.called, other.redemption)


@given(kinds, parts, paths, st.booleans())
def test_n_of_n_is_the_worst_and_one_of_n_the_best(kind, insides, path, memory):
    found = [levels(*each) for each in path]
    for named, m in (("worst", 3), ("best", 1)):
        terms = {"autocall": {"barrier": "1.1"}, "redemption": {"barrier": "0.6"}}
        one = decide(product(kind, insides, memory, basket=named, **terms), *found)
        other = decide(product(kind, insides, memory, basket="n_of_m", m=m, **terms), *found)
        assert one == other


@given(kinds, parts, paths)
def test_a_state_survives_being_stored_after_every_observation(kind, insides, path):
    terms = product(kind, insides, memory=True, lock_in={"barrier": "1"})
    for outcome in decide(terms, *(levels(*found) for found in path)):
        assert State.from_json(outcome.state.as_json()) == outcome.state


def test_a_state_of_the_first_formula_still_loads():
    stored = {
        "status": "LIVE", "observed": 1, "rate_paid": "1/40", "rate_remembered": "0",
        "knocked_in": False, "above": ["A"],
    }  # fmt: skip
    state = State.from_json(stored)
    assert (state.rate_paid, state.above) == (Fraction(1, 40), {"A"})
    assert state.as_json() == stored
