"""An observation becomes a result, coupons, payments and events: once, on confirmed closes only."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.events.actions import listen
from apps.events.models import Event, Inbox
from apps.products.actions.evaluation import evaluate_due, evaluate_observation
from apps.products.actions.quotes import confirm_quotes
from apps.products.models.holdings import Payment, Policy, PolicyCoupon
from apps.products.models.markets import CorporateAction, Quote, TradingDay
from apps.products.models.strategies import Observation, ObservationResult, Strategy
from tests import factories
from tests.products.waiting import wait_for_lock

pytestmark = pytest.mark.django_db

FIRST, SECOND, THIRD, LAST = DAYS = (
    date(2020, 2, 28),
    date(2020, 5, 29),
    date(2020, 8, 31),
    date(2020, 11, 30),
)
EVALUATED, WAITING = Observation.State.EVALUATED, Observation.State.WAITING
PLANNED, DROPPED = Observation.State.PLANNED, Observation.State.DROPPED


def evening(day):
    """22:00 UTC: New York has closed in winter and in summer."""
    return datetime(day.year, day.month, day.day, 22, tzinfo=UTC)


def closes(day, aapl="100", ibm="100"):
    factories.quote("AAPL", day, aapl)
    factories.quote("IBM", day, ibm)


def held_policy(strategy=None, **fields):
    strategy = strategy or factories.strategy()
    return factories.policy(factories.client(), strategy, **fields)


def first(policy):
    return policy.strategy.observations.get(number=1)


def states(strategy):
    return list(strategy.observations.order_by("number").values_list("state", flat=True))


def written():
    """Count everything that an evaluation writes."""
    tables = (ObservationResult, PolicyCoupon, Payment, Event, Inbox)
    return [table.objects.count() for table in tables]


# --- what comes out ------------------------------------------------------------------------------


def test_a_met_barrier_pays_every_policy_and_tells_its_client():
    listen("messaging", ["coupon.accrued"])
    policy = held_policy(nominal=1000_00)
    other = held_policy(policy.strategy, nominal=300_00)
    closes(FIRST, aapl="90.5", ibm="75")

    assert evaluate_due(at=evening(FIRST)) == 1

    result = ObservationResult.objects.get()
    assert (result.outcome, result.called, result.matured) == ("ACCRUED", False, False)
    assert (result.rate_paid, result.rate_remembered) == (Decimal("0.025"), 0)
    assert (result.worst.underlying.ticker, result.worst_level) == ("IBM", Decimal("0.75"))
    assert result.average_level == Decimal("0.8275")
    assert result.evaluated_at == evening(FIRST)
    assert result.levels["IBM"] == {
        "name": "IBM",
        "day": "2020-02-28",
        "close": "75",
        "initial_fixing": "100",
        "adjusted_fixing": "100",
        "level": "0.75000000",
        "barrier": "0.75",
        "barrier_price": "75",
        "met": True,
    }
    assert result.carried == {
        "status": "LIVE",
        "observed": 1,
        "rate_paid": "1/40",
        "rate_remembered": "0",
        "knocked_in": False,
        "above": [],
    }
    coupons = {coupon.policy: coupon.amount for coupon in PolicyCoupon.objects.all()}
    assert coupons == {policy: 25_00, other: 7_50}
    payment = Payment.objects.get(policy=policy)
    assert (payment.kind, payment.amount, payment.due_on) == ("coupon", 25_00, FIRST)
    event = Event.objects.get(client=policy.client)
    assert (event.kind, event.subject) == ("coupon.accrued", f"policy:{policy.pk}")
    assert event.occurred_at == evening(FIRST)
    assert event.source_key == f"result:{result.pk}:policy:{policy.pk}"
    assert event.properties == {
        "strategy": policy.strategy_id,
        "observation": result.observation_id,
        "result": result.pk,
        "policy": policy.pk,
        "outcome": "ACCRUED",
        "amount": 25_00,
        "remembered": 0,
        "currency": "USD",
    }
    assert Inbox.objects.count() == 2
    assert states(policy.strategy) == [EVALUATED, PLANNED, PLANNED, PLANNED]


def test_a_missed_coupon_is_saved_and_paid_with_the_next_one():
    policy = held_policy()
    closes(FIRST, ibm="74.99")
    closes(SECOND)

    assert evaluate_due(at=evening(SECOND)) == 2

    coupons = PolicyCoupon.objects.order_by("observation__number")
    assert [(one.outcome, one.amount, one.remembered) for one in coupons] == [
        ("SAVED", 0, 25_00),
        ("ACCRUED", 50_00, 0),
    ]
    assert [payment.amount for payment in Payment.objects.all()] == [50_00]
    kinds = Event.objects.filter(client=policy.client).order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["coupon.saved", "coupon.accrued"]


def test_without_memory_a_missed_coupon_is_lost():
    held_policy(factories.strategy(memory=False))
    closes(FIRST, ibm="74")
    evaluate_due(at=evening(FIRST))
    assert PolicyCoupon.objects.get().remembered == 0
    assert Event.objects.get().kind == "coupon.lost"


def test_a_guaranteed_coupon_is_told_as_accrued():
    held_policy(factories.strategy(guaranteed=True))
    closes(FIRST, ibm="10")
    evaluate_due(at=evening(FIRST))
    assert PolicyCoupon.objects.get().outcome == "GUARANTEED"
    assert Event.objects.get().kind == "coupon.accrued"


def test_an_observation_without_any_coupon_tells_nobody():
    held_policy(factories.strategy(coupon_rate=0))
    closes(FIRST)
    assert evaluate_due(at=evening(FIRST)) == 1
    assert PolicyCoupon.objects.get().outcome == "NONE"
    assert written() == [1, 1, 0, 0, 0]


def test_a_call_pays_capital_and_bonus_and_ends_everything():
    strategy = factories.strategy(
        call_barrier=1, call_redemption=Decimal("0.97"), call_deferred=Decimal("0.03")
    )
    strategy.observations.filter(number=1).update(bonus=2, pays_on=FIRST + timedelta(days=5))
    policy = held_policy(strategy)
    closes(FIRST)
    closes(SECOND)

    assert evaluate_due(at=evening(LAST)) == 1

    result = ObservationResult.objects.get()
    assert (result.called, result.redemption, result.deferred) == (
        True,
        Decimal("0.97"),
        Decimal("0.03"),
    )
    payments = {one.kind: (one.amount, one.due_on) for one in Payment.objects.all()}
    assert payments == {
        "coupon": (50_00, date(2020, 3, 4)),
        "redemption": (970_00, date(2020, 3, 4)),
        "residual": (30_00, strategy.matures_on),
    }
    assert states(strategy) == [EVALUATED, DROPPED, DROPPED, DROPPED]
    strategy.refresh_from_db()
    assert (strategy.state, strategy.called_on) == (Strategy.State.CALLED, FIRST)
    policy.refresh_from_db()
    assert (policy.state, policy.closed_on) == (Policy.State.CALLED, FIRST)
    assert Event.objects.get().kind == "strategy.called"


def test_the_last_observation_matures_and_pays_back_on_the_day_of_maturity():
    strategy = factories.strategy(days=[FIRST], redemption="floor", redemption_level=Decimal("0.9"))
    policy = held_policy(strategy)
    closes(FIRST, ibm="95.5")
    evaluate_due(at=evening(FIRST))
    redemption = Payment.objects.get(kind=Payment.Kind.REDEMPTION)
    assert (redemption.amount, redemption.due_on) == (955_00, strategy.matures_on)
    strategy.refresh_from_db()
    assert (strategy.state, strategy.called_on) == (Strategy.State.MATURED, None)
    policy.refresh_from_db()
    assert (policy.state, policy.closed_on) == (Policy.State.MATURED, strategy.matures_on)
    assert Event.objects.get().kind == "strategy.matured"


def test_only_policies_that_live_on_the_day_get_a_coupon():
    strategy = factories.strategy()
    day = timedelta(days=1)
    lives = [
        held_policy(strategy, starts_on=FIRST),
        held_policy(strategy, ends_on=FIRST),
    ]
    held_policy(strategy, starts_on=FIRST + day)
    held_policy(strategy, ends_on=FIRST - day)
    held_policy(strategy, state=Policy.State.SURRENDERED)
    held_policy(factories.strategy(fixings=[("BA", "300")]))
    closes(FIRST)
    assert evaluate_due(at=evening(FIRST)) == 1
    assert [coupon.policy for coupon in PolicyCoupon.objects.order_by("policy")] == lives


def test_a_policy_that_ends_on_the_scheduled_day_is_paid_when_that_day_rolls():
    strategy = factories.strategy(days=[date(2020, 11, 30)])
    strategy.observations.update(scheduled_on=date(2020, 11, 28))
    held_policy(strategy, ends_on=date(2020, 11, 28))
    closes(LAST)
    evaluate_due(at=evening(LAST))
    assert PolicyCoupon.objects.count() == 1


def test_a_position_without_notes_is_rounded_as_a_whole():
    held_policy(factories.strategy(denomination=None, rounding="HALF_EVEN"), nominal=1001_00)
    held_policy(Strategy.objects.get(), nominal=1_00)
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    amounts = PolicyCoupon.objects.order_by("policy").values_list("amount", flat=True)
    assert list(amounts) == [2502, 2]


def test_a_split_divides_the_initial_fixing_from_its_ex_date_on():
    held_policy()
    for ex_on in (SECOND, THIRD):
        CorporateAction.objects.create(
            underlying=factories.underlying("AAPL"),
            kind=CorporateAction.Kind.SPLIT,
            ex_on=ex_on,
            ratio=4,
            source="test",
        )
    closes(FIRST, aapl="90")
    closes(SECOND, aapl="22.5")
    assert evaluate_due(at=evening(SECOND)) == 2
    shares = [result.levels["AAPL"] for result in ObservationResult.objects.order_by("pk")]
    assert [(share["adjusted_fixing"], share["level"]) for share in shares] == [
        ("100", "0.90000000"),
        ("25", "0.90000000"),
    ]


def test_a_split_before_the_strike_changes_nothing():
    held_policy()
    CorporateAction.objects.create(
        underlying=factories.underlying("AAPL"),
        kind=CorporateAction.Kind.SPLIT,
        ex_on=date(2019, 11, 29),
        ratio=4,
        source="test",
    )
    closes(FIRST, aapl="90")
    evaluate_due(at=evening(FIRST))
    assert ObservationResult.objects.get().levels["AAPL"]["adjusted_fixing"] == "100"


def test_a_special_dividend_multiplies_the_initial_fixing():
    held_policy()
    factories.sessions(date(2020, 2, 26))
    factories.quote("AAPL", date(2020, 2, 26), "80")
    CorporateAction.objects.create(
        underlying=factories.underlying("AAPL"),
        kind=CorporateAction.Kind.SPECIAL_DIVIDEND,
        ex_on=date(2020, 2, 27),
        amount=8,
        source="test",
    )
    closes(FIRST, aapl="72")
    evaluate_due(at=evening(FIRST))
    share = ObservationResult.objects.get().levels["AAPL"]
    assert (share["adjusted_fixing"], share["level"]) == ("90", "0.80000000")


# --- what it waits for ---------------------------------------------------------------------------


def waits(policy, at):
    assert evaluate_due(at=at) == 0
    assert written() == [0, 0, 0, 0, 0]
    observation = first(policy)
    assert observation.state == WAITING
    return observation.waiting_for


def test_a_missing_close_leaves_the_observation_waiting():
    policy = held_policy()
    factories.quote("AAPL", FIRST, "100")
    assert waits(policy, evening(FIRST)) == "IBM: no close of 28 Feb 2020 yet"
    factories.quote("IBM", FIRST, "100")
    assert evaluate_due(at=evening(FIRST)) == 1
    assert first(policy).waiting_for == ""


def test_a_held_close_leaves_it_waiting_until_somebody_confirms():
    policy = held_policy()
    closes(FIRST)
    held = Quote.objects.get(underlying__ticker="IBM")
    Quote.objects.filter(pk=held.pk).update(state="held", held_because="jump of −37.2 %")
    assert waits(policy, evening(FIRST)) == ("IBM: close of 28 Feb 2020 is held: jump of −37.2 %")
    confirm_quotes([held.pk], by=None, at=evening(FIRST))
    assert evaluate_due(at=evening(FIRST)) == 1


def test_a_close_from_before_the_closing_bell_is_stale():
    policy = held_policy()
    factories.quote("AAPL", FIRST, "100")
    factories.quote("IBM", FIRST, "100", received_at=datetime(2020, 2, 28, 20, 59, tzinfo=UTC))
    assert waits(policy, evening(FIRST)) == (
        "IBM: close of 28 Feb 2020 came before the exchange closed"
    )


def test_a_missing_calendar_leaves_it_waiting():
    policy = held_policy()
    closes(FIRST)
    TradingDay.objects.all().delete()
    assert waits(policy, evening(FIRST)) == "XNYS: its calendar has no session on 28 Feb 2020"


def test_a_special_dividend_waits_for_the_close_before_it():
    policy = held_policy()
    CorporateAction.objects.create(
        underlying=factories.underlying("AAPL"),
        kind=CorporateAction.Kind.SPECIAL_DIVIDEND,
        ex_on=date(2020, 2, 27),
        amount=8,
        source="test",
    )
    closes(FIRST)
    assert "no close of the session before the special dividend" in waits(policy, evening(FIRST))


def test_a_dividend_after_the_day_is_not_looked_at():
    held_policy()
    CorporateAction.objects.create(
        underlying=factories.underlying("AAPL"),
        kind=CorporateAction.Kind.SPECIAL_DIVIDEND,
        ex_on=date(2020, 6, 1),  # the close before it is not known either
        amount=8,
        source="test",
    )
    closes(FIRST)
    assert evaluate_due(at=evening(FIRST)) == 1


def test_a_live_strategy_without_a_basket_says_so():
    policy = held_policy(factories.strategy(fixings=()))
    assert waits(policy, evening(FIRST)) == "The basket is empty."


def test_everything_that_is_missing_is_named_within_bounds():
    tickers = [f"SHARE-{n:02d}" for n in range(20)]
    policy = held_policy(factories.strategy(fixings=[(ticker, "1") for ticker in tickers]))
    reason = waits(policy, evening(FIRST))
    assert reason.startswith("SHARE-00: no close of 28 Feb 2020 yet; SHARE-01: no close")
    assert len(reason) == 500
    assert reason.endswith("…")


def test_nothing_is_due_before_every_exchange_has_closed():
    factories.underlying("SBER", exchange=factories.exchange("MISX", time_zone="Europe/Moscow"))
    policy = held_policy(factories.strategy(fixings=[("AAPL", "100"), ("SBER", "100")]))
    factories.sessions(FIRST, code="MISX")
    factories.quote("SBER", FIRST, "100")
    before = datetime(2020, 2, 28, 20, 59, tzinfo=UTC)
    assert evaluate_due(at=before) == 0
    assert not evaluate_observation(first(policy).pk, at=before)
    assert first(policy).state == PLANNED
    assert waits(policy, before + timedelta(minutes=1)) == "AAPL: no close of 28 Feb 2020 yet"


def test_a_later_close_never_stands_in_for_the_missing_one():
    policy = held_policy()
    closes(date(2020, 3, 2))
    factories.sessions(date(2020, 3, 2))
    assert waits(policy, evening(date(2020, 3, 2))).startswith("AAPL: no close of 28 Feb 2020 yet")


def test_a_draft_is_not_evaluated():
    policy = held_policy(factories.strategy(state=Strategy.State.DRAFT))
    closes(FIRST)
    assert evaluate_due(at=evening(FIRST)) == 0
    assert not evaluate_observation(first(policy).pk, at=evening(FIRST))


def test_an_earlier_observation_that_waits_blocks_the_later_one():
    policy = held_policy()
    closes(SECOND)
    later = policy.strategy.observations.get(number=2)
    assert evaluate_due(at=evening(SECOND)) == 0
    assert not evaluate_observation(later.pk, at=evening(SECOND))
    assert states(policy.strategy)[:2] == [WAITING, PLANNED]
    closes(FIRST)
    assert evaluate_due(at=evening(SECOND)) == 2


def test_dates_that_a_calendar_did_not_reach_are_rolled_when_it_does():
    strategy = factories.strategy(days=[date(2020, 2, 29)], payment_lag=1)
    strategy.observations.update(pays_on=None)
    TradingDay.objects.all().delete()
    policy = held_policy(strategy)
    monday, tuesday = date(2020, 3, 2), date(2020, 3, 3)
    assert waits(policy, evening(monday)).startswith("XNYS: its calendar has no session")
    factories.sessions(FIRST, monday, tuesday)
    closes(monday)
    assert evaluate_due(at=evening(monday)) == 1
    observation = first(policy)
    assert (observation.valuation_on, observation.pays_on) == (monday, tuesday)
    assert observation.moved_because == "29 Feb 2020 is no session"


def test_a_daily_barrier_waits_for_every_close_and_remembers_a_breach():
    strategy = factories.strategy(
        days=[FIRST, SECOND],
        redemption="barrier",
        knock_in_barrier=Decimal("0.6"),
        knock_in_style="american",
    )
    policy = held_policy(strategy)
    between = date(2020, 3, 23)
    factories.sessions(between)
    closes(FIRST)
    closes(SECOND, ibm="80")
    assert evaluate_due(at=evening(SECOND)) == 1
    waiting = strategy.observations.get(number=2)
    assert waiting.waiting_for == (
        "AAPL: no close of 23 Mar 2020 yet; IBM: no close of 23 Mar 2020 yet"
    )
    closes(between, ibm="59.99")
    assert evaluate_due(at=evening(SECOND)) == 1
    assert Payment.objects.get(policy=policy, kind="redemption").amount == 800_00


# --- one failure, its own ------------------------------------------------------------------------


def test_one_strategys_bad_terms_are_said_and_touch_no_other():
    bad = held_policy(factories.strategy(coupon_barrier=0))
    good = held_policy()
    closes(FIRST)
    assert evaluate_due(at=evening(FIRST)) == 1
    assert (first(bad).state, first(good).state) == (WAITING, EVALUATED)
    assert "coupon.barrier: 0.00000000 must be above zero" in first(bad).waiting_for
    assert not bad.coupons.exists()


def test_a_number_the_database_cannot_hold_is_one_strategys_own_trouble():
    bad = held_policy(factories.strategy(fixings=[("BA", "0.00000001")]))
    good = held_policy()
    closes(FIRST)
    factories.quote("BA", FIRST, "300")
    assert evaluate_due(at=evening(FIRST)) == 1
    assert (first(bad).state, first(good).state) == (WAITING, EVALUATED)
    assert "overflow" in first(bad).waiting_for


def test_a_policy_that_is_no_whole_number_of_notes_stops_its_strategy():
    policy = held_policy(nominal=150_00)
    closes(FIRST)
    assert waits(policy, evening(FIRST)) == (
        f"Policy {policy.number}: its nominal is no whole number of notes."
    )


# --- once ----------------------------------------------------------------------------------------


def test_running_twice_changes_nothing():
    listen("messaging", ["coupon.accrued"])
    policy = held_policy()
    closes(FIRST)
    assert evaluate_due(at=evening(FIRST)) == 1
    before = written()
    assert evaluate_due(at=evening(FIRST) + timedelta(hours=1)) == 0
    assert not evaluate_observation(first(policy).pk, at=evening(SECOND))
    assert written() == before == [1, 1, 1, 1, 1]


def test_waiting_twice_writes_nothing_the_second_time(django_assert_num_queries):
    held_policy()
    evaluate_due(at=evening(FIRST))
    with django_assert_num_queries(5):
        assert evaluate_due(at=evening(FIRST)) == 0


def test_a_catch_up_takes_the_observations_in_order_until_nothing_is_due():
    policy = held_policy()
    for day, ibm in zip(DAYS, ("50", "60", "80", "90"), strict=True):
        closes(day, ibm=ibm)
    other = held_policy(factories.strategy(call_barrier=Decimal("0.8")))
    assert evaluate_due(at=evening(LAST)) == 7
    for one, outcomes in ((policy, "SAVED SAVED ACCRUED ACCRUED"), (other, "SAVED SAVED ACCRUED")):
        coupons = one.coupons.order_by("observation__number")
        assert [coupon.outcome for coupon in coupons] == outcomes.split()
    assert states(other.strategy)[3] == DROPPED
    assert evaluate_due(at=evening(LAST) + timedelta(days=400)) == 0


def evaluate_in_thread(at, start=None, statements=None):
    if start:
        start.wait()
    try:
        with CaptureQueriesContext(connection) as queries:
            return evaluate_due(at=at)
    finally:
        if statements is not None:
            statements += [query["sql"] for query in queries]
        connection.close()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_four_at_once_evaluate_everything_once():
    listen("messaging", ["coupon.accrued", "coupon.saved"])
    policies = [held_policy() for _place in range(4)]
    for policy in policies:
        held_policy(policy.strategy)
    for day in (FIRST, SECOND, THIRD):
        closes(day, ibm="80")
    start = Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        counts = pool.map(lambda _: evaluate_in_thread(evening(THIRD), start), range(4))
        done = sum(counts)
    done += evaluate_due(at=evening(THIRD))
    assert done == 12
    assert written() == [12, 24, 24, 24, 24]


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_who_loses_the_race_for_an_observation_does_nothing():
    policy = held_policy()
    closes(FIRST)
    statements = []
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert evaluate_due(at=evening(FIRST)) == 1
            losing = pool.submit(evaluate_in_thread, evening(FIRST), statements=statements)
            wait_for_lock()
        assert losing.result() == 0
    # It was stopped by its own guard, not by the unique key behind it.
    assert [sql for sql in statements if sql.startswith("UPDATE")]
    assert not [sql for sql in statements if sql.startswith("INSERT")]
    assert written() == [1, 1, 1, 1, 0]
    assert first(policy).state == EVALUATED


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_an_evaluation_killed_in_the_middle_leaves_nothing_behind():
    policy = held_policy(factories.strategy(call_barrier=1))
    closes(FIRST)
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        # Coupons, payments and events are written by the time it waits for this row.
        Policy.objects.select_for_update().get(pk=policy.pk)
        killed = pool.submit(evaluate_in_thread, evening(FIRST))
        victim = wait_for_lock()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [victim])
        with pytest.raises(OperationalError):
            killed.result()
    assert written() == [0, 0, 0, 0, 0]
    assert first(policy).state == PLANNED
    assert evaluate_due(at=evening(FIRST)) == 1
    assert written() == [1, 1, 2, 1, 0]


# --- bounds --------------------------------------------------------------------------------------


def test_a_tick_over_many_waiting_strategies_costs_a_fixed_number_of_queries(
    django_assert_num_queries,
):
    for _place in range(5):
        held_policy()
    evaluate_due(at=evening(FIRST))
    with django_assert_num_queries(5):
        evaluate_due(at=evening(FIRST))


def test_an_evaluation_costs_the_same_queries_for_one_policy_and_for_fifty(
    django_assert_num_queries,
):
    closes(FIRST)
    for policies in (1, 50):
        strategy = factories.strategy()
        client = factories.client()
        for _place in range(policies):
            factories.policy(client, strategy)
        observation = strategy.observations.get(number=1)
        with django_assert_num_queries(18):
            assert evaluate_observation(observation.pk, at=evening(FIRST))
