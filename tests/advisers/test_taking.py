"""Who has a call in hand: one adviser, for as long as he works on it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.advisers.actions.ending import expire, withdraw
from apps.advisers.actions.taking import (
    LEASE,
    TakingError,
    assign,
    give_back,
    show_number,
    take,
    take_next,
)
from apps.advisers.models import CallTask
from apps.advisers.queries import Objection, objection_to, queue
from apps.events.models import Event
from apps.profiles.actions.suppressions import suppress
from tests import factories
from tests.advisers.world import (
    DAY,
    adviser,
    callable_client,
    fresh,
    in_hand,
    nothing,
    opened,
    phone,
    promised,
)

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def taken(task, by, at=DAY, ask=nothing):
    """Return why he did not get it; "" where he did."""
    try:
        take(task.pk, by=by, at=at, ask=ask)
    except TakingError as error:
        return str(error)
    return ""


def test_a_call_is_asked_for_once_however_often():
    client = callable_client()
    assert opened(client) == opened(client)
    assert CallTask.objects.count() == 1


def test_a_call_that_cannot_be_kept_is_not_taken_for_one_that_is_there():
    client = callable_client()
    with pytest.raises(IntegrityError), transaction.atomic():
        opened(client, language=None)
    assert opened(client).state == "open"


def test_news_ends_with_its_deadline_and_who_asked_for_a_call_is_never_forgotten():
    news, asked = opened(), opened(key="reply:1", purpose="")
    assert (news.expires_at, asked.expires_at) == (DAY + timedelta(days=7), None)
    soon = opened(key="k2", expires_at=DAY + HOUR)
    assert soon.due_at == DAY + HOUR
    assert [expire(at=DAY + timedelta(days=8), limit=10) for _ in range(2)] == [2, 0]
    assert (fresh(news).state, fresh(asked).state) == ("expired", "open")
    assert Event.objects.filter(kind="call.expired").count() == 2


def test_who_comes_second_reads_who_has_it():
    task, ada, bob = opened(), adviser(), adviser("Bob")
    assert taken(task, ada) == ""
    assert taken(task, ada) == ""  # twice is once
    assert "Ada has this client's call since" in taken(task, bob)
    assert (fresh(task).taken_by, fresh(task).takes) == (ada, 1)


def test_who_went_home_keeps_nothing():
    task, ada, bob = opened(), adviser(), adviser("Bob")
    in_hand(task, ada)
    assert taken(task, bob, at=DAY + LEASE + HOUR) == ""
    assert (fresh(task).taken_by, fresh(task).shown_at) == (bob, None)
    with pytest.raises(TakingError, match="Bob has this client's call"):
        show_number(task.pk, by=ada, at=DAY + LEASE + HOUR, ask=nothing)


@pytest.mark.django_db(transaction=True)
@pytest.mark.concurrency
@pytest.mark.parametrize("reasons", [1, 2])
def test_of_two_who_click_at_once_one_gets_the_client(reasons):
    first = opened()
    tasks = [first, opened(first.client, key="k2") if reasons == 2 else first]
    gate = Barrier(2, timeout=30)

    def ask(_task):
        gate.wait()  # both have seen it free

    def click(task, by):
        try:
            return taken(task, by, ask=ask)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(click, tasks, [adviser(), adviser("Bob")]))
    assert said[0] == ""
    assert "call since" in said[1]
    assert CallTask.objects.filter(state="taken").count() == 1


def test_two_advisers_do_not_call_one_client_for_two_reasons():
    first = opened(key="a")
    second, other = opened(first.client, key="b"), opened(key="c")
    ada, bob = adviser(), adviser("Bob")
    in_hand(first, ada)
    assert "Ada has this client's call" in taken(second, bob)
    assert take_next(by=bob, at=DAY, ask=nothing) == other.pk
    assert taken(second, ada) == ""


def test_the_next_call_is_the_most_urgent_one_and_first_the_one_in_hand():
    later = opened(key="later")
    urgent = opened(key="urgent", priority=200)
    ada, bob = adviser(), adviser("Bob")
    assert take_next(by=ada, at=DAY, ask=nothing) == urgent.pk
    assert take_next(by=ada, at=DAY, ask=nothing) == urgent.pk
    assert take_next(by=bob, at=DAY, ask=nothing) == later.pk
    assert take_next(by=adviser("Cy"), at=DAY, ask=nothing) is None


def test_what_passes_puts_a_call_off_and_what_does_not_withdraws_it():
    asleep, stopped = opened(key="a"), opened(key="b")
    ada = adviser()

    def ask(task):
        until = DAY + HOUR if task.key == "a" else None
        return Objection("Because.", until)

    assert take_next(by=ada, at=DAY, ask=ask) is None
    assert (fresh(asleep).state, fresh(asleep).call_after) == ("open", DAY + HOUR)
    assert (fresh(stopped).state, fresh(stopped).reason) == ("withdrawn", "Because.")
    assert "before" in taken(asleep, ada)
    assert "Because." in taken(stopped, ada)
    assert Event.objects.filter(kind="call.withdrawn").count() == 1


def test_it_is_asked_once_more_when_the_number_is_shown():
    task, ada = opened(), adviser()
    in_hand(task, ada, shown=False)
    suppress("sms", phone(task.client).address, reason="stop", source="test", at=DAY)
    with pytest.raises(TakingError, match="The number is stopped: the addressee said STOP"):
        show_number(task.pk, by=ada, at=DAY, ask=objection_to)
    assert (fresh(task).state, fresh(task).shown_at) == ("withdrawn", None)


def test_another_ones_call_is_neither_shown_nor_withdrawn_by_asking():
    task, ada, bob = opened(), adviser(), adviser("Bob")
    in_hand(task, ada)

    def ask(_task):
        return Objection("No.")

    assert "Ada has" in taken(task, bob, ask=ask)
    with pytest.raises(TakingError, match="Ada has"):
        show_number(task.pk, by=bob, at=DAY, ask=ask)
    assert fresh(task).state == "taken"


def test_a_call_that_is_given_back_waits_for_anybody():
    task, ada = opened(), adviser()
    in_hand(task, ada)
    assert [give_back(task.pk, by=each) for each in (adviser("Bob"), ada, ada)] == [
        False,
        True,
        False,
    ]
    assert fresh(task).state == "open"


def test_a_supervisor_gives_calls_to_others_but_none_that_is_being_made():
    task, ada, bob = opened(), adviser(), adviser("Bob")
    in_hand(task, ada, shown=False)
    assign(task.pk, to=bob, at=DAY)
    assert fresh(task).taken_by == bob
    show_number(task.pk, by=bob, at=DAY, ask=nothing)
    with pytest.raises(TakingError, match="Bob has"):
        assign(task.pk, to=ada, at=DAY)


def test_a_call_that_has_ended_stays_so():
    task = opened()
    rows = CallTask.objects.filter(pk=task.pk)
    assert [withdraw(rows, reason="Enough.", at=DAY) for _ in range(2)] == [1, 0]
    assert "This call has ended: withdrawn. Enough." in taken(task, adviser())


def test_a_client_is_called_only_where_he_agreed_and_the_number_is_his():
    task = opened()
    assert objection_to(task) is None
    factories.consent(task.client, "service", "call", granted=False, at=DAY)
    assert "does not agree" in objection_to(fresh(task)).reason
    asked = opened(task.client, key="reply:1", purpose="")
    assert objection_to(asked) is None
    task.client.contact_points.update(state="bounced")
    assert "not the client's any more" in objection_to(fresh(asked)).reason


def test_the_queue_says_how_it_stands():
    opened(key="a", at=DAY - 2 * HOUR)
    opened(key="b", expires_at=DAY - HOUR, at=DAY - 3 * HOUR)
    in_hand(opened(key="c"), adviser())
    CallTask.objects.filter(pk=opened(key="d").pk).update(call_after=DAY + HOUR)
    stands = queue(at=DAY)
    assert (stands.waiting, stands.overdue, stands.taken, stands.later) == (2, 1, 1, 1)
    assert stands.oldest == 3 * HOUR


@pytest.mark.parametrize("given", [True, False])
def test_nobody_sees_the_number_while_another_speaks_with_the_client(given):
    """Given by a supervisor, or still open in front of who let his time run out."""
    client, ada, bob = callable_client(), adviser(), adviser("Bob")
    one, two = opened(client, at=DAY - HOUR), opened(client, key="k2")
    if given:
        assign(one.pk, to=ada, at=DAY)
    else:
        in_hand(one, ada, at=DAY - HOUR, shown=False)
    assign(two.pk, to=bob, at=DAY)
    show_number(two.pk, by=bob, at=DAY, ask=nothing)
    with pytest.raises(TakingError, match="Bob has this client's call"):
        show_number(one.pk, by=ada, at=DAY, ask=nothing)
    assert fresh(one).shown_at is None
    give_back(two.pk, by=bob)
    show_number(one.pk, by=ada, at=DAY, ask=nothing)


def test_who_is_given_an_appointment_has_it_for_its_moment_and_then_others_do():
    ada, bob = adviser(), adviser("Bob")
    task = promised(opened(), ada, DAY + 3 * HOUR)
    other = opened(key="other")
    assign(task.pk, to=bob, at=DAY)
    assert take_next(by=bob, at=DAY, ask=nothing) == other.pk  # it keeps him from nothing
    with pytest.raises(TakingError, match="not to be called before 2020-03-02 15:00"):
        show_number(task.pk, by=bob, at=DAY + 2 * HOUR, ask=nothing)
    assert "not to be called before" in taken(task, bob, at=DAY + 2 * HOUR) + taken(task, ada)
    assert take_next(by=bob, at=DAY + 3 * HOUR, ask=nothing) == task.pk
    assert "Bob has" in taken(task, ada, at=DAY + 3 * HOUR)
    assert taken(task, ada, at=DAY + 3 * HOUR + LEASE + LEASE / 30) == ""  # he forgot it


def test_a_promised_call_comes_before_everything_else():
    ada = adviser()
    task = promised(opened(), ada, DAY + HOUR)
    asked = opened(key="reply:1", purpose="", priority=200)
    assert take_next(by=ada, at=DAY + HOUR, ask=nothing) == task.pk
    assert take_next(by=adviser("Bob"), at=DAY + HOUR, ask=nothing) == asked.pk


def test_who_is_promised_a_call_is_not_called_earlier_with_other_news():
    ada = adviser()
    task = promised(opened(), ada, DAY + HOUR)
    news = opened(task.client, key="news")
    assert "asked to be called later" in taken(news, ada)
    assert (fresh(news).state, fresh(news).call_after) == ("open", DAY + HOUR)
    assert taken(opened(task.client, key="reply:1", purpose=""), ada) == ""  # he asks for this one


def test_of_calls_with_one_priority_the_wealthiest_clients_comes_first():
    small, rich = (callable_client(tier=tier) for tier in ("small", "hnwi"))
    ranked = [
        opened(small, key="a"), opened(callable_client(), key="b"), opened(rich, key="c"),
        opened(key="d", priority=101),
    ]  # fmt: skip
    due = CallTask.objects.due(at=DAY)
    assert [task.key for task in due] == ["d", "c", "a", "b"]
    assert len(ranked) == len(due)


def test_calls_are_withdrawn_in_the_order_in_which_others_take_them():
    opened(), opened(key="k2")
    with CaptureQueriesContext(connection) as asked:
        assert withdraw(CallTask.objects.all(), reason="Enough.", at=DAY) == 2
    (lock,) = (each["sql"] for each in asked if "FOR UPDATE" in each["sql"])
    assert 'ORDER BY "advisers_calltask"."id"' in lock
