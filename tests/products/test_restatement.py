"""A price put right: every result computed from it is computed again, memory, calls and money too."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from apps.events.models import Event
from apps.products.actions.disruptions import declare_disruption
from apps.products.actions.evaluation import evaluate_due
from apps.products.actions.payments import mark_paid
from apps.products.actions.policies import Wanted, change_policy
from apps.products.actions.quotes import QuoteRow, confirm_quotes, record_quotes
from apps.products.actions.restatement import restate_due
from apps.products.actions.restatement.ordering import concerned, confirm_restatement
from apps.products.actions.restatement.overpayments import ask_back, drop, leave, pay_out
from apps.products.actions.restatement.preview import preview_quotes
from apps.products.models.corrections import Correction
from apps.products.models.holdings import Payment, Policy
from apps.products.models.markets import Quote
from apps.products.models.restatements import RestatedStrategy, Restatement
from apps.products.models.strategies import ObservationResult, Strategy
from apps.products.queries.restatements import doubtful_capital, overpayments
from tests import factories
from tests.products.observing import (
    DROPPED,
    EVALUATED,
    FIRST,
    LAST,
    PLANNED,
    SECOND,
    THIRD,
    closes,
    evening,
    held_policy,
    states,
    written,
)
from tests.products.restating import corrected, counting, coupons, money, person, restated, settles

pytestmark = pytest.mark.django_db


def pay_everything(on=SECOND):
    ids = Payment.objects.filter(state="planned").values_list("pk", flat=True)
    assert mark_paid(list(ids), on=on, at=evening(on))


def test_a_coupon_that_was_wrongly_paid_is_saved_and_comes_with_the_next():
    policy = held_policy()
    closes(FIRST)
    closes(SECOND)
    evaluate_due(at=evening(SECOND))
    assert coupons(policy) == [(25_00, 0), (25_00, 0)]

    assert restated("IBM", FIRST, "74") == 1

    assert counting(policy.strategy) == ["SAVED", "ACCRUED"]
    assert coupons(policy) == [(0, 25_00), (50_00, 0)]
    assert money(policy) == [("coupon", 50_00, "planned")]
    assert Payment.objects.filter(state="cancelled").count() == 2
    assert states(policy.strategy) == [EVALUATED, EVALUATED, PLANNED, PLANNED]
    assert settles(policy)
    # Nothing was overwritten.
    old = ObservationResult.objects.filter(superseded_by__isnull=False)
    assert list(old.values_list("outcome", flat=True)) == ["ACCRUED", "ACCRUED"]


def test_the_timeline_tells_what_was_corrected_from_what_to_what():
    policy = held_policy()
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    restated("IBM", FIRST, "74")
    event = Event.objects.get(client=policy.client, kind="result.corrected")
    result = ObservationResult.objects.get(superseded_by__isnull=True)
    assert event.subject == f"policy:{policy.pk}"
    assert event.properties == {
        "strategy": policy.strategy_id,
        "observation": result.observation_id,
        "result": result.pk,
        "supersedes": result.supersedes_id,
        "restatement": Restatement.objects.get().pk,
        "policy": policy.pk,
        "currency": "USD",
        "outcome_before": "ACCRUED",
        "outcome": "SAVED",
        "amount_before": 25_00,
        "amount": 0,
        "remembered_before": 0,
        "remembered": 25_00,
        "redemption_before": None,
        "redemption": None,
    }


def test_a_restatement_says_what_it_looked_at_and_what_came_out_otherwise():
    policy = held_policy()
    for day in (FIRST, SECOND, THIRD):
        closes(day)
    evaluate_due(at=evening(THIRD))
    restated("IBM", SECOND, "74")
    row = RestatedStrategy.objects.get()
    assert (row.strategy, row.checked, row.changed) == (policy.strategy, 2, 2)
    restatement = Restatement.objects.get()
    assert (restatement.state, restatement.trigger) == ("done", "price")
    assert "IBM" in restatement.reason
    assert restatement.decided_by.username == "second"


def test_a_result_that_comes_out_alike_stays_and_its_money_too():
    policy = held_policy()
    closes(FIRST)
    closes(SECOND)
    evaluate_due(at=evening(SECOND))
    paid = Payment.objects.order_by("pk").values_list("pk", "state")
    before = list(paid)
    # The other share is the worst; still the close that was shown has changed.
    restated("AAPL", FIRST, "101")
    first, second = ObservationResult.objects.filter(superseded_by__isnull=True).order_by(
        "observation__number"
    )
    assert first.supersedes is not None
    assert second.supersedes is None
    assert Event.objects.filter(kind="result.corrected").count() == 0
    assert [pk for pk, _ in paid.filter(result=second)] == [before[1][0]]
    assert money(policy) == [("coupon", 25_00, "planned")] * 2


def test_a_call_is_undone_and_the_strategy_lives_on():
    strategy = factories.strategy(call_barrier=1)
    policy = held_policy(strategy)
    closes(FIRST)
    closes(SECOND, ibm="74")
    evaluate_due(at=evening(THIRD))
    assert states(strategy) == [EVALUATED, DROPPED, DROPPED, DROPPED]

    restated("IBM", FIRST, "99")

    strategy.refresh_from_db()
    policy.refresh_from_db()
    assert (strategy.state, strategy.called_on) == (Strategy.State.PUBLISHED, None)
    assert (policy.state, policy.closed_on) == (Policy.State.ACTIVE, None)
    assert states(strategy) == [EVALUATED, PLANNED, PLANNED, PLANNED]
    assert money(policy) == [("coupon", 25_00, "planned")]
    assert evaluate_due(at=evening(SECOND)) == 1
    assert coupons(policy) == [(25_00, 0), (0, 25_00)]
    assert settles(policy)


def test_a_call_is_found_and_what_came_later_is_void():
    strategy = factories.strategy(call_barrier=1)
    policy = held_policy(strategy)
    closes(FIRST, ibm="99")
    closes(SECOND, ibm="99")
    closes(THIRD, ibm="74")
    evaluate_due(at=evening(THIRD))

    restated("IBM", FIRST, "100")

    strategy.refresh_from_db()
    policy.refresh_from_db()
    assert counting(strategy) == ["ACCRUED", "VOID", "VOID"]
    assert states(strategy) == [EVALUATED, DROPPED, DROPPED, DROPPED]
    assert (strategy.state, strategy.called_on) == (Strategy.State.CALLED, FIRST)
    assert (policy.state, policy.closed_on) == (Policy.State.CALLED, FIRST)
    assert coupons(policy) == [(25_00, 0)]
    assert money(policy) == [("coupon", 25_00, "planned"), ("redemption", 1000_00, "planned")]
    assert settles(policy)


def test_a_call_found_and_undone_again_evaluates_the_void_ones_anew():
    strategy = factories.strategy(call_barrier=1)
    policy = held_policy(strategy)
    closes(FIRST, ibm="99")
    closes(SECOND, ibm="74")
    evaluate_due(at=evening(SECOND))
    restated("IBM", FIRST, "100")
    assert counting(strategy) == ["ACCRUED", "VOID"]

    restated("IBM", FIRST, "98")

    strategy.refresh_from_db()
    assert counting(strategy) == ["ACCRUED", "SAVED"]
    assert strategy.state == Strategy.State.PUBLISHED
    assert states(strategy) == [EVALUATED, EVALUATED, PLANNED, PLANNED]
    assert coupons(policy) == [(25_00, 0), (0, 25_00)]
    assert settles(policy)


def test_a_knock_in_is_found_on_a_day_between_observations():
    strategy = factories.strategy(
        days=(FIRST, SECOND), redemption="barrier", knock_in_barrier="0.6",
        knock_in_style="american", redemption_level=0, matures_on=SECOND,
    )  # fmt: skip
    between = date(2020, 4, 1)
    factories.sessions(between)
    policy = held_policy(strategy)
    closes(FIRST)
    closes(between, ibm="61")
    closes(SECOND, ibm="80")
    evaluate_due(at=evening(SECOND))
    assert money(policy)[-1] == ("redemption", 1000_00, "planned")

    restated("IBM", between, "59")

    policy.refresh_from_db()
    assert policy.state == Policy.State.MATURED
    assert money(policy)[-1] == ("redemption", 800_00, "planned")
    assert settles(policy)


def test_money_that_was_paid_is_corrected_and_never_taken_back_by_itself():
    policy = held_policy()
    closes(FIRST)
    closes(SECOND)
    evaluate_due(at=evening(SECOND))
    pay_everything()

    restated("IBM", FIRST, "74")

    assert money(policy) == [
        ("coupon", 25_00, "paid"),
        ("correction", -25_00, "held"),
        ("coupon", 25_00, "paid"),
        ("correction", 25_00, "planned"),
    ]
    assert settles(policy)


def test_a_second_restatement_corrects_what_is_still_wrong_and_no_more():
    policy = held_policy()
    closes(FIRST, ibm="74")
    closes(SECOND)
    evaluate_due(at=evening(SECOND))
    pay_everything()
    restated("IBM", FIRST, "75")
    assert money(policy)[0] == ("coupon", 25_00, "planned")
    pay_everything()

    restated("IBM", FIRST, "74")

    assert coupons(policy) == [(0, 25_00), (50_00, 0)]
    # 50 were paid with the second, 25 of the first too much: 25 came back as a held difference.
    assert money(policy)[:2] == [("coupon", 25_00, "paid"), ("correction", -25_00, "held")]
    assert settles(policy)


def test_a_price_that_no_result_used_orders_nothing():
    held_policy()
    closes(FIRST)
    corrected("IBM", FIRST, "74")
    assert Restatement.objects.count() == 0
    assert evaluate_due(at=evening(FIRST)) == 1
    assert ObservationResult.objects.get().outcome == "SAVED"


def test_what_cannot_be_decided_waits_and_stops_no_other():
    policy = held_policy()
    other = held_policy(factories.strategy(fixings=[("IBM", "100")]))
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    corrected("IBM", FIRST, "74")
    factories.underlying("AAPL").quotes.update(state="held", held_because="odd")

    assert restate_due(at=evening(LAST)) == 1

    assert counting(policy.strategy) == ["ACCRUED"]
    assert counting(other.strategy) == ["SAVED"]
    waiting = RestatedStrategy.objects.get(state="queued")
    assert "AAPL" in waiting.waiting_for
    assert Restatement.objects.get().state == "queued"

    factories.underlying("AAPL").quotes.update(state="confirmed", held_because="")
    assert restate_due(at=evening(LAST)) == 1
    assert counting(policy.strategy) == ["SAVED"]
    assert Restatement.objects.get().state == "done"


def test_the_preview_says_what_confirming_would_change_and_changes_nothing():
    strategy = factories.strategy(call_barrier=1)
    policy, other = held_policy(strategy), held_policy(factories.strategy())
    closes(FIRST, ibm="99")
    closes(SECOND, ibm="99")
    evaluate_due(at=evening(SECOND))
    at = evening(SECOND)
    record_quotes([QuoteRow("IBM", FIRST, Decimal(100))], source="correction", at=at)
    proposed = Quote.objects.get(state="held")
    before = written()

    seen = preview_quotes([proposed.pk], at=at)

    assert written() == before
    assert Quote.objects.get(state="held") == proposed
    # The one is called and loses its second coupon; of the other only a level is shown otherwise.
    assert (len(seen.changed), seen.observations, seen.policies) == (2, 3, 1)
    assert seen.differences == {"USD": 1000_00 - 25_00}
    confirm_quotes([proposed.pk], by=person(), at=at)
    restate_due(at=at)
    lines = Correction.objects.all()
    assert {line.policy for line in lines} == {policy}
    assert sum(line.difference for line in lines) == 1000_00 - 25_00
    assert sorted((line.outcome_before, line.outcome) for line in lines) == [
        ("ACCRUED", "ACCRUED"),
        ("ACCRUED", "VOID"),
    ]
    assert settles(other)


def test_the_difference_list_says_before_and_after_of_every_policy():
    policy = held_policy()
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    restated("IBM", FIRST, "74")
    line = Correction.objects.get()
    assert (line.policy, line.restatement) == (policy, Restatement.objects.get())
    assert (line.amount_before, line.amount, line.difference) == (25_00, 0, -25_00)
    assert (line.remembered_before, line.remembered) == (0, 25_00)
    assert (line.outcome_before, line.outcome) == ("ACCRUED", "SAVED")


def test_a_late_disruption_is_proposed_and_moves_what_was_evaluated():
    policy = held_policy(factories.strategy(days=(FIRST, SECOND)))
    later = date(2020, 3, 2)
    factories.sessions(later)
    closes(FIRST, ibm="74")
    closes(later)
    evaluate_due(at=evening(later))
    assert counting(policy.strategy) == ["SAVED"]
    ibm = factories.underlying("IBM")

    declare_disruption(
        day=FIRST, reason="halted", by=person(), at=evening(later), underlying_id=ibm.pk
    )

    proposed = Restatement.objects.get(state="proposed")
    assert proposed.trigger == "disruption"
    assert confirm_restatement(proposed.pk, by=person("third"), at=evening(later))
    assert restate_due(at=evening(later)) == 1
    assert counting(policy.strategy) == ["ACCRUED"]
    observation = policy.strategy.observations.get(number=1)
    assert observation.valuation_on == later
    assert settles(policy)


def test_a_restated_exchange_rate_reaches_the_baskets_that_are_converted_by_it():
    strategy = factories.strategy()
    pair = factories.underlying("USDEUR", kind="currency_pair")
    strategy.basket_members.update(fx_pair=pair, fx_initial=1)
    held_policy(strategy)
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    assert concerned({pair.pk: FIRST}) == {strategy.pk: FIRST}


def test_capital_is_held_where_the_client_surrendered_before_the_call_was_found():
    strategy = factories.strategy(call_barrier=1)
    policy, other = held_policy(strategy), held_policy(strategy)
    closes(FIRST, ibm="99")
    evaluate_due(at=evening(FIRST))
    surrendered = Wanted(policy.pk, "surrender", FIRST + timedelta(days=3), amount=900_00)
    change_policy(surrendered, at=evening(FIRST + timedelta(days=3)))

    restated("IBM", FIRST, "100")

    assert money(policy)[-2:] == [("redemption", 1000_00, "held"), ("surrender", 900_00, "planned")]
    assert money(other)[-1] == ("redemption", 1000_00, "planned")
    (doubtful,) = doubtful_capital()
    assert "took money out" in doubtful.because
    assert not overpayments()
    assert ask_back([doubtful.pk], by=person(), on=SECOND) == 0
    assert drop([doubtful.pk], by=person()) == 1
    assert pay_out([doubtful.pk], by=person()) == 0
    assert money(policy)[-1] == ("surrender", 900_00, "planned")


def test_what_was_left_to_the_client_is_not_asked_again():
    policy = held_policy()
    closes(FIRST)
    closes(SECOND)
    evaluate_due(at=evening(SECOND))
    pay_everything()
    restated("IBM", FIRST, "74")
    assert leave([payment.pk for payment in overpayments()], by=person()) == 1

    restated("IBM", FIRST, "73")

    assert not overpayments()
    assert ("correction", -25_00, "held") not in money(policy)

    restated("IBM", FIRST, "80")

    assert coupons(policy)[0] == (25_00, 0)
    # He kept the 25 that were paid first: they are owed again, and paid.
    assert [row for row in money(policy) if row[2] == "planned" and row[1] > 0] == []
