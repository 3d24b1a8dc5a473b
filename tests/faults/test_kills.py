"""Senders killed at any moment, answers lost: nothing is lost, nothing is accepted twice."""

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.concurrency,
    pytest.mark.django_db(transaction=True),
]
NEVER = {"key": 0, "look_up": 0, "none": 0}


def test_killed_senders_lose_nothing_and_send_nothing_twice(found):
    seen = found(messages=90, kills=10, die_at="record")
    assert (seen["messages"], seen["kills"]) == (90, 10)
    assert (seen["lost"], seen["twice"]) == (0, NEVER)
    assert (seen["untrue"], seen["unnamed"]) == (0, 0)


def test_without_their_guards_the_same_checks_see_what_is_sent_twice(found):
    seen = found(messages=30, kills=0, die_at="record", wrong="new_keys,deaf_look_up,no_mark")
    assert seen["twice"]["key"] > 0
    assert seen["twice"]["look_up"] > 0
    assert seen["twice"]["none"] > 0


@pytest.mark.long
@pytest.mark.parametrize(
    ("guard", "settles"), [("new_keys", "key"), ("deaf_look_up", "look_up"), ("no_mark", "none")]
)
def test_without_one_guard_a_letter_is_accepted_twice(found, guard, settles):
    assert found(messages=90, kills=0, die_at="record", wrong=guard)["twice"][settles] > 0


@pytest.mark.long
def test_without_a_lease_messages_are_lost(found):
    assert found(messages=90, kills=0, die_at="mark", wrong="no_lease", seconds=20)["lost"] > 0
