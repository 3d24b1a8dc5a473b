"""Eight offers at once to the same clients: one a local day, the one that counts most, each with why."""

import os

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.concurrency,
    pytest.mark.django_db(transaction=True),
]
CLIENTS = os.environ.get("FAULTS_CLIENTS", "5000")
NEVER = ("two a day", "twice", "at night", "untrue", "unsaid", "wrongly")


def checked(found, clients):
    print(found)
    assert {name: found[name] for name in NEVER} == dict.fromkeys(NEVER, 0)
    assert found["accepted"] > clients // 2  # a fifth is held out, another hears of nothing
    assert min(found["day_taken"], found["displaced"], found["no_consent"], found["held_out"]) > 0


def test_eight_campaigns_give_nobody_two_offers_a_day(campaigns):
    checked(campaigns("--clients", "60"), 60)


def test_without_reservations_the_same_check_sees_two_a_day(campaigns):
    assert campaigns("--clients", "20", "--days", "1", "--wrong", "no_day")["two a day"] > 0


@pytest.mark.long
def test_where_the_later_one_takes_the_day_the_same_check_sees_it(campaigns):
    assert campaigns("--clients", "90", "--wrong", "any_priority")["wrongly"] > 0


@pytest.mark.long
@pytest.mark.parametrize("day", ["2026-10-24", "2026-10-31", "2026-03-28", "2026-04-04"])
def test_eight_campaigns_over_five_thousand_clients_through_changes_of_the_clock(campaigns, day):
    checked(campaigns("--clients", CLIENTS, "--from", day), int(CLIENTS))
