from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.products import coupons, payoff
from apps.products.payoff import Event, State, Status
from tests.term_sheets import DATES, decide, levels, sheet

TWO = Fraction(2, 100)
GOOD, BAD = levels(90, 95), levels(60, 95)
ONE_SHARE = ("A",)


def events(outcomes):
    return [outcome.event.value for outcome in outcomes]


def paid(outcomes):
    return [outcome.rate_paid for outcome in outcomes]


def test_a_missed_coupon_is_saved_and_paid_with_the_next_that_is_met():
    outcomes = decide(sheet(), GOOD, BAD, BAD, GOOD)
    assert events(outcomes) == ["ACCRUED", "SAVED", "SAVED", "ACCRUED"]
    assert paid(outcomes) == [TWO, 0, 0, 3 * TWO]
    assert [o.rate_remembered for o in outcomes] == [0, TWO, 2 * TWO, 0]
    assert [o.worst for o in outcomes] == ["A"] * 4
    assert outcomes[1].basket_level == Fraction(6, 10)
    assert outcomes[-1].status is Status.MATURED


def test_without_memory_a_missed_coupon_is_lost():
    outcomes = decide(sheet(memory=False), GOOD, BAD, GOOD)
    assert events(outcomes) == ["ACCRUED", "LOST", "ACCRUED"]
    assert paid(outcomes) == [TWO, 0, TWO]


def test_what_is_remembered_at_the_end_is_never_paid():
    last = decide(sheet(), BAD, BAD, BAD, BAD)[-1]
    assert (last.event, last.rate_paid, last.rate_remembered) == (Event.SAVED, 0, 4 * TWO)


def test_a_guaranteed_coupon_is_paid_whatever_the_shares_do():
    outcomes = decide(sheet(coupon={"rate": "0.02", "barrier": "0.7", "guaranteed": True}), BAD)
    assert (events(outcomes), paid(outcomes)) == (["GUARANTEED"], [TWO])


def test_a_single_guaranteed_coupon_leaves_the_memory_alone_until_the_barrier_is_met():
    observations = [{"date": day} for day in DATES]
    observations[1]["guaranteed"] = True
    outcomes = decide(sheet(observations=observations), BAD, BAD, GOOD)
    assert events(outcomes) == ["SAVED", "GUARANTEED", "ACCRUED"]
    assert paid(outcomes) == [0, TWO, 2 * TWO]


@pytest.mark.parametrize("flag", [None, False, True])
def test_of_a_coupon_guaranteed_in_part_the_rest_is_remembered(flag):
    coupon = {"rate": "0.02", "barrier": "0.7", "guaranteed": flag, "guaranteed_rate": "0.005"}
    outcomes = decide(sheet(coupon=coupon), BAD, GOOD)
    assert events(outcomes) == ["GUARANTEED", "ACCRUED"]
    assert paid(outcomes) == [Fraction(5, 1000), TWO + Fraction(15, 1000)]


def test_an_observation_without_a_coupon_says_so_and_keeps_the_memory():
    observations = [{"date": DATES[0]}, {"date": DATES[1], "rate": 0}, {"date": DATES[2]}]
    outcomes = decide(sheet(observations=observations), BAD, BAD, GOOD)
    assert events(outcomes) == ["SAVED", "NONE", "ACCRUED"]
    assert paid(outcomes)[2] == 2 * TWO


def test_the_corridor_pays_only_up_to_its_top():
    coupon = {"rate": "0.02", "barrier": "0.75", "upper": "1"}
    outcomes = decide(
        sheet(coupon=coupon), levels(75, 120), levels(100, 120), levels("100.01", 120)
    )
    assert events(outcomes) == ["ACCRUED", "ACCRUED", "SAVED"]


@pytest.mark.parametrize(("strict", "event"), [(False, Event.ACCRUED), (True, Event.SAVED)])
def test_exactly_at_the_barrier_the_term_sheet_decides(strict, event):
    coupon = {"rate": "0.02", "barrier": "0.7", "strict": strict}
    assert decide(sheet(coupon=coupon), levels(70, 95))[0].event is event


def test_each_share_that_is_there_earns_its_part():
    coupon = {"type": "per_stock", "rate": "0.03", "barrier": "0.9"}
    terms = sheet("ABC", coupon=coupon, memory=False)
    outcomes = decide(terms, levels(95, 80, 90), levels(95, 95, 95), levels(1, 2, 3))
    assert events(outcomes) == ["PARTIAL", "ACCRUED", "LOST"]
    assert paid(outcomes) == [TWO, Fraction(3, 100), 0]


def test_an_accrual_coupon_pays_for_the_days_inside():
    observations = [{"date": DATES[0], "in_days": 15, "total_days": 60}]
    terms = sheet(
        coupon={"type": "accrual", "rate": "0.03"}, memory=False, observations=observations
    )
    outcome = decide(terms, BAD)[0]
    assert (outcome.event, outcome.rate_paid) == (Event.PARTIAL, Fraction(3, 400))


