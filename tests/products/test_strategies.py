"""A draft is rolled, checked and published; what is wrong is said in sentences."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection, transaction

from apps.products.actions.rolling import roll_observations
from apps.products.actions.strategies import StrategyError, publish_strategy
from apps.products.models.markets import TradingDay
from apps.products.models.strategies import Observation, Strategy
from apps.products.queries.terms import spec, term_sheet
from tests import factories
from tests.products.waiting import wait_for_lock

pytestmark = pytest.mark.django_db

AT = datetime(2020, 1, 15, 12, tzinfo=UTC)
THURSDAY = date(2020, 2, 27)
SATURDAY, FRIDAY, MONDAY, TUESDAY = (
    date(2020, 2, 29),
    date(2020, 2, 28),
    date(2020, 3, 2),
    date(2020, 3, 3),
)


def draft(**fields):
    return factories.strategy(**{"state": Strategy.State.DRAFT, **fields})


def objections(strategy, at=AT):
    with pytest.raises(StrategyError) as refused:
        publish_strategy(strategy.pk, at=at)
    strategy.refresh_from_db()
    assert strategy.state == Strategy.State.DRAFT
    return str(refused.value)


def only(strategy):
    return strategy.observations.get()


def test_a_sound_draft_is_published():
    strategy = draft()
    assert publish_strategy(strategy.pk, at=AT).state == Strategy.State.PUBLISHED
    strategy.refresh_from_db()
    assert strategy.state == Strategy.State.PUBLISHED


def test_publishing_twice_is_refused_the_second_time():
    strategy = draft()
    publish_strategy(strategy.pk, at=AT)
    with pytest.raises(StrategyError, match="is published already"):
        publish_strategy(strategy.pk, at=AT)


def test_an_empty_basket_is_refused():
    assert objections(draft(fixings=())) == "The basket is empty."


def test_a_strategy_without_observations_is_refused():
    strategy = draft()
    strategy.observations.all().delete()
    assert objections(strategy) == "There are no observations."


def test_a_strike_date_ahead_is_refused():
    at = datetime(2019, 11, 28, 12, tzinfo=UTC)
    assert objections(draft(), at) == (
        "The strike date, 29 Nov 2019, lies ahead: there are no initial fixings yet."
    )


def test_a_gap_in_the_numbers_is_refused():
    strategy = draft()
    strategy.observations.get(number=2).delete()
    assert objections(strategy).startswith("The observations must be numbered 1, 2, 3")


def test_terms_that_the_engine_refuses_are_refused_in_its_words():
    refused = objections(draft(call_first=0))
    assert "first call: 0 must be a whole number from 1 to 1000" in refused


def test_a_day_that_is_no_session_and_may_not_move_is_refused():
    strategy = draft(days=[SATURDAY], roll=Strategy.Roll.NONE)
    TradingDay.objects.all().delete()
    factories.sessions(FRIDAY, MONDAY)
    assert objections(strategy) == "Observation 1: 29 Feb 2020 is no session."


def test_a_basket_without_any_calendar_is_refused():
    strategy = draft()
    TradingDay.objects.all().delete()
    assert objections(strategy) == "There is no session calendar of the basket's exchanges."


def test_several_exchanges_may_each_keep_to_their_own_sessions():
    factories.underlying("SBER", exchange=factories.exchange("MISX"))
    strategy = draft(fixings=[("AAPL", "1"), ("SBER", "1")], days=[FRIDAY], common_sessions=False)
    factories.sessions(MONDAY, TUESDAY)
    factories.sessions(THURSDAY, MONDAY, TUESDAY, code="MISX")  # Friday is a holiday
    assert publish_strategy(strategy.pk, at=AT).observations.get().valuation_on == MONDAY


def test_everything_that_is_wrong_is_said_at_once():
    strategy = draft(call_first=0)
    strategy.observations.get(number=2).delete()
    refused = objections(strategy)
    assert "must be numbered" in refused
    assert "must be a whole number" in refused


@pytest.mark.parametrize(
    ("roll", "day", "pays_on", "moved"),
    [
        ("following", MONDAY, TUESDAY, "29 Feb 2020 is no session"),
        ("modified_following", FRIDAY, MONDAY, "29 Feb 2020 is no session"),
        ("preceding", FRIDAY, MONDAY, "29 Feb 2020 is no session"),
        ("none", SATURDAY, MONDAY, ""),
    ],
)
def test_a_day_rolls_by_the_rule_and_pays_after_its_lag(roll, day, pays_on, moved):
    strategy = draft(days=[SATURDAY], roll=roll, payment_lag=1)
    strategy.observations.update(pays_on=None)
    TradingDay.objects.all().delete()
    factories.sessions(date(2020, 2, 27), FRIDAY, MONDAY, TUESDAY)
    assert roll_observations(strategy, at=AT) == 1
    found = only(strategy)
    assert (found.valuation_on, found.pays_on, found.moved_because) == (day, pays_on, moved)
    assert roll_observations(strategy, at=AT) == 0


def test_only_days_on_which_all_exchanges_trade_count():
    factories.underlying("SBER", exchange=factories.exchange("MISX"))
    strategy = draft(fixings=[("AAPL", "1"), ("SBER", "1")], days=[SATURDAY])
    factories.sessions(FRIDAY, MONDAY, TUESDAY)
    factories.sessions(FRIDAY, TUESDAY, code="MISX")
    roll_observations(strategy, at=AT)
    assert only(strategy).valuation_on == TUESDAY


def test_a_day_that_the_calendar_does_not_reach_stays_as_scheduled():
    strategy = draft(days=[FRIDAY, date(2021, 2, 27)], payment_lag=2, matures_on=date(2021, 3, 1))
    TradingDay.objects.filter(day__year=2021).delete()
    strategy.observations.filter(number=2).update(pays_on=None)
    publish_strategy(strategy.pk, at=AT)
    later = strategy.observations.get(number=2)
    assert (later.valuation_on, later.pays_on) == (date(2021, 2, 27), None)


def test_a_calendar_that_begins_later_says_nothing_of_earlier_days():
    strategy = draft(days=[SATURDAY])
    TradingDay.objects.all().delete()
    factories.sessions(TUESDAY)
    assert roll_observations(strategy, at=AT) == 0


@pytest.mark.parametrize("roll", ["following", "preceding"])
def test_a_day_is_not_rolled_over_a_hole_in_the_calendar(roll):
    strategy = draft(days=[SATURDAY], roll=roll)
    TradingDay.objects.all().delete()
    factories.sessions(date(2019, 12, 31), date(2021, 1, 4))
    assert objections(strategy) == "Observation 1: 29 Feb 2020 is no session."


def test_a_payment_day_of_the_term_sheet_is_kept():
    strategy = draft(days=[FRIDAY], payment_lag=0)
    strategy.observations.update(pays_on=date(2020, 3, 9))
    roll_observations(strategy, at=AT)
    assert only(strategy).pays_on == date(2020, 3, 9)


def test_what_was_evaluated_meanwhile_keeps_its_dates():
    strategy = draft(days=[SATURDAY])
    TradingDay.objects.all().delete()
    factories.sessions(FRIDAY, MONDAY)
    strategy.observations.update(state=Observation.State.EVALUATED)
    assert roll_observations(strategy, at=AT) == 0
    assert only(strategy).valuation_on == SATURDAY


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_rolling_that_loses_the_race_against_an_evaluation_keeps_off():
    strategy = draft(days=[SATURDAY])
    TradingDay.objects.all().delete()
    factories.sessions(FRIDAY, MONDAY)

    def roll():
        try:
            return roll_observations(strategy, at=AT)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            strategy.observations.update(state=Observation.State.EVALUATED)
            losing = pool.submit(roll)
            wait_for_lock()
        assert losing.result() == 0
    assert only(strategy).valuation_on == SATURDAY


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_of_two_who_publish_one_is_refused():
    strategy = draft()
    start = Barrier(2)

    def publish(_place):
        start.wait()
        try:
            publish_strategy(strategy.pk, at=AT)
        except StrategyError as refusal:
            return str(refusal)
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(2) as pool:
        refusals = sorted(pool.map(publish, range(2)))
    assert refusals == ["", f"{strategy} is published already."]


# --- the term sheet -------------------------------------------------------------------------------


def test_every_term_of_a_strategy_reaches_the_engine():
    strategy = draft(
        corridor_upper=Decimal("1.2"),
        barrier_strict=True,
        call_barrier=1,
        call_first=2,
        call_coupon="always",
        call_redemption=Decimal("0.97"),
        call_deferred=Decimal("0.03"),
        redemption="barrier",
        knock_in_barrier=Decimal("0.6"),
        redemption_level=Decimal("0.1"),
        strike=Decimal("0.9"),
        participation=Decimal("0.5"),
        level_dp=2,
        rounding="DOWN",
        roll="preceding",
    )
    strategy.observations.filter(number=3).update(
        coupon_rate=Decimal("0.05"), call_barrier=Decimal("0.95"), bonus=3, guaranteed=True
    )
    terms = term_sheet(strategy)
    assert (terms.denomination, terms.currency, terms.rounding) == (100_00, "USD", "DOWN")
    assert (terms.basket.level_dp, terms.coupon.strict, terms.memory) == (2, True, True)
    assert [one.call_barrier for one in terms.observations[:2]] == [None, 1]
    third = terms.observation(3)
    assert (third.rate, third.guaranteed) == (Decimal("0.05"), True)
    assert third.call_barrier == Decimal("0.95")
    assert third.upper == Decimal("1.2")
    assert terms.autocall.bonus == {3: 3}
    assert (terms.autocall.coupon, terms.autocall.deferred) == ("always", Decimal("0.03"))
    redemption = terms.redemption
    assert (redemption.barrier, redemption.strike, redemption.participation, redemption.floor) == (
        Decimal("0.6"), Decimal("0.9"), Decimal("0.5"), Decimal("0.1"),
    )  # fmt: skip
    assert terms.schedule.roll == "preceding"


def test_the_term_sheet_takes_a_fixed_number_of_queries(django_assert_num_queries):
    strategy = factories.strategy(fixings=[(f"S{n}", "1") for n in range(10)])
    with django_assert_num_queries(3):
        spec(strategy)
