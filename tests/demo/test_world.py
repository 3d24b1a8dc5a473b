"""The generated world: real closes, invented strategies, people who cannot exist."""

import re
from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from apps.demo.world import belongings, closes, people, strategies

RESERVED = re.compile(r"\+447700900\d{3}|\+1(202|213)55501\d{2}")


def test_every_client_is_marked_fictional_and_unreachable_in_reality():
    for person in people.people():
        name = f"{person.first_name} {person.last_name}"
        assert re.fullmatch(r"Client \d{3} \(fictional\)|Клиент \d{3} \(вымышленный\)", name)
        assert RESERVED.fullmatch(person.phone)
        assert person.email.endswith("@example.com")


def test_no_two_clients_share_an_address():
    persons = people.people()
    assert len({person.phone for person in persons}) == len(persons) == people.CLIENTS
    assert len({person.email for person in persons}) == len(persons)


def test_the_world_is_the_same_every_time():
    assert people.people() == people.people()
    assert people.contracts(people.people()) == people.contracts(people.people())


def test_clients_differ_in_what_decides_whether_and_how_they_are_told():
    persons = people.people()
    assert {person.home.language for person in persons} == {"en", "ru"}
    assert len({person.home.time_zone for person in persons}) >= 6
    assert {person.preferred_channel for person in persons} == {"", "email", "sms"}
    assert any(not person.consents for person in persons)
    assert any(person.withdraws and person.consents for person in persons)
    assert len({(person.quiet_from, person.quiet_until) for person in persons}) == 3


def test_some_clients_hold_a_strategy_twice_and_some_hold_two():
    held = Counter(
        (contract.person.number, contract.sheet.code)
        for contract in people.contracts(people.people())
    )
    assert max(held.values()) == 2
    assert max(Counter(number for number, _ in held).values()) >= 2


def test_policy_numbers_are_unique_and_every_strategy_has_holders():
    contracts = people.contracts(people.people())
    assert len({contract.number for contract in contracts}) == len(contracts)
    assert {contract.sheet for contract in contracts} == set(strategies.STRATEGIES)


def test_closes_are_the_raw_ones():
    # The day before and the day of Apple's 2-for-1 split: the adjusted series has no such step.
    assert closes.closes()[date(2005, 2, 25)]["AAPL"] == "88.99"
    assert closes.closes()[date(2005, 2, 28)]["AAPL"] == "44.86"


def test_every_strategy_is_struck_on_a_session_with_all_its_closes():
    for sheet in strategies.STRATEGIES:
        assert all(Decimal(close) > 0 for close in sheet.fixings.values())
        assert len(set(sheet.scheduled)) == sheet.observations
        assert sheet.matures_on < closes.LAST_SESSION


def test_the_hurricane_and_the_holidays_are_no_sessions():
    known = set(closes.sessions())
    assert not {date(2012, 10, 29), date(2012, 10, 30), date(2013, 2, 18)} & known
    assert not {date(2013, 7, 4), date(2014, 4, 18), date(2015, 12, 25)} & known
    assert {date(2012, 10, 31), date(2013, 3, 4), date(2015, 12, 31)} <= known


@pytest.mark.parametrize(
    ("day", "utc_hour"), [(date(2012, 7, 2), 20), (date(2012, 12, 3), 21)], ids=["summer", "winter"]
)
def test_closes_arrive_after_the_closing_bell_in_new_york(day, utc_hour):
    moment = closes.received_at(day)
    assert (moment.date(), moment.hour, moment.minute) == (day, utc_hour, 45)


def test_what_is_held_beside_strategies_was_bought_at_real_closes_and_says_it_is_invented():
    held = belongings.savings(people.people())
    assert {name.split("(")[1][:6] for name in belongings.ACCOUNTS.values()} == {"fictio", "вымышл"}
    rows = belongings.transactions(held).rows
    assert len({row["reference"] for row in rows}) == len(rows)
    for row in rows:
        if row["kind"] == "buy":
            close = Decimal(closes.closes()[row["day"]][row["ticker"]])
            assert abs(row["units"] * close - row["amount"]) <= Decimal("0.005")