@pytest.mark.parametrize(
    ("terms", "rate"),
    [
        ({"rate": "0.02"}, TWO),
        ({"rate": "0.1065", "basis": "annual", "frequency": 4}, Fraction("0.1065") / 4),
        (
            {"rate": "0.08", "basis": "annual", "day_count": "ACT/365"},
            Fraction(8, 100) * Fraction(31, 365),  # 15 January to 15 February
        ),
    ],
)
def test_a_rate_is_quoted_per_period_or_per_year(terms, rate):
    assert coupons.period_rate(sheet(coupon=terms), 1) == rate


# --- the call

CALL = {"barrier": "1", "first": 2}


def test_the_first_call_date_and_the_step_down_decide_when_it_is_called():
    observations = [{"date": day} for day in DATES]
    observations[2]["autocall"] = "0.95"
    terms = sheet(observations=observations, autocall=CALL)
    outcomes = decide(terms, levels(110, 110), levels(96, 110), levels(96, 110))
    assert [o.called for o in outcomes] == [False, False, True]
    last = outcomes[-1]
    assert (last.status, last.call_redemption, last.redemption) == (Status.CALLED, 1, 1)
    assert last.rate_paid == TWO


def test_a_call_leaves_its_residual_for_later_and_multiplies_all_coupons():
    autocall = {"barrier": "1", "redemption": "0.97", "deferred": "0.03", "bonus": {"2": "2"}}
    outcomes = decide(sheet(autocall=autocall), GOOD, levels(101, 101))
    last = outcomes[-1]
    assert paid(outcomes) == [TWO, 3 * TWO]  # four periods' worth in all: two, doubled
    assert (last.redemption, last.deferred) == (Fraction(97, 100), Fraction(3, 100))
    assert last.state.rate_paid == 4 * TWO


def test_no_bonus_is_paid_without_a_call_or_at_another_observation():
    autocall = {"barrier": "1", "bonus": {"2": "2"}}
    assert paid(decide(sheet(autocall=autocall), GOOD, GOOD, levels(101, 101))) == [TWO] * 3


@pytest.mark.parametrize(
    ("coupon", "event", "rate"), [("if_met", "SAVED", 0), ("always", "ACCRUED", TWO)]
)
def test_called_while_the_coupon_barrier_is_missed_pays_by_the_term_sheet(coupon, event, rate):
    # the call looks at the best share, the coupon at the worst; the remembered is never paid
    autocall = {"barrier": "1", "basket": "best", "first": 2, "coupon": coupon}
    last = decide(sheet(autocall=autocall), BAD, levels(60, 101))[-1]
    assert (last.called, last.event, last.rate_paid) == (True, event, rate)
    assert last.rate_remembered == 2 * TWO - rate


def test_a_share_once_above_stays_above_for_the_call():
    autocall = {"barrier": "1", "stock_memory": True}
    path = levels(105, 80), levels(80, 105)
    assert [o.called for o in decide(sheet(autocall=autocall), *path)] == [False, True]
    assert [o.called for o in decide(sheet(autocall={"barrier": "1"}), *path)] == [False, False]


# --- the end


@pytest.mark.parametrize(
    ("redemption", "final", "level"),
    [
        ({}, 40, 1),
        ({"type": "full", "participation": "0.4"}, 150, "1.2"),
        ({"type": "full", "participation": "0.4", "up_strike": "1.1"}, 150, "1.16"),
        ({"type": "full", "participation": "0.4"}, 80, 1),
        ({"type": "fixed", "level": "0.95"}, 40, "0.95"),
        ({"type": "fixed", "level": "0.95", "participation": 1}, 110, "1.05"),
        ({"type": "floor", "floor": "0.9"}, 95, "0.95"),
        ({"type": "floor", "floor": "0.9"}, 40, "0.9"),
        ({"type": "floor", "floor": "0.9"}, 130, 1),
        ({"type": "floor", "floor": "0.9", "participation": 1}, 130, "1.3"),
        ({"type": "barrier", "barrier": "0.6"}, 60, 1),
        ({"type": "barrier", "barrier": "0.6"}, 59, "0.59"),
        ({"type": "barrier", "barrier": "0.6", "ki_inclusive": True}, 60, "0.6"),
        ({"type": "barrier", "barrier": "0.6", "strike": "0.8"}, 50, "0.625"),
        ({"type": "barrier", "barrier": "0.6", "floor": "0.55"}, 50, "0.55"),
        ({"type": "barrier", "barrier": "0.6", "participation": 2}, 120, "1.4"),
    ],
)
def test_maturity_pays_back_by_its_redemption(redemption, final, level):
    terms = sheet(ONE_SHARE, redemption=redemption, observations=[{"date": DATES[0]}])
    outcome = decide(terms, levels(final))[0]
    assert (outcome.redemption, outcome.status) == (Fraction(level), Status.MATURED)
    assert outcome.call_redemption is None


def test_the_redemption_may_look_at_another_basket():
    redemption = {"type": "barrier", "barrier": "0.6", "basket": "average"}
    terms = sheet(redemption=redemption, observations=[{"date": DATES[0]}])
    assert decide(terms, levels(30, 80))[0].redemption == Fraction(55, 100)


