"""Days of one's own: sessions of each share, declared disruptions, daily closes, exchange rates."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from apps.events.models import Event
from apps.products.actions.disruptions import (
    DisruptionError,
    declare_disruption,
    withdraw_disruption,
)
from apps.products.actions.evaluation import evaluate_due
from apps.products.actions.rolling import roll_observations
from apps.products.models.calendars import ObservationMove
from apps.products.models.strategies import BasketMember, ObservationResult
from tests import factories
from tests.products.observing import EVALUATED, FIRST, SECOND, closes, evening, first, held_policy

pytestmark = pytest.mark.django_db

THU, MON, TUE = date(2020, 2, 27), date(2020, 3, 2), date(2020, 3, 3)
NOON = evening(FIRST) - timedelta(hours=10)


def disrupt(ticker, day, reason="trading halted"):
    share = factories.underlying(ticker)
    return declare_disruption(underlying_id=share.pk, day=day, reason=reason, by=None, at=NOON)


def valued():
    (result,) = ObservationResult.objects.all()
    return {ticker: (share["day"], share["close"]) for ticker, share in result.levels.items()}


@pytest.fixture
def policy():
    """A policy of a strategy observed on Friday, 28 February 2020, paid two sessions later."""
    factories.sessions(THU, MON, TUE)
    strategy = factories.strategy(days=[FIRST, SECOND], payment_lag=1)
    strategy.observations.update(pays_by_lag=True)
    roll_observations(strategy, at=NOON)
    return held_policy(strategy)


def test_only_the_disrupted_share_is_valued_on_the_next_session(policy):
    disrupt("IBM", FIRST)
    observation = first(policy)
    assert (observation.valuation_on, observation.pays_on) == (MON, TUE)
    assert observation.why_moved == "trading of IBM was disrupted"
    closes(FIRST, aapl="90", ibm="10")
    assert evaluate_due(at=evening(FIRST)) == 0
    closes(MON, aapl="20", ibm="80")
    assert evaluate_due(at=evening(MON)) == 1
    assert valued() == {"AAPL": ("2020-02-28", "90"), "IBM": ("2020-03-02", "80")}


def test_where_a_disruption_moves_all_shares_all_are_valued_later(policy):
    type(policy.strategy).objects.update(disruption_scope="all")
    disrupt("IBM", FIRST)
    closes(FIRST)
    closes(MON, aapl="95", ibm="80")
    assert evaluate_due(at=evening(MON)) == 1
    assert valued() == {"AAPL": ("2020-03-02", "95"), "IBM": ("2020-03-02", "80")}


def test_a_share_that_is_disrupted_for_too_long_is_valued_at_its_last_known_close(policy):
    type(policy.strategy).objects.update(max_disruption=1)
    closes(THU, ibm="77")
    closes(FIRST)
    disrupt("IBM", FIRST)
    disrupt("IBM", MON)
    assert evaluate_due(at=evening(MON)) == 1
    assert valued() == {"AAPL": ("2020-02-28", "100"), "IBM": ("2020-02-27", "77")}


def test_a_close_that_is_merely_missing_waits_and_moves_nothing(policy):
    factories.quote("AAPL", FIRST, "100")
    closes(MON)
    assert evaluate_due(at=evening(MON)) == 0
    assert first(policy).waiting_for == "IBM: no close of 28 Feb 2020 yet"


def test_a_whole_exchange_is_disrupted_and_holders_are_told_why(policy):
    exchange = factories.exchange()
    declare_disruption(exchange_id=exchange.pk, day=FIRST, reason="power cut", by=None, at=NOON)
    move = ObservationMove.objects.get()
    assert (move.from_on, move.to_on, move.because) == (FIRST, MON, "power cut")
    event = Event.objects.get(kind="observation.moved")
    assert event.properties["because"] == "power cut"
    closes(MON)
    assert evaluate_due(at=evening(MON)) == 1
    assert {day for day, _close in valued().values()} == {"2020-03-02"}


def test_what_was_declared_by_mistake_is_taken_back_once(policy):
    declared = disrupt("IBM", FIRST)
    assert first(policy).valuation_on == MON
    withdraw_disruption(declared.pk, by=None, at=NOON)
    assert (first(policy).valuation_on, first(policy).why_moved) == (FIRST, "")
    with pytest.raises(DisruptionError, match="withdrawn already"):
        withdraw_disruption(declared.pk, by=None, at=NOON)


def test_a_disruption_is_declared_once_with_a_reason_and_of_something(policy):
    disrupt("IBM", FIRST)
    with pytest.raises(ValidationError, match="already disrupted"):
        disrupt("IBM", FIRST)
    with pytest.raises(ValidationError):
        disrupt("AAPL", FIRST, reason=" ")
    with pytest.raises(ValidationError, match="one of them"):
        declare_disruption(day=FIRST, reason="storm", by=None, at=NOON)


def test_each_share_is_valued_on_its_own_session():
    moscow = factories.exchange("MISX", time_zone="Europe/Moscow")
    factories.underlying("SBER", exchange=moscow)
    factories.sessions(FIRST, TUE, code="XNYS")
    factories.sessions(THU, MON, TUE, code="MISX")  # a holiday on Friday
    strategy = factories.strategy(
        fixings=[("AAPL", "100"), ("SBER", "100")], days=[FIRST, SECOND], common_sessions=False
    )
    roll_observations(strategy, at=NOON)
    policy = held_policy(strategy)
    assert first(policy).valuation_on == MON
    factories.quote("AAPL", FIRST, "90")
    assert evaluate_due(at=evening(MON)) == 0
    assert first(policy).waiting_for == "SBER: no close of 2 Mar 2020 yet"
    factories.quote("SBER", MON, "80")
    assert evaluate_due(at=evening(MON)) == 1
    assert valued() == {"AAPL": ("2020-02-28", "90"), "SBER": ("2020-03-02", "80")}


def test_a_composite_basket_multiplies_by_the_exchange_rate():
    pair = factories.underlying("EURUSD", kind="currency_pair")
    strategy = factories.strategy(fixings=[("AAPL", "100")], fx="composite")
    BasketMember.objects.update(fx_pair=pair, fx_initial=Decimal("1.25"))
    policy = held_policy(strategy)
    factories.quote("AAPL", FIRST, "90")
    assert evaluate_due(at=evening(FIRST)) == 0
    assert first(policy).waiting_for == "EURUSD: no close of 28 Feb 2020 yet"
    factories.quote("EURUSD", FIRST, "1")
    assert evaluate_due(at=evening(FIRST)) == 1
    result = ObservationResult.objects.get()
    assert result.worst_level == Decimal("0.72")  # 0.9 × 1 ÷ 1.25
    assert result.levels["AAPL"]["fx"] == "0.8"
    assert result.levels["AAPL"]["barrier_price"] == "93.75"  # 75 at that rate, as the close is
    assert result.outcome == "SAVED"


def test_days_of_an_accrual_coupon_are_counted_and_all_of_them_must_have_closed():
    factories.sessions(THU)
    strategy = factories.strategy(
        fixings=[("AAPL", "100")], days=[FIRST], coupon_kind="accrual", struck_on=date(2020, 2, 25)
    )
    factories.sessions(date(2020, 2, 26))
    policy = held_policy(strategy)
    factories.quote("AAPL", FIRST, "90")
    factories.quote("AAPL", THU, "70")
    assert evaluate_due(at=evening(FIRST)) == 0
    assert first(policy).waiting_for == "AAPL: no close of 26 Feb 2020 yet"
    factories.quote("AAPL", date(2020, 2, 26), "80")
    assert evaluate_due(at=evening(FIRST)) == 1
    result = ObservationResult.objects.get()
    assert (result.outcome, result.rate_paid) == ("PARTIAL", Decimal("0.0166666666666667"))
    assert first(policy).state == EVALUATED


def test_a_disrupted_day_is_not_watched_for_a_barrier():
    strategy = factories.strategy(
        days=[FIRST, SECOND],
        redemption="barrier",
        knock_in_barrier=Decimal("0.6"),
        knock_in_style="american",
    )
    policy = held_policy(strategy)
    factories.sessions(MON, TUE)
    closes(FIRST)
    closes(MON)
    factories.quote("AAPL", TUE, "100")
    closes(SECOND)
    assert evaluate_due(at=evening(SECOND)) == 1
    assert "IBM: no close of 3 Mar 2020 yet" in strategy.observations.get(number=2).waiting_for
    disrupt("IBM", TUE)
    assert evaluate_due(at=evening(SECOND)) == 1
    assert not policy.coupons.get(observation__number=2).result.carried["knocked_in"]
