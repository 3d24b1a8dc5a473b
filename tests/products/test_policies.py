"""A contract changes from a day on; what was observed before stays as it was counted."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection

from apps.events.models import Event
from apps.products.actions.evaluation import evaluate_due
from apps.products.actions.payments import write_plans
from apps.products.actions.policies import ChangeError, Wanted, change_policy, issue
from apps.products.models.holdings import Payment
from apps.products.models.lifecycle import PaymentPlan, PolicyChange
from tests.products.observing import FIRST, SECOND, closes, evening, held_policy
from tests.products.restating import coupons, restated

pytestmark = pytest.mark.django_db

BETWEEN = date(2020, 3, 10)  # after the first observation was evaluated


def observed(day=FIRST, **prices):
    closes(day, **prices)
    evaluate_due(at=evening(day))


def change(policy, kind="withdrawal", *, on=BETWEEN, nominal=400_00, amount=390_00, at=None):
    at = at or datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
    return change_policy(Wanted(policy.pk, kind, on, nominal, amount, "Asked for by phone."), at=at)


def state(policy):
    policy.refresh_from_db()
    return policy.state, policy.nominal, policy.closed_on


def moved(policy):
    return list(
        policy.payments.exclude(kind="coupon").values_list("kind", "amount", "due_on", "state")
    )


def test_a_withdrawal_lowers_the_coupons_that_come_and_no_other():
    policy = held_policy()
    observed()
    change(policy)
    assert state(policy) == ("active", 600_00, None)
    assert moved(policy) == [("withdrawal", 390_00, BETWEEN, "planned")]
    observed(SECOND)
    assert coupons(policy) == [(25_00, 0), (15_00, 0)]
    event = Event.objects.get(kind="policy.withdrawn")
    assert (event.properties["before"], event.properties["nominal"]) == (1000_00, 600_00)


def test_a_top_up_raises_them():
    policy = held_policy()
    observed()
    change(policy, "top_up", nominal=1000_00, amount=1010_00)
    observed(SECOND)
    assert coupons(policy) == [(25_00, 0), (50_00, 0)]
    assert moved(policy) == [("top_up", 1010_00, BETWEEN, "planned")]


def test_a_surrender_ends_the_contract_and_the_premiums_to_come():
    policy = held_policy()
    plan = PaymentPlan.objects.create(
        policy=policy, amount=10_00, frequency="monthly",
        first_on=date(2020, 2, 1), last_on=date(2020, 5, 1),
    )  # fmt: skip
    write_plans([plan.pk], on=date(2020, 2, 1), at=evening(date(2020, 2, 1)))
    observed()
    change(policy, "surrender", nominal=0, amount=950_00)
    assert state(policy) == ("surrendered", 1000_00, BETWEEN)
    premiums = Payment.objects.filter(kind="premium").order_by("due_on")
    assert list(premiums.values_list("state", flat=True)) == [
        "planned", "planned", "cancelled", "cancelled",
    ]  # fmt: skip
    observed(SECOND)
    assert coupons(policy) == [(25_00, 0)]
    assert Event.objects.filter(kind="policy.surrendered").count() == 1


def test_a_lapse_ends_it_without_money():
    policy = held_policy()
    observed()
    change(policy, "lapse", nominal=0, amount=0)
    assert state(policy) == ("lapsed", 1000_00, BETWEEN)
    assert moved(policy) == []


def test_a_surrender_twice_is_one():
    policy = held_policy()
    observed()
    change(policy, "surrender", nominal=0)
    with pytest.raises(ChangeError, match="The policy is surrendered"):
        change(policy, "surrender", nominal=0)
    assert PolicyChange.objects.count() == 1


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"on": FIRST}, "The coupon of 2020-02-28 is counted already; choose a later day."),
        ({"on": date(2019, 11, 1)}, "The policy runs from 2019-11-29 to 2020-11-30"),
        ({"on": date(2020, 6, 2)}, "The observation of 2020-05-29 is not evaluated yet"),
        ({"nominal": 0}, "Say by how much the nominal changes."),
        ({"nominal": 50}, "0.50 is no multiple of one note, 100.00."),
        ({"nominal": 1000_00}, "Nothing would be left; choose a surrender."),
        ({"at": evening(BETWEEN - timedelta(2))}, "2020-03-10 is still ahead."),
    ],
)
def test_what_would_rewrite_or_foretell_is_refused_with_its_reason(wanted, reason):
    policy = held_policy()
    observed()
    with pytest.raises(ChangeError, match=reason):
        change(policy, **wanted)
    assert state(policy) == ("active", 1000_00, None)
    assert not Payment.objects.exclude(kind="coupon").exists()


def test_changes_go_forward_only():
    policy = held_policy()
    observed()
    change(policy, on=BETWEEN + timedelta(5), nominal=100_00)
    with pytest.raises(ChangeError, match="from 2020-03-15 on is recorded already"):
        change(policy, nominal=100_00)


def test_a_restated_observation_counts_on_the_nominal_of_its_day():
    policy = held_policy()
    observed()
    change(policy)
    change(policy, "top_up", on=BETWEEN + timedelta(5), nominal=2000_00)
    observed(SECOND)
    restated("IBM", FIRST, "74")
    assert coupons(policy) == [(0, 25_00), (130_00, 0)]  # 2.5 % of 1,000; twice that of 2,600


def test_a_contract_that_was_applied_for_is_issued_once():
    policy = held_policy(state="applied")
    observed()
    assert coupons(policy) == []
    assert [issue(policy.pk, on=BETWEEN), issue(policy.pk, on=BETWEEN)] == [True, False]
    assert state(policy)[0] == "active"


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_four_surrenders_and_an_evaluation_at_once_end_it_once():
    policy = held_policy()
    closes(FIRST)
    start = Barrier(5)

    def run(deed):
        start.wait()
        try:
            deed()
        except ChangeError:
            return 0
        else:
            return 1
        finally:
            connection.close()

    def surrender():
        change(policy, "surrender", on=FIRST, nominal=0, at=evening(FIRST))

    with ThreadPoolExecutor(5) as pool:
        deeds = [surrender] * 4 + [lambda: evaluate_due(at=evening(FIRST))]
        done = sum(pool.map(run, deeds))
    # Whoever came first counts: a coupon of that day keeps the contract, its end forgoes the coupon.
    surrendered = state(policy)[0] == "surrendered"
    assert done == 1 + surrendered
    assert len(coupons(policy)) == (not surrendered)
    assert PolicyChange.objects.count() == surrendered
