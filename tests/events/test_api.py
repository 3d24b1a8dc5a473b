"""Events by HTTP: judged one by one, safe before the answer, on the timeline a moment later."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from apps.core import clock
from apps.core.actions import make_key, revoke_key
from apps.core.api.bodies import parse
from apps.core.api.problems import RefusedError
from apps.core.models import ApiKey
from apps.events import api
from apps.events.actions import Fact, record
from apps.events.actions.arrivals import drain
from apps.events.models import Arrival, Event
from tests import factories

AT = datetime(2020, 3, 2, 12, tzinfo=UTC)
ONE, BATCH = "/api/v1/events", "/api/v1/events/batch"


@pytest.fixture(autouse=True)
def monday(settings):
    settings.CLOCK_OFFSET = AT - clock.now()


@pytest.fixture
def send(db, client):
    token = make_key("shop", ["events:write", "events:read"], by=None, at=AT)[1]

    def send(body, address=ONE, **headers):
        raw = body if isinstance(body, str | bytes) else json.dumps(body)
        return client.post(
            address,
            raw,
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}", **headers},
        )

    return send


def event(number=1, **fields):
    return {
        "id": f"e{number}",
        "core_id": "C-1",
        "kind": "order.placed",
        "occurred_at": "2020-03-02T14:59:00+03:00",
        **fields,
    }


def without(name):
    return {key: value for key, value in event().items() if key != name}


def nested(depth):
    return {} if depth == 0 else {"a": nested(depth - 1)}


def test_an_event_is_safe_when_it_is_answered_and_then_stands_on_the_timeline(send):
    client = factories.client()
    client.identifiers.create(kind="core_id", value="C-1")
    answer = send(event(properties={"price": 12.5, "ways": ["a", {"b": None}]}))
    assert (answer.status_code, answer.json()) == (200, {"state": "accepted"})
    assert (Arrival.objects.get().sender, Event.objects.count()) == ("api:shop", 0)
    drain(at=clock.now(), limit=10)
    told = Event.objects.get()
    assert (told.client, told.kind, told.occurred_at) == (
        client, "order.placed", AT - timedelta(minutes=1),
    )  # fmt: skip
    assert told.properties == {"price": 12.5, "ways": ["a", {"b": None}]}


BAD = [
    (without("id"), "wrong_type", "#/id"),
    (event(id=" e"), "wrong_text", "#/id"),
    (event(id="e" * 101), "wrong_text", "#/id"),
    (event(id=7), "wrong_type", "#/id"),
    (without("core_id"), "no_client", "#/core_id"),
    (event(contract="K"), "no_client", "#/core_id"),
    (event(core_id="C\u202e1"), "wrong_text", "#/core_id"),
    (event(phone="+447700900123"), "unknown_field", "#/phone"),
    (event(kind="placed"), "wrong_kind", "#/kind"),
    (event(kind="Order.placed"), "wrong_kind", "#/kind"),
    (event(kind="order." + "x" * 60), "wrong_kind", "#/kind"),
    (event(kind=None), "wrong_kind", "#/kind"),
    (event(kind="coupon.accrued"), "reserved_kind", "#/kind"),
    (event(kind="purchase.undone"), "reserved_kind", "#/kind"),
    (event(subject=""), "wrong_text", "#/subject"),
    (without("occurred_at"), "wrong_moment", "#/occurred_at"),
    (event(occurred_at="2020-03-02T12:00:00"), "no_zone", "#/occurred_at"),
    (event(occurred_at="2020-03-02"), "no_zone", "#/occurred_at"),
    (event(occurred_at=1583150400), "wrong_moment", "#/occurred_at"),
    (event(occurred_at="2020-02-30T12:00:00Z"), "wrong_moment", "#/occurred_at"),
    (event(occurred_at="2020-03-02T12:20:00Z"), "in_the_future", "#/occurred_at"),
    (event(occurred_at="2019-01-01T00:00:00Z"), "too_old", "#/occurred_at"),
    (event(occurred_at="0001-01-01T00:00:00+14:00"), "too_old", "#/occurred_at"),
    (event(properties=[]), "wrong_type", "#/properties"),
    (event(properties=None), "wrong_type", "#/properties"),
    (event(properties={"a": "x" * 4096}), "too_large", "#/properties"),
    (event(properties={f"n{n}": n for n in range(51)}), "too_many", "#/properties"),
    (event(properties=nested(5)), "too_deep", "#/properties/a/a/a/a"),
    (event(properties={"n": 10**40}), "cannot_be_kept", "#/properties"),
    (event(kind="purchase.made"), "wrong_purchase", "#/properties/number"),
    (
        event(
            kind="purchase.made",
            properties={"number": "N", "product": "P", "amount": 12.5, "currency": "EUR"},
        ),
        "wrong_purchase",
        "#/properties/amount",
    ),
    ([], "wrong_type", "#"),
    ('{"id": "e1", "id": "e2"}', "duplicate_key", "#/id"),
    ('{"id" :"e1", "id":"e2"}', "duplicate_key", "#/id"),
    ('{"properties": {"n": 1e999999}}', "no_client", "#/core_id"),
    (event(properties={"a": "\0"}), "nul", "#/properties/a"),
    ('{"properties": "\\ud800"}', "nul", "#/properties"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code", "where"), BAD)
def test_what_is_no_event_is_refused_with_the_place_and_lands_nothing(send, body, code, where):
    answer = send(body)
    assert answer.status_code == 422, answer.content
    assert [(each["code"], each["pointer"]) for each in answer.json()["errors"]] == [(code, where)]
    assert not Arrival.objects.exists()


@pytest.mark.parametrize(
    ("number", "status"), [("1e30", 200), ("1e31", 422), ("1e999999", 422), ("-1e-31", 422)]
)
def test_a_number_is_kept_exactly_or_refused(send, number, status):
    body = json.dumps(event(properties={"n": 0})).replace('"n": 0', f'"n": {number}')
    assert send(body).status_code == status
    assert Arrival.objects.exists() == (status == 200)


def test_in_a_batch_each_event_is_judged_by_itself(send):
    client = factories.client()
    client.identifiers.create(kind="core_id", value="C-1")
    sent = [event(1), event(2, kind="coupon.lost"), event(3), 5]
    answer = send({"events": sent}, BATCH)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["accepted"], told["refused"]) == (2, 2)
    assert [(each["code"], each["pointer"]) for each in told["errors"]] == [
        ("reserved_kind", "#/events/1/kind"),
        ("wrong_type", "#/events/3"),
    ]
    assert drain(at=AT, limit=10) == 2
    assert sorted(Event.objects.values_list("source_key", flat=True)) == ["given:e1", "given:e3"]


@pytest.mark.parametrize(
    "body",
    [{}, [], {"events": []}, {"events": {}}, {"events": [{}] * 1001}, {"events": [], "x": 1}],
)
def test_a_batch_that_is_none_lands_nothing(send, body):
    assert send(body, BATCH).status_code == 422
    assert not Arrival.objects.exists()


def test_a_batch_of_which_nothing_is_good_keeps_nothing(send):
    assert send({"events": [{}, {}]}, BATCH).json()["refused"] == 2
    assert not Arrival.objects.exists()


def test_a_request_sent_again_under_its_name_is_answered_again_and_kept_once(send):
    answers = [send(event(), **{"Idempotency-Key": "k1"}) for _twice in range(2)]
    assert [answer.content for answer in answers] == [b'{"state":"accepted"}'] * 2
    assert Arrival.objects.count() == 1


def test_a_key_that_was_revoked_is_refused_at_once(send):
    send(event(1))
    revoke_key(ApiKey.objects.get().pk, at=AT)
    for _twice in range(2):
        assert send(event(2)).status_code == 401
    assert Arrival.objects.count() == 1


@pytest.mark.parametrize("limit", [3, 250])
def test_a_key_that_is_too_quick_is_told_when_to_come_back(send, settings, limit):
    settings.API_REQUESTS_A_MINUTE = limit
    settings.CLOCK_OFFSET += timedelta(seconds=5)  # into a minute that has just begun
    answers = [send([]).status_code for _request in range(limit + 2)]
    assert answers == [422] * limit + [429] * 2
    assert 0 < int(send([]).headers["Retry-After"]) <= 55


def test_a_taken_event_costs_few_looks_at_the_database(send, django_assert_num_queries):
    send(event())
    with django_assert_num_queries(0):  # that Django sees: the row is one statement of our own
        send({"events": [event(number) for number in range(50)]}, BATCH)


@pytest.mark.django_db
def test_the_page_of_the_api_describes_what_the_views_read_by_themselves(client):
    told = client.get("/api/v1/openapi.json").json()["paths"]
    batch = told[BATCH]["post"]["requestBody"]["content"]["application/json"]["schema"]
    single = told[ONE]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert batch["properties"]["events"]["items"]["properties"] == single["properties"]
    assert set(single["required"]) == {"id", "kind", "occurred_at"}


# --- a timeline ---


@pytest.fixture
def read(send, client):
    token = make_key("crm", ["events:read"], by=None, at=AT)[1]

    def read(core_id="C-1", *, headers=(), **wanted):
        sent = {"Authorization": f"Bearer {token}", **dict(headers)}
        return client.get(f"/api/v1/clients/{core_id}/events", wanted, headers=sent)

    return read


def test_a_timeline_is_read_by_pages_that_miss_nothing_though_events_come_between(read):
    mine = factories.client()
    mine.identifiers.create(kind="core_id", value="C-1")
    moments = [AT - timedelta(hours=hours) for hours in (0, 1, 1, 1, 40 * 24)]
    facts = [
        Fact(mine.pk, "order.placed", f"order:{n}", moment, f"k{n}", {"n": n})
        for n, moment in enumerate(moments)
    ]
    record(facts)
    first = read(limit=2).json()
    record([Fact(mine.pk, "order.lost", "order:9", AT + timedelta(minutes=1), "k9")])
    second = read(limit=2, after=first["next"]).json()
    third = read(limit=2, after=second["next"]).json()
    told = [item for page in (first, second, third) for item in page["items"]]
    assert sorted(item["subject"] for item in told) == [f"order:{n}" for n in range(5)]
    assert [item["occurred_at"] for item in told] == sorted(
        (item["occurred_at"] for item in told), reverse=True
    )
    assert (third["next"], told[0]["properties"]) == (None, {"n": 0})


def test_a_timeline_is_narrowed_by_kind_and_span(read):
    mine = factories.client()
    mine.identifiers.create(kind="core_id", value="C-1")
    record(
        [
            Fact(mine.pk, kind, f"x:{n}", AT - timedelta(days=n), f"k{n}")
            for n, kind in enumerate(["a.b", "a.b", "a.c"])
        ]
    )
    assert [item["subject"] for item in read(kind="a.b").json()["items"]] == ["x:0", "x:1"]
    span = {"from": "2020-02-29T12:00:00Z", "until": "2020-03-02T12:00:00Z"}
    assert [item["subject"] for item in read(**span).json()["items"]] == ["x:1", "x:2"]
    assert read(**{"from": "2020-03-01T12:00:00"}).status_code == 422


def test_who_has_seen_a_timeline_is_told_that_nothing_happened_since(read):
    mine = factories.client()
    mine.identifiers.create(kind="core_id", value="C-1")
    seen = {"If-None-Match": read().headers["ETag"]}
    assert read(headers=seen).status_code == 304
    record([Fact(mine.pk, "a.b", "x:1", AT, "k")])
    assert read(headers=seen).status_code == 200


def test_nobody_reads_the_timeline_of_nobody_and_none_without_the_right(read, client, send):
    assert read("C-404").status_code == 404
    other = make_key("feed", ["events:write"], by=None, at=AT)[1]
    asked = {"Authorization": f"Bearer {other}"}
    assert client.get("/api/v1/clients/C-1/events", headers=asked).status_code == 403


# --- the quick reader ---

names = some.sampled_from(["a", "b", 'c"', "d:", 'e":', "\\", " "])
texts = some.text('ab":\\{}[], ', max_size=6)
values = some.recursive(
    some.none() | some.booleans() | some.integers() | texts,
    lambda inner: some.lists(inner, max_size=3) | some.lists(some.tuples(names, inner), max_size=4),
    max_leaves=12,
)


def written(value, spaces):
    """Write lists of pairs as objects, whose names may then stand twice."""
    if isinstance(value, list) and value and all(isinstance(each, tuple) for each in value):
        inner = ",".join(
            f"{spaces}{json.dumps(name)}{spaces}:{written(each, spaces)}" for name, each in value
        )
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{','.join(written(each, spaces) for each in value)}]"
    return json.dumps(value)


class Sent:
    def __init__(self, body):
        self.body = body


@given(values, some.sampled_from(["", " ", "\n\t"]))
def test_the_quick_reader_reads_what_the_exact_one_reads_and_refuses_the_same(value, spaces):
    body = written(value, spaces).encode()
    try:
        exact = parse(body)
    except RefusedError:
        with pytest.raises(RefusedError):
            api.read(Sent(body))
    else:
        assert api.read(Sent(body)) == (exact, body)