@pytest.mark.parametrize(
    ("style", "level"), [("european", 1), ("observation", "0.9"), ("american", "0.9")]
)
def test_a_breach_on_an_observation_before_the_last_counts_by_style(style, level):
    redemption = {"type": "barrier", "barrier": "0.6", "style": style}
    terms = sheet(ONE_SHARE, redemption=redemption)
    outcomes = decide(terms, levels(50), levels(90), levels(90), levels(90))
    assert outcomes[-1].redemption == Fraction(level)


def test_after_a_breach_a_rise_pays_back_no_more_than_par():
    redemption = {"type": "barrier", "barrier": "0.6", "style": "observation", "strike": "0.8"}
    terms = sheet(ONE_SHARE, redemption=redemption, observations=[{"date": d} for d in DATES[:2]])
    assert decide(terms, levels(50), levels(120))[-1].redemption == 1


def test_a_breach_between_observations_counts_only_for_a_barrier_watched_daily():
    for style, knocked_in in (("american", True), ("observation", False), ("european", False)):
        redemption = {"type": "barrier", "barrier": "0.6", "style": style}
        terms = sheet(redemption=redemption)
        day = terms.observations[0].scheduled
        assert (
            payoff.watch(terms, State.start(), day, {"B": Fraction(1, 2)}).knocked_in is knocked_in
        )


def test_a_barrier_is_not_watched_before_its_start():
    redemption = {"type": "barrier", "barrier": "0.6", "style": "american", "ki_start": DATES[1]}
    terms = sheet(redemption=redemption)
    early, late = terms.observations[0].scheduled, terms.observations[1].scheduled
    assert not payoff.watch(terms, State.start(), early, BAD | levels(10)).knocked_in
    assert payoff.watch(terms, State.start(), late, BAD | levels(10)).knocked_in


# --- money, state, order


@pytest.mark.parametrize(
    ("terms", "rate", "nominal", "amount"),
    [
        # $10 × 10.65 % ÷ 4 = $0.26625, published as $0.2663: four decimals, half up
        ({"notional": "10", "ccy_dp": 4}, Fraction("0.1065") / 4, 100_000, 2663),
        ({"denomination": "10"}, Fraction("0.0255"), 100_000, 26 * 100),
        ({"denomination": "10", "round_per": "position"}, Fraction("0.0255"), 100_000, 2550),
        ({"denomination": "10", "rounding": "DOWN"}, Fraction("0.0255"), 100_000, 25 * 100),
        ({}, Fraction("0.0255"), 12_345, 315),
        ({"rounding": "HALF_EVEN"}, Fraction("0.025"), 100, 2),
        ({}, Fraction("0.025"), 100, 3),
        ({}, TWO, 0, 0),
    ],
)
def test_money_is_rounded_once_per_note_or_position(terms, rate, nominal, amount):
    assert payoff.money(sheet(**terms), rate, nominal) == amount


def test_a_nominal_that_is_no_whole_number_of_notes_is_refused():
    with pytest.raises(ValueError, match="whole number of notes"):
        payoff.money(sheet(denomination="10"), TWO, 1_500)


def test_a_state_survives_being_stored():
    state = State(
        Status.LIVE, 2, Fraction(1, 3), Fraction(1, 40), knocked_in=True, above=frozenset("AB")
    )
    assert State.from_json(state.as_json()) == state


def test_observations_are_decided_in_order_while_the_product_lives():
    terms = sheet(autocall={"barrier": "1"})
    with pytest.raises(ValueError, match="Observation 2 cannot follow observation 0"):
        payoff.observe(terms, State.start(), 2, GOOD)
    called = decide(terms, levels(101, 101))[0].state
    with pytest.raises(ValueError, match="a product that is CALLED"):
        payoff.observe(terms, called, 2, GOOD)
    with pytest.raises(ValueError, match="There is no observation 9"):
        payoff.observe(terms, State.start(), 9, GOOD)


def test_a_missing_level_is_named_and_never_guessed():
    with pytest.raises(ValueError, match="no level of B"):
        payoff.observe(sheet(), State.start(), 1, levels(90))


paths = st.lists(
    st.tuples(*[st.integers(40, 99)] * 2).map(lambda pair: levels(*pair)), min_size=4, max_size=4
)


@given(paths)
def test_paid_and_remembered_together_are_the_periods_so_far(path):
    for number, outcome in enumerate(decide(sheet(), *path), start=1):
        assert outcome.state.rate_paid + outcome.rate_remembered == number * TWO


@given(paths)
def test_memory_never_pays_less(path):
    assert sum(paid(decide(sheet(), *path))) >= sum(paid(decide(sheet(memory=False), *path)))


@given(paths)
def test_all_of_two_shares_is_the_worst_of(path):
    counted = decide(sheet(basket="n_of_m", m=2), *path)
    assert [o.rate_paid for o in counted] == paid(decide(sheet(), *path))
    assert [o.basket_level for o in counted] == [o.basket_level for o in decide(sheet(), *path)]
