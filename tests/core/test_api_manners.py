"""What every part of the API does alike; closes stand for all that can be brought and read."""

import json
import time
from datetime import UTC, date, datetime, timedelta
from threading import Event, Thread

import pytest
from django.db import connection, transaction

from apps.core import actions, clock
from apps.core.actions import KEPT, claim_answer, forget_answers, make_key
from apps.core.api.bodies import DEEPEST, parse
from apps.core.api.problems import RefusedError
from apps.core.models import KeptAnswer
from apps.products.models.markets import Quote
from tests import factories

pytestmark = pytest.mark.django_db

AT = datetime(2020, 3, 13, 22, tzinfo=UTC)
QUOTES, BATCH = "/api/v1/quotes", "/api/v1/quotes/batch"
CLOSE = {"ticker": "AAPL", "day": "2020-03-13", "close": "69.49"}


@pytest.fixture(autouse=True)
def friday_evening(settings):
    settings.CLOCK_OFFSET = AT - clock.now()
    factories.underlying("AAPL")


@pytest.fixture
def key():
    return make_key("vendor", ["quotes:read", "quotes:write"], by=None, at=AT)


@pytest.fixture
def send(client, key):
    def send(body, address=QUOTES, content_type="application/json", **headers):
        raw = body if isinstance(body, str | bytes) else json.dumps(body)
        headers = {"Authorization": f"Bearer {key[1]}", **headers}
        return client.post(address, raw, content_type=content_type, headers=headers)

    return send


@pytest.fixture
def read(client, key):
    def read(address=QUOTES, wanted=None, **headers):
        headers = {"Authorization": f"Bearer {key[1]}", **headers}
        return client.get(address, wanted, headers=headers)

    return read


def deep(levels):
    return "[" * levels + "]" * levels


# --- bodies ---


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        ('{"quotes": [{"ticker": "A", "ticker": "B"}]}', 422, "duplicate_key", "#/quotes/0/ticker"),
        ('{"quotes": [{"a/b": 1, "a/b": 1}]}', 422, "duplicate_key", "#/quotes/0/a~1b"),
        ('{"quotes": [{"close": NaN}]}', 422, "not_a_number", "#/quotes/0/close"),
        ('{"quotes": [{"close": -Infinity}]}', 422, "not_a_number", "#/quotes/0/close"),
        ('{"quotes": [{"ticker": "A\\u0000"}]}', 422, "nul", "#/quotes/0/ticker"),
        ('{"quotes": [{"ticker": "\\ud800"}]}', 422, "nul", "#/quotes/0/ticker"),
        ('{"quotes": [{"\\ud800": 1}]}', 422, "nul", "#/quotes/0"),
        (f'{{"quotes": [{deep(DEEPEST)}]}}', 422, "too_deep", "#/quotes/0" + "/0" * (DEEPEST - 2)),
        (deep(100_000), 422, "too_deep", "#"),
        ('{"quotes": [{}], "more": 1}', 422, "missing", "#/quotes/0/ticker"),
        ('{"more": 1}', 422, "extra_forbidden", "#/more"),
        ('{"quotes": {}}', 422, "list_type", "#/quotes"),
        ('{"quotes": [{"ticker": 5}]}', 422, "string_type", "#/quotes/0/ticker"),
        ("null", 422, "model_type", "#"),
        ("", 422, "missing", "#"),
    ],
)  # fmt: skip
def test_a_body_that_two_readers_could_read_apart_is_refused_with_its_place(
    send, body, status, code, pointer
):
    answer = send(body, BATCH)
    assert answer["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert (answer.status_code, told["status"]) == (status, status)
    assert (code, pointer) in {(one["code"], one.get("pointer")) for one in told["errors"]}


def test_the_doubled_one_of_many_names_is_found_in_no_time():
    names = [*(str(number) for number in range(100_000)), "99999"]
    body = "{" + ",".join(f'"{name}":1' for name in names) + "}"
    began = time.thread_time()
    with pytest.raises(RefusedError) as refused:
        parse(body.encode())
    assert refused.value.errors[0].pointer == "#/99999"
    assert time.thread_time() - began < 2  # comparing each with each took minutes


@pytest.mark.parametrize("body", [b"{", b"\xff{}", b'{"a": "\n"}', b"\xef\xbb\xbf{}", b"9" * 5000])
def test_bytes_that_are_no_json_are_refused(send, body):
    assert send(body).status_code == 400


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/json; charset=latin-1", "multipart/form-data"]
)
def test_another_type_of_body_is_refused(send, content_type):
    assert send(b"{}", content_type=content_type).status_code == 415


def test_a_batch_full_of_faults_is_told_the_first_hundred(send):
    answer = send({"quotes": [{}] * 1000}, BATCH)
    assert len(answer.json()["errors"]) == 100


# --- doing it once ---


