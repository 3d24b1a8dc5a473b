"""Closing prices by HTTP: with a key, within limits, judged one by one, stored before the answer."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Barrier

import httpx2
import pytest
from django.db import connection

from apps.core import clock
from apps.core.actions import make_key, recognise_key, revoke_key
from apps.core.api.bodies import LARGEST
from apps.core.models import ApiKey
from apps.products.actions.quotes import confirm_quotes
from apps.products.models.markets import Quote
from tests import factories

pytestmark = pytest.mark.django_db

AT = datetime(2020, 3, 13, 22, tzinfo=UTC)
QUOTES, BATCH = "/api/v1/quotes", "/api/v1/quotes/batch"


@pytest.fixture(autouse=True)
def friday_evening(settings):
    settings.CLOCK_OFFSET = AT - clock.now()
    factories.underlying("AAPL")
    factories.underlying("IBM")


@pytest.fixture
def token():
    return make_key("vendor", ["quotes:read", "quotes:write"], by=None, at=AT)[1]


@pytest.fixture
def send(client, token):
    def send(body, address=QUOTES, **headers):
        raw = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return client.post(
            address,
            raw,
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}", **headers},
        )

    return send


def quote(ticker="AAPL", day="2020-03-13", close="69.49", **fields):
    return {"ticker": ticker, "day": day, "close": close, **fields}


def listed(client, token, **wanted):
    answer = client.get(QUOTES, wanted, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.content
    return answer.json()


# --- bringing ---


def test_a_close_is_confirmed_once_and_carries_its_key_as_the_source(send):
    answer = send(quote())
    assert (answer.status_code, answer.json()["state"]) == (200, "confirmed")
    stored = Quote.objects.get()
    assert (stored.close, stored.source, stored.brought_by) == (
        Decimal("69.49"), "api:vendor", None
    )  # fmt: skip
    assert send(quote()).json()["state"] == "unchanged"


def test_who_made_a_key_does_not_confirm_alone_what_it_brings(client, django_user_model):
    maker = django_user_model.objects.create_user("maker")
    own = make_key("own", ["quotes:write"], by=maker, at=AT)[1]
    factories.quote("AAPL", date(2020, 3, 12), "30")
    answer = client.post(
        QUOTES,
        json.dumps(quote()),
        content_type="application/json",
        headers={"Authorization": f"Bearer {own}"},
    )
    assert answer.json()["state"] == "held"
    held = Quote.objects.get(state="held")
    assert confirm_quotes([held.pk], by=maker, at=AT) == []
    assert confirm_quotes([held.pk], by=django_user_model.objects.create_user("other"), at=AT)


def test_numbers_are_read_as_they_are_written_and_never_through_a_float(send):
    send('{"ticker": "AAPL", "day": "2020-03-13", "close": 123456789012.12345678}')
    assert Quote.objects.get().close == Decimal("123456789012.12345678")


def test_every_close_of_a_batch_has_its_own_result(send):
    factories.quote("IBM", date(2020, 3, 12), "100")
    answer = send(
        {
            "quotes": [
                quote(),
                quote(ticker="NONE"),
                quote(ticker="IBM", close="200"),
                quote(ticker="IBM", close="100", day="2020-03-12"),
                quote(close="0", day="2020-03-12"),
                quote(day="2020-03-16"),
                quote(currency="EUR", day="2020-03-11"),
            ]
        },
        BATCH,
    )
    assert answer.status_code == 200
    told = answer.json()
    assert {name: told[name] for name in ("confirmed", "held", "unchanged", "refused")} == {
        "confirmed": 1, "held": 1, "unchanged": 1, "refused": 4,
    }  # fmt: skip
    assert [(one["state"], one["reason"]) for one in told["results"]] == [
        ("confirmed", ""),
        ("refused", "There is no share NONE."),
        ("held", "jump of +100.0 % against 12 Mar 2020"),
        ("unchanged", ""),
        ("refused", "AAPL: a closing price must be above zero."),
        ("refused", "AAPL: 16 Mar 2020 lies in the future; it has no close yet."),
        ("refused", "AAPL trades in USD, not in EUR."),
    ]
    assert Quote.objects.count() == 3


def test_a_single_close_that_is_refused_is_no_success(send):
    answer = send(quote(ticker="NONE"))
    assert (answer.status_code, answer.json()["detail"]) == (422, "There is no share NONE.")


def test_another_value_of_a_confirmed_day_waits_for_a_person(send):
    send(quote())
    answer = send(quote(close="70"))
    assert answer.json()["reason"] == "would restate the confirmed close 69.49 by +0.73 %"
    assert Quote.objects.get(is_current=True).close == Decimal("69.49")


@pytest.mark.parametrize(
    "body",
    [
        quote(close="NaN"), quote(close="1e3"), quote(close=True), quote(close=None),
        quote(close="١"), quote(day="13.03.2020"), quote(day=20200313), quote(day="2020-02-30"),
        quote(ticker=""), quote(ticker="A\x00"), quote(ticker="A" * 21), quote(currency="usd"),
        {}, [], {"quotes": []},
    ],
)  # fmt: skip
def test_what_cannot_be_read_lands_nothing_and_says_where(send, body):
    answer = send(body)
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert send({"quotes": [quote(), body]}, BATCH).status_code == 422
    assert not Quote.objects.exists()


@pytest.mark.parametrize("body", ["", "{", '{"close": NaN}', "\xff", "null", f"[{'9' * 5000}]"])
def test_what_is_no_json_is_refused(send, body):
    assert send(body).status_code in {400, 422}


@pytest.mark.parametrize("close", ["1e-999999999", "1e999999999", "9" * 4000])
def test_a_number_beyond_all_reckoning_is_refused(send, close):
    body = f'{{"ticker": "AAPL", "day": "2020-03-13", "close": {close}}}'
    assert send(body).status_code == 422
    assert send(f'{{"quotes": [{body}]}}', BATCH).status_code == 422
    assert not Quote.objects.exists()


def test_a_batch_has_a_thousand_quotes_at_most(send):
    first = date(2017, 1, 1)
    rows = [quote(day=f"{first + timedelta(days=n)}", close="1") for n in range(1001)]
    assert send({"quotes": rows}, BATCH).status_code == 422
    answer = send({"quotes": rows[:1000]}, BATCH)
    assert (answer.status_code, answer.json()["confirmed"]) == (200, 1000)


def test_a_body_that_is_too_large_is_not_even_read(send):
    assert send(b" " * (LARGEST + 1), BATCH).status_code == 413


# --- who may ---


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x", "Bearer tdg_", "Basic abc", "é"])
def test_without_a_good_key_nobody_is_let_in(client, header):
    headers = {"Authorization": header} if header else {}
    for answer in (client.get(QUOTES, headers=headers), client.post(QUOTES, headers=headers)):
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == "Bearer"


def test_a_key_does_what_its_scopes_say_and_no_more(client):
    _key, token = make_key("reader", ["quotes:read"], by=None, at=AT)
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get(QUOTES, headers=headers).status_code == 200
    answer = client.post(QUOTES, quote(), content_type="application/json", headers=headers)
    assert answer.status_code == 403


def test_a_revoked_key_is_refused_from_then_on(client, token):
    key = ApiKey.objects.get()
    assert [revoke_key(key.pk, at=AT), revoke_key(key.pk, at=AT)] == [True, False]
    assert client.get(QUOTES, headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_the_database_holds_no_key_that_could_be_used(token):
    row = ApiKey.objects.values().get()
    assert not any(token in str(value) for value in row.values())
    assert recognise_key(row["prefix"] + "_" + row["digest"], at=AT) is None


def test_the_last_use_of_a_key_is_noted_by_its_day(client, token, django_assert_num_queries):
    listed(client, token)
    assert ApiKey.objects.get().last_used_on == AT.date()
    with django_assert_num_queries(2):
        listed(client, token)


def test_who_asks_too_often_is_told_when_to_come_back(client, token, settings):
    settings.API_REQUESTS_A_MINUTE = 2
    headers = {"Authorization": f"Bearer {token}"}
    answers = [client.get(QUOTES, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers][:2] == [200, 200]
    assert answers[2].status_code == 429
    assert 0 < int(answers[2]["Retry-After"]) <= 60
    other = make_key("other", ["quotes:read"], by=None, at=AT)[1]
    assert client.get(QUOTES, headers={"Authorization": f"Bearer {other}"}).status_code == 200


# --- reading ---


def test_closes_are_read_page_by_page_without_gap_or_double(client, token):
    for day in (11, 12, 13):
        for ticker in ("AAPL", "IBM"):
            factories.quote(ticker, date(2020, 3, day), "10.50")
    seen, after = [], None
    while True:
        page = listed(client, token, limit=2, **({"after": after} if after else {}))
        seen += [(one["day"], one["ticker"]) for one in page["quotes"]]
        after = page["next"]
        if after is None:
            break
    assert seen == [
        (f"2020-03-{day}", ticker) for day in (11, 12, 13) for ticker in ("AAPL", "IBM")
    ]  # fmt: skip


def test_closes_are_found_by_share_day_and_state(client, token):
    factories.quote("AAPL", date(2020, 3, 12), "10.50")
    factories.quote("AAPL", date(2020, 3, 13), "20", state="held", held_because="jump")
    factories.quote("IBM", date(2020, 3, 13), "1")
    page = listed(client, token, ticker="AAPL", **{"from": "2020-03-13", "to": "2020-03-13"})
    assert [(one["close"], one["state"], one["currency"]) for one in page["quotes"]] == [
        ("20", "held", "USD")
    ]
    assert len(listed(client, token, state="confirmed")["quotes"]) == 2


@pytest.mark.parametrize(
    "wanted",
    [
        {"limit": 0},
        {"limit": 1001},
        {"after": "x"},
        {"after": "2020-02-30_1"},
        {"from": "soon"},
        {"state": "odd"},
    ],
)
def test_a_question_that_makes_no_sense_is_refused(client, token, wanted):
    answer = client.get(QUOTES, wanted, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 422


def test_the_api_describes_itself(client):
    described = client.get("/api/v1/openapi.json").json()
    assert {QUOTES, BATCH} <= set(described["paths"])
    answers = described["paths"][BATCH]["post"]["responses"]
    assert {"200", "401", "403", "405", "413", "422", "429"} <= set(answers)
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    assert "cdn" not in page.content.decode()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_four_who_bring_the_same_closes_store_them_once(client, token):
    start = Barrier(4)

    def bring(_place):
        start.wait()
        try:
            return client.post(
                BATCH,
                {"quotes": [quote(ticker="IBM"), quote()]},
                content_type="application/json",
                headers={"Authorization": f"Bearer {token}"},
            ).json()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(bring, range(4)))
    assert sum(answer["confirmed"] for answer in answers) == 2
    assert Quote.objects.count() == 2


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_what_is_answered_over_the_wire_is_stored(live_server, token):
    answer = httpx2.post(
        f"{live_server}{BATCH}",
        json={"quotes": [quote(), quote(ticker="NONE")]},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert (answer.status_code, answer.json()["confirmed"], answer.json()["refused"]) == (200, 1, 1)
    assert Quote.objects.get().source == "api:vendor"
