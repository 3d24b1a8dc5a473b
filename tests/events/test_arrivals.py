"""Events from outside are safe when taken in, reach timelines and inboxes once, and none is lost."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import OperationalError, connection, transaction

from apps.core.actions import make_key, revoke_key
from apps.core.models import ApiKey
from apps.events.actions import listen, recording
from apps.events.actions.arrivals import (
    EVER,
    KEPT,
    Batch,
    accept,
    drain,
    forget_strays,
    join_strays,
)
from apps.events.models import Arrival, Event, Inbox, Stray
from apps.profiles.models import Identifier
from tests import factories

AT = datetime(2020, 3, 2, 12, tzinfo=UTC)


def person(core_id="C-1"):
    client = factories.client()
    Identifier.objects.create(client=client, kind="core_id", value=core_id)
    return client


def event(number, *, core_id="C-1", at=AT, **fields):
    return {
        "id": f"e{number}",
        "core_id": core_id,
        "kind": "order.placed",
        "occurred_at": at.isoformat(),
        **fields,
    }


def shop():
    return ApiKey.objects.filter(name="shop").first() or make_key("shop", ["x"], by=None, at=AT)[0]


def bring(*events, refused=()):
    moments = [datetime.fromisoformat(each["occurred_at"]) for each in events]
    return accept(Batch(json.dumps(events), moments, refused), shop(), at=AT)


def drained():
    return drain(at=AT, limit=1000)


@pytest.mark.django_db
def test_what_was_taken_in_stands_on_the_timeline_once_however_often_it_comes():
    client = person()
    bring(event(1, properties={"price": 12.50}, subject="order:7"), event(2))
    bring(event(2), event(3))
    assert drained() == 4
    bring(event(3))
    assert (drained(), drained(), Arrival.objects.count()) == (1, 0, 0)
    told = Event.objects.order_by("source_key")
    assert [(each.source_key, each.client_id, each.subject) for each in told] == [
        ("given:e1", client.pk, "order:7"),
        ("given:e2", client.pk, f"client:{client.pk}"),
        ("given:e3", client.pk, f"client:{client.pk}"),
    ]


@pytest.mark.django_db
def test_who_listens_finds_it_in_his_inbox_and_what_was_refused_is_nowhere():
    person()
    listen("first", ["order.placed"])
    bring(event(1), event(2), event(3, kind="order.shipped"), refused=[1])
    drained()
    assert [row.event.source_key for row in Inbox.objects.filter(listener="first")] == ["given:e1"]
    assert Event.objects.count() == 2


@pytest.mark.django_db
def test_nothing_is_kept_for_a_key_that_was_revoked_a_moment_ago():
    bring(event(1))
    assert revoke_key(shop().pk, at=AT)
    assert not bring(event(2))
    assert Arrival.objects.count() == 1


@pytest.mark.django_db
def test_numbers_are_kept_as_they_were_written():
    person()
    text = json.dumps([event(1, properties={"n": 0})]).replace(
        '{"n": 0}', '{"n": 1234567890123456.70}'
    )
    accept(Batch(text, [AT]), shop(), at=AT)
    drained()
    with connection.cursor() as cursor:
        cursor.execute("SELECT properties ->> 'n' FROM events_event")
        assert cursor.fetchone() == ("1234567890123456.70",)


@pytest.mark.django_db
def test_events_of_any_month_of_the_last_year_find_their_partition():
    person()
    bring(event(1, at=AT - timedelta(days=390)), event(2), event(3, at=AT - timedelta(days=33)))
    drained()
    assert Event.objects.count() == 3


@pytest.mark.django_db
def test_a_contract_number_names_the_client_too():
    client = factories.client()
    Identifier.objects.create(client=client, kind="contract", value="K/7")
    named = event(1, contract="K/7")
    del named["core_id"]
    bring(named)
    drained()
    assert Event.objects.get().client == client


@pytest.mark.django_db
def test_an_event_waits_for_its_client_and_joins_him_when_he_comes():
    listen("first", ["order.placed"])
    bring(event(1), event(1))
    drained()
    bring(event(1))
    drained()
    waits = Stray.objects.get()
    assert (waits.reason, waits.scheme, waits.reference) == ("no_client", "core_id", "C-1")
    assert join_strays(at=AT, limit=10) == 0
    client = person()
    assert join_strays(at=AT, limit=10) == 1
    assert (join_strays(at=AT, limit=10), Stray.objects.count()) == (0, 0)
    assert (Event.objects.get().client, Inbox.objects.count()) == (client, 1)


@pytest.mark.django_db
def test_who_came_long_ago_unseen_is_found_by_a_look_at_all():
    bring(event(1))
    drained()
    person()
    later = AT + timedelta(days=1)
    Identifier.objects.update(created_at=AT)  # as a file says that lands for longer
    assert join_strays(at=later, limit=10) == 0
    assert join_strays(at=later, limit=10, lately=EVER) == 1
    assert Event.objects.count() == 1


@pytest.mark.django_db
def test_what_has_waited_for_long_joins_who_has_just_come():
    bring(event(1))
    drained()
    person()
    later = AT + timedelta(days=1)
    Identifier.objects.update(created_at=later)
    assert join_strays(at=later, limit=10) == 1


@pytest.mark.django_db
def test_what_came_just_before_its_client_was_seen_joins_him():
    person()
    Identifier.objects.update(created_at=AT - timedelta(days=1))
    bring(event(1, core_id="C-2"))
    drained()
    Identifier.objects.update(value="C-2")
    assert join_strays(at=AT, limit=10) == 1


@pytest.mark.django_db
def test_who_does_not_come_is_not_waited_for_for_ever():
    bring(event(1))
    drained()
    assert forget_strays(at=AT + KEPT) == 0
    assert forget_strays(at=AT + KEPT + timedelta(seconds=1)) == 1
    assert not Stray.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("apart", [True, False], ids=["later", "in one request"])
def test_an_id_used_for_another_moment_is_kept_aside_and_never_told(apart):
    person()
    again = event(1, at=AT - timedelta(days=40))
    if apart:
        bring(event(1))
        drained()
        bring(again)
    else:
        bring(event(1), again)
    drained()
    assert Event.objects.get().occurred_at == AT
    assert Stray.objects.get().reason == "id_used"
    assert join_strays(at=AT, limit=10) == 0


@pytest.mark.django_db
def test_a_waiting_event_whose_id_was_used_meanwhile_stays_aside():
    bring(event(1))
    drained()
    person()
    bring(event(1, at=AT - timedelta(hours=1)))
    drained()
    assert join_strays(at=AT, limit=10) == 1
    assert Stray.objects.get().reason == "id_used"
    assert (join_strays(at=AT, limit=10), Event.objects.count()) == (0, 1)


@pytest.mark.django_db
def test_a_purchase_is_known_by_its_number_whatever_id_it_comes_under():
    person()
    bought = {"number": "N-1", "product": "Fund", "amount": 100, "currency": "EUR"}
    bring(
        event(1, kind="purchase.made", properties=bought),
        event(2, kind="purchase.made", properties=bought),
    )
    drained()
    assert Event.objects.get().source_key == "purchase:N-1"


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_drain_that_would_lock_everybody_out_gives_way_and_comes_again(monkeypatch):
    person()
    bring(event(2))
    drained()  # the month of this one is open from now on
    bring(event(1, at=AT - timedelta(days=300)))

    monkeypatch.setattr(recording, "PATIENCE", "50ms")

    def tick():
        try:
            return drained()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Event.objects.create(
                client_id=person("C-2").pk, kind="a.b", occurred_at=AT, source_key="x"
            )
            with pytest.raises(OperationalError, match="lock timeout"):
                pool.submit(tick).result()
        monkeypatch.undo()
        assert pool.submit(tick).result() == 1


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_four_drains_at_once_tell_each_event_once_and_one_that_fails_leaves_its_rows(monkeypatch):
    monkeypatch.setattr(recording, "PATIENCE", "60s")
    person()
    listen("first", ["order.placed"])
    for first in range(0, 200, 5):
        bring(*(event(number) for number in range(first, first + 10)))
    with transaction.atomic():
        assert drained() == 400
        transaction.set_rollback(True)
    start = Barrier(4)

    def work(_):
        start.wait()
        try:
            total = 0
            while taken := drain(at=AT, limit=30):
                total += taken
            return total
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 400
    assert (Event.objects.count(), Inbox.objects.count(), Arrival.objects.count()) == (205, 205, 0)