def test_a_request_sent_again_is_answered_again_and_done_once(send):
    first, again = (send(CLOSE, **{"Idempotency-Key": "a-1"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.content == again.content  # the second would be "unchanged"
    assert again["Idempotency-Replayed"] == "true"
    assert KeptAnswer.objects.count() == 1


def test_the_same_key_for_another_request_is_refused(send):
    named = {"Idempotency-Key": "a-1"}
    send(CLOSE, **named)
    for answer in (
        send({**CLOSE, "close": "70"}, **named),
        send({"quotes": [CLOSE]}, BATCH, **named),
    ):
        assert answer.status_code == 422
        assert answer.json()["errors"][0] == {
            "code": "key_reused",
            "detail": "This key was used for another request within 30 days.",
            "header": "Idempotency-Key",
        }


def test_a_refused_request_has_not_used_its_key_up(send):
    named = {"Idempotency-Key": "a-1"}
    assert send({**CLOSE, "ticker": "NONE"}, **named).status_code == 422
    assert not KeptAnswer.objects.exists()
    assert send(CLOSE, **named).json()["state"] == "confirmed"


def test_two_systems_may_choose_the_same_key(client, send):
    send(CLOSE, **{"Idempotency-Key": "a-1"})
    other = make_key("other", ["quotes:write"], by=None, at=AT)[1]
    answer = client.post(
        QUOTES, json.dumps({**CLOSE, "day": "2020-03-12"}), content_type="application/json",
        headers={"Authorization": f"Bearer {other}", "Idempotency-Key": "a-1"},
    )  # fmt: skip
    assert answer.json()["state"] == "confirmed"


@pytest.mark.parametrize("name", ["", " ", "ключ", "x" * 256, "a b"])
def test_a_key_that_is_none_is_refused(send, name):
    answer = send(CLOSE, **{"Idempotency-Key": name})
    assert (answer.status_code, answer.json()["errors"][0]["header"]) == (400, "Idempotency-Key")


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_second_request_is_turned_away_while_the_first_is_at_work(send, key):
    claimed, ended = Event(), Event()

    def work():
        try:
            with transaction.atomic():
                assert claim_answer(key[0], "a-1")
                claimed.set()
                ended.wait(60)
        finally:
            connection.close()

    first = Thread(target=work)
    first.start()
    assert claimed.wait(60)
    answer = send(CLOSE, **{"Idempotency-Key": "a-1"})
    ended.set()
    first.join()
    assert (answer.status_code, answer["Retry-After"]) == (409, "1")
    assert not Quote.objects.exists()
    assert send(CLOSE, **{"Idempotency-Key": "a-1"}).status_code == 200


def test_an_answer_that_cannot_be_kept_takes_back_what_was_done(client, send, monkeypatch):
    monkeypatch.setattr("apps.core.api.once.keep_answer", lambda *_a, **_k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        send(CLOSE, **{"Idempotency-Key": "a-1"})
    assert not Quote.objects.exists()


def test_answers_are_kept_for_thirty_days(send):
    send(CLOSE, **{"Idempotency-Key": "a-1"})
    assert forget_answers(at=clock.now() + KEPT - timedelta(minutes=1)) == 0
    assert forget_answers(at=clock.now() + KEPT) == 1
    assert actions.forget_answers(at=clock.now() + KEPT) == 0


# --- reading ---


def test_what_is_known_already_is_not_sent_again(read):
    factories.quote("AAPL", date(2020, 3, 12), "10.50")
    first = read()
    known = read(**{"If-None-Match": f'"old", W/{first["ETag"]}'})
    assert (known.status_code, known.content, known["ETag"]) == (304, b"", first["ETag"])
    factories.quote("AAPL", date(2020, 3, 13), "11")
    changed = read(**{"If-None-Match": first["ETag"]})
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


@pytest.mark.parametrize("mark", ["", "x", "bnVsbA", "WzFd", "WyIyMDIwLTAyLTMwIiwxXQ", "é", "W10"])
def test_a_mark_of_no_page_is_refused(read, mark):
    answer = read(wanted={"after": mark})
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "after")


# --- what it does not know, and what it says of itself ---


def test_unknown_addresses_and_methods_are_refused_like_all_else(client, read):
    for answer, status in (
        (client.post("/api/v1/nothing/here"), 404),
        (client.patch(QUOTES), 405),
        (read("/api/v1/quotes/"), 404),
    ):
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert answer["Content-Type"] == "application/problem+json"
    assert client.patch(QUOTES)["Allow"] == "GET, POST"


def test_every_operation_declares_how_it_refuses(client):
    described = client.get("/api/v1/openapi.json").json()
    for methods in described["paths"].values():
        for method, operation in methods.items():
            answers = operation["responses"]
            assert {"401", "403", "405", "422", "429"} <= set(answers)
            assert "Retry-After" in answers["429"]["headers"]
            if method == "get":
                assert "304" in answers
            if "requestBody" in operation:
                assert {"400", "413", "415"} <= set(answers)
            names = {one["name"] for one in operation["parameters"]}
            # A search writes nothing, and a file sent again changes nothing.
            name = operation["operationId"]
            writes = method != "get" and not name.startswith("search") and "send_file" not in name
            assert "400" in answers or not writes
            assert ("409" in answers) == ("Idempotency-Key" in names) == writes
