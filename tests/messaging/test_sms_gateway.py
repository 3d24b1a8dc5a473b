"""A gateway as its provider's options describe it: what it is sent, and what its answers mean."""

import json
from threading import Barrier
from uuid import uuid4

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from apps.messaging.channels import Account, Letter, Verdict, connect

PHONE = "+79161234567"


def letter(text="Your coupon is accrued: {secret} {to}"):
    return Letter(key=uuid4(), to=PHONE, text=text)


@pytest.fixture
def gateway(httpserver):
    """Let a gateway answer what a test says; return what takes letters to it."""

    def say(answer="", status=200, **options):
        if not isinstance(answer, str | bytes):
            answer = json.dumps(answer)
        httpserver.expect_request("/sms").respond_with_handler(lambda _: Response(answer, status))
        return Account(
            "gateway",
            sender="Ivolga",
            options={"url": httpserver.url_for("/sms"), **options},
            secret="s3cret",
        )

    return say


def answers(account, *letters):
    with connect("sms_http", account) as carrier:
        return [answer for _key, answer in carrier.send(letters)]


def asked(httpserver):
    return httpserver.log[-1][0]


def test_letters_are_written_as_the_options_say(gateway, httpserver):
    account = gateway(
        {"messages": [{"id": 17}]},
        method="PUT",
        headers={"X-Api-Key": "{secret}", "Reference": "{key}"},
        body={"messages": [{"to": "{digits}", "body": "{text}"}], "from": "{sender}", "flash": 0},
        id_at="messages.0.id",
    )
    sent = letter()
    (answer,) = answers(account, sent)
    request = asked(httpserver)
    assert (answer.verdict, answer.provider_id) == (Verdict.SENT, "17")
    assert (request.method, request.headers["X-Api-Key"]) == ("PUT", "s3cret")
    assert request.headers["Reference"] == str(sent.key)
    # What a text says in braces is its own words, never the secret.
    expected = {"to": "79161234567", "body": "Your coupon is accrued: {secret} {to}"}
    assert request.json == {"messages": [expected], "from": "Ivolga", "flash": 0}


@pytest.mark.parametrize(("method", "place"), [("POST", "form"), ("GET", "args")])
def test_a_gateway_may_want_a_form_or_an_address(gateway, httpserver, method, place):
    account = gateway(
        {"id": "a"},
        method=method,
        encoding="form",
        headers={"Authorization": "Basic {basic}"},
        body={"phone": "{to}", "mes": "{text}"},
    )
    assert answers(account, letter("Купон & co"))[0].verdict == Verdict.SENT
    said = getattr(asked(httpserver), place)
    assert (said["phone"], said["mes"]) == (PHONE, "Купон & co")
    assert asked(httpserver).headers["Authorization"] == "Basic czNjcmV0"


@pytest.mark.parametrize(
    ("answer", "options", "verdict", "provider_id"),
    [
        ({"id": "x" * 200}, {}, Verdict.SENT, "x" * 120),
        ("OK", {}, Verdict.UNKNOWN, ""),
        ("OK", {"status_suffices": True}, Verdict.SENT, ""),
        ({"id": None}, {}, Verdict.UNKNOWN, ""),
        ({"id": {"a": 1}}, {}, Verdict.UNKNOWN, ""),
        ({"id": "a\0b"}, {}, Verdict.UNKNOWN, ""),
        ("[" * 50_000, {}, Verdict.UNKNOWN, ""),
        (b"\xff\xfe\x00", {}, Verdict.UNKNOWN, ""),
        ({"id": "x" * 1_000_000}, {}, Verdict.UNKNOWN, ""),
        ([{"id": "7"}], {"id_at": "0.id"}, Verdict.SENT, "7"),
        ([{"id": "7"}], {"id_at": "1.id"}, Verdict.UNKNOWN, ""),
        ({"error": 0, "id": "7"}, {"error_at": "error"}, Verdict.SENT, "7"),
        ({"error": 9}, {"error_at": "error", "never_errors": [9]}, Verdict.NEVER, ""),
        ({"error": 2, "id": "7"}, {"error_at": "error", "never_errors": [9]}, Verdict.AGAIN, ""),
    ],
)
def test_a_good_status_is_believed_only_with_what_must_stand_beside_it(
    gateway, answer, options, verdict, provider_id
):
    (found,) = answers(gateway(answer, **options), letter())
    assert (found.verdict, found.provider_id) == (verdict, provider_id)


@pytest.mark.parametrize(
    ("status", "options", "verdict"),
    [
        (400, {}, Verdict.NEVER),
        (400, {"never": [422]}, Verdict.AGAIN),
        (401, {}, Verdict.AGAIN),
        (503, {}, Verdict.AGAIN),
        (504, {}, Verdict.UNKNOWN),
        (500, {"unknown": [500]}, Verdict.UNKNOWN),
        (302, {}, Verdict.AGAIN),
    ],
)
def test_a_bad_status_is_read_as_the_options_say(gateway, status, options, verdict):
    assert answers(gateway({"id": "7"}, status, **options), letter())[0].verdict == verdict


def test_the_reason_of_a_refusal_names_no_number(gateway):
    account = gateway({"error": f"no such phone {PHONE}"}, error_at="error")
    assert answers(account, letter())[0].reason == "The SMS gateway refused: no such phone +…."


def test_a_gateway_that_talks_rubbish_is_given_no_more(gateway, httpserver):
    assert len(answers(gateway("OK"), *(letter() for _ in range(5)))) == 1
    assert len(httpserver.log) == 1


def test_so_many_letters_are_under_way_as_the_window_holds():
    together = Barrier(4, timeout=30)

    def take(request):
        together.wait()
        return Response(json.dumps({"id": request.json["key"]}))

    letters = [letter() for _ in range(8)]
    with HTTPServer(threaded=True) as server:
        server.expect_request("/sms").respond_with_handler(take)
        account = Account("gateway", options={"url": server.url_for("/sms")}, window=4)
        with connect("sms_http", account) as carrier:
            found = dict(carrier.send(letters))
    assert {each.key: str(each.key) for each in letters} == {
        key: answer.provider_id for key, answer in found.items()
    }


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"method": "DELETE"}, "“method” cannot be"),
        ({"headers": {"X": 1}}, "“headers” cannot be"),
        ({"never": ["400"]}, "“never” cannot be"),
        ({"token": "x"}, "Nobody knows the option “token”"),
    ],
)
def test_options_that_cannot_be_used_keep_letters_waiting(gateway, httpserver, options, reason):
    (answer,) = answers(gateway(**options), letter(), letter())
    assert answer.verdict == Verdict.AGAIN
    assert reason in answer.reason
    assert httpserver.log == []


def test_a_gateway_can_be_asked_what_it_took(gateway, httpserver):
    came, missing, unsure = uuid4(), uuid4(), uuid4()
    said = {
        came: Response(json.dumps({"id": "7"})),
        missing: Response("", 404),
        unsure: Response("", 500),
    }
    for key, answer in said.items():
        httpserver.expect_request(f"/sms/{key}").respond_with_response(answer)
    account = gateway(look_up_url=httpserver.url_for("/sms/{key}"))
    with connect("sms_http", account) as carrier:
        found = dict(carrier.look_up([came, missing, unsure]))
    assert found.keys() == {came, missing}
    assert (found[came].provider_id, found[missing]) == ("7", None)
    assert asked(httpserver).headers["Authorization"] == "Bearer s3cret"
