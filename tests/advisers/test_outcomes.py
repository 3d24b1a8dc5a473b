"""What came of calls: one outcome, an event, and what follows from it at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from apps.advisers.actions.outcomes import AGAIN, MOST_TRIES, OutcomeError, Said, note_outcome
from apps.advisers.queries import objection_to
from apps.events.models import Event
from apps.profiles.models import Suppression
from tests.advisers.world import DAY, adviser, callable_client, fresh, in_hand, opened, phone

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def told(task):
    return sorted(Event.objects.filter(client=task.client).values_list("kind", flat=True))


def noted(task, by, outcome, at=DAY, **said):
    """Return why it was not noted; "" where it was."""
    try:
        note_outcome(task.pk, Said(outcome, **said), by=by, at=at)
    except OutcomeError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("outcome", ["reached", "interested", "not_interested", "complaint"])
def test_an_outcome_ends_the_task_and_is_told_once(outcome):
    task, ada = opened(about="strategy:5"), adviser()
    in_hand(task, ada)
    assert noted(task, ada, outcome, note="He said so.") == ""
    assert "nothing was noted" in noted(task, ada, outcome)
    done = fresh(task)
    assert (done.state, done.outcome, done.note) == ("done", outcome, "He said so.")
    event = Event.objects.get()
    assert (event.kind, event.subject) == (f"call.{outcome}", f"call:{task.pk}")
    assert event.properties["about"] == "strategy:5"


def test_nobody_notes_what_he_did_not_call():
    task, ada, bob = opened(), adviser(), adviser("Bob")
    in_hand(task, ada, shown=False)
    assert "have not called" in noted(task, ada, "reached")
    in_hand(task, ada)
    assert "do not have this call" in noted(task, bob, "reached")
    assert told(task) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.concurrency
def test_of_two_outcomes_at_once_one_counts():
    task, ada = opened(), adviser()
    in_hand(task, ada)

    def click(outcome):
        try:
            return noted(task, ada, outcome)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(click, ["reached", "refused"]))
    assert said[0] == ""
    assert "nothing was noted" in said[1]
    assert told(task) == [f"call.{fresh(task).outcome}"]


def test_who_wants_to_be_called_later_is_called_then():
    task, ada = opened(), adviser()
    in_hand(task, ada)
    assert "still to come" in noted(task, ada, "call_back", call_at=DAY - HOUR)
    assert "old news" in noted(task, ada, "call_back", call_at=DAY + timedelta(days=9))
    assert noted(task, ada, "call_back", call_at=DAY + 3 * HOUR) == ""
    again = fresh(task)
    assert (again.state, again.call_after, again.taken_by) == ("open", DAY + 3 * HOUR, None)
    assert told(task) == ["call.call_back"]


def test_whom_nobody_reaches_is_given_up_after_a_few_calls():
    task, ada = opened(), adviser()
    at = DAY
    for _ in range(MOST_TRIES):
        in_hand(task, ada, at=at)
        assert noted(task, ada, "no_answer", at=at) == ""
        at += AGAIN
    assert (fresh(task).state, fresh(task).tries) == ("given_up", MOST_TRIES)
    assert told(task) == ["call.given_up", *["call.no_answer"] * (MOST_TRIES - 1)]


def test_a_wrong_number_is_this_clients_no_more():
    owner = callable_client()
    task, ada = opened(), adviser()
    owner.contact_points.filter(channel="sms").update(address=phone(task.client).address)
    same = opened(task.client, key="k2")
    in_hand(task, ada)
    noted(task, ada, "wrong_number")
    assert phone(task.client).state == "unreachable"
    stopped = Suppression.objects.get()
    assert (stopped.reason, stopped.client, stopped.made_by) == ("wrong_person", task.client, ada)
    assert objection_to(fresh(same)) is not None
    assert objection_to(opened(owner, key="k3")) is None  # whose it is may be called


def test_who_refuses_calls_gets_none():
    task, ada = opened(), adviser()
    in_hand(task, ada)
    noted(task, ada, "refused")
    answer = task.client.consents.get(granted=False)
    assert (answer.channel, answer.purpose, answer.source) == ("call", "service", f"call:{task.pk}")
    assert "does not agree" in objection_to(opened(task.client, key="k2")).reason
