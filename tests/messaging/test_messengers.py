"""Messengers: what their calls mean, and what their answers mean for a letter."""

import hmac
import json
from datetime import UTC, datetime
from hashlib import sha256
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.messaging import messengers
from apps.messaging.channels import Account, Letter, Verdict, connect
from apps.messaging.messengers import Joined, Left, Said, Shared, Told

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = int(AT.timestamp())


def telegram(message, chat="private", sender=77):
    return {
        "update_id": 1,
        "message": {
            "message_id": 5, "date": SECOND, "from": {"id": sender},
            "chat": {"id": sender, "type": chat}, **message,
        },
    }  # fmt: skip


def whatsapp(**value):
    return {"entry": [{"changes": [{"value": value}]}]}


CALLS = [
    ("telegram", telegram({"text": "/start abc"}), [Joined("77", "abc")]),
    ("telegram", telegram({"text": "STOP"}), [Said("77", "STOP", "77/5", AT)]),
    ("telegram", telegram({"text": "\ud83dhi\0"}), [Said("77", "hi", "77/5", AT)]),
    ("telegram", telegram({"text": "hi"}, chat="group"), []),
    ("telegram", telegram({"contact": {"user_id": 77, "phone_number": "79161234567"}}),
     [Shared("77", "+79161234567")]),
    # A contact passed on is somebody else's.
    ("telegram", telegram({"contact": {"user_id": 78, "phone_number": "79161234567"}}), []),
    ("telegram", telegram({"contact": {"phone_number": "79161234567"}}), []),
    ("telegram", {"my_chat_member": {"chat": {"id": 77}, "new_chat_member": {"status": "kicked"}}},
     [Left("77")]),
    ("telegram", {"message": "rubbish"}, []),
    ("viber", {"event": "conversation_started", "user": {"id": "u="}, "context": "abc"},
     [Joined("u=", "abc")]),
    ("viber", {"event": "conversation_started", "user": {"id": "u="}}, []),
    ("viber", {"event": "delivered", "message_token": 123, "user_id": "u=",
               "timestamp": SECOND * 1000}, [Told("123", "delivered", at=AT)]),
    ("viber", {"event": "unsubscribed", "user_id": "u="}, [Left("u=")]),
    ("viber", {"event": "message", "message_token": 9, "timestamp": SECOND * 1000,
               "sender": {"id": "u="}, "message": {"type": "text", "text": "стоп"}},
     [Said("u=", "стоп", "9", AT)]),
    ("viber", {"event": "webhook"}, []),
    ("whatsapp", whatsapp(statuses=[
        {"id": "w1", "status": "read", "timestamp": str(SECOND), "biz_opaque_callback_data": "k"},
        {"id": "w2", "status": "sent", "timestamp": str(SECOND)}, 7]),
     [Told("w1", "seen", "k", AT)]),
    ("whatsapp", whatsapp(messages=[
        {"from": "79161234567", "id": "m1", "timestamp": str(SECOND), "text": {"body": "Stop"}}]),
     [Said("+79161234567", "Stop", "m1", AT)]),
    ("whatsapp", whatsapp(messages=[
        {"from": "79161234567", "id": "m1", "text": {"body": "Tidings abc"}}]),
     [Joined("+79161234567", "abc"), Shared("+79161234567", "+79161234567")]),
    ("whatsapp", {"entry": {"changes": 1}}, []),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "call", "facts"), CALLS, ids=[str(n) for n in range(len(CALLS))])
def test_calls_become_facts(kind, call, facts):
    assert messengers.read(kind, json.dumps(call).encode()) == facts


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_refused(body):
    with pytest.raises(ValueError, match=r"."):
        messengers.read("viber", body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["message", "from", "id", "chat", "type", "entry", "changes", "value",
                         "statuses", "messages", "event", "user", "text", "timestamp", "contact"]),
        inner, max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@given(call=st.dictionaries(st.sampled_from(["message", "entry", "event", "user"]), JSON))
def test_no_call_breaks_the_reader(call):
    for kind in messengers.READERS:
        messengers.read(kind, json.dumps(call).encode())


@pytest.mark.parametrize("kind", ["telegram", "viber", "whatsapp"])
def test_only_who_knows_the_secret_is_believed(kind):
    body, secret = b'{"a": 1}', "secret"
    signature = hmac.digest(b"secret", body, sha256).hex()
    name, value = {
        "telegram": ("X-Telegram-Bot-Api-Secret-Token", secret),
        "viber": ("X-Viber-Content-Signature", signature),
        "whatsapp": ("X-Hub-Signature-256", f"sha256={signature}"),
    }[kind]
    assert messengers.is_genuine(kind, {name: value}, body, secret)
    assert not messengers.is_genuine(kind, {name: value[:-1]}, body, secret)
    assert not messengers.is_genuine(kind, {name: "подпись"}, body, secret)
    assert not messengers.is_genuine(kind, {}, body, secret)
    assert not messengers.is_genuine(kind, {name: ""}, body, "")
    if kind != "telegram":
        assert not messengers.is_genuine(kind, {name: value}, body + b" ", secret)


PATHS = {
    "telegram": "/bottoken/sendMessage",
    "viber": "/pa/send_message",
    "whatsapp": "/42/messages",
}


def account(httpserver, kind, **options):
    url = httpserver.url_for("").rstrip("/")
    return Account(kind, secret="token", options={"url": url, "phone_number_id": "42", **options})


def sent(kind, letter, made):
    with connect(kind, made) as carrier:
        return dict(carrier.send([letter]))[letter.key]


def letter(text="Your coupon is accrued.", to="+79161234567"):
    return Letter(key=uuid4(), to=to, text=text, language="en")


TAKEN = {
    "telegram": ({"ok": True, "result": {"message_id": 5}}, "77/5"),
    "viber": ({"status": 0, "message_token": 123}, "123"),
    "whatsapp": ({"messages": [{"id": "wamid.1"}]}, "wamid.1"),
}


@pytest.mark.parametrize("kind", TAKEN)
def test_a_letter_is_taken_and_its_number_kept(httpserver, kind):
    said, named = TAKEN[kind]
    httpserver.expect_request(PATHS[kind], method="POST").respond_with_json(said)
    one = letter(to="77")
    answer = sent(kind, one, account(httpserver, kind))
    assert (answer.verdict, answer.provider_id) == (Verdict.SENT, named)
    request = httpserver.log[0][0]
    assert "Your coupon is accrued." in request.data.decode()
    if kind == "viber":
        assert request.headers["X-Viber-Auth-Token"] == "token"
        assert request.json["tracking_data"] == str(one.key)
    if kind == "whatsapp":
        assert request.headers["Authorization"] == "Bearer token"
        assert request.json["biz_opaque_callback_data"] == str(one.key)


AGAIN, NEVER, UNKNOWN = Verdict.AGAIN, Verdict.NEVER, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "status", "said", "verdict", "gone"),
    [
        ("telegram", 403, {"description": "Forbidden: bot was blocked by the user"}, NEVER, True),
        ("telegram", 400, {"description": "Bad Request: chat not found"}, NEVER, True),
        ("telegram", 400, {"description": "Bad Request: message is too long"}, NEVER, False),
        ("telegram", 429, {"parameters": {"retry_after": 7}}, AGAIN, False),
        ("telegram", 429, {"parameters": "soon"}, AGAIN, False),
        ("telegram", 401, {}, AGAIN, False),
        ("telegram", 502, {}, AGAIN, False),
        ("telegram", 200, {"ok": True, "result": {}}, UNKNOWN, False),
        ("telegram", 200, [], UNKNOWN, False),
        ("viber", 200, {"status": 5}, NEVER, True),
        ("viber", 200, {"status": 6}, NEVER, True),
        ("viber", 200, {"status": 3}, NEVER, False),
        ("viber", 200, {"status": 2}, AGAIN, False),
        ("viber", 200, {"status": 12}, AGAIN, False),
        ("viber", 200, {"status": "rubbish"}, UNKNOWN, False),
        ("viber", 200, {"status": 0}, UNKNOWN, False),
        ("viber", 500, {}, AGAIN, False),
        ("whatsapp", 400, {"error": {"code": 131026}}, NEVER, True),
        ("whatsapp", 400, {"error": {"code": 131047}}, NEVER, False),
        ("whatsapp", 400, {"error": {"code": 130429}}, AGAIN, False),
        ("whatsapp", 401, {"error": {"code": 190}}, AGAIN, False),
        ("whatsapp", 400, {"error": "rubbish"}, AGAIN, False),
        ("whatsapp", 200, {"messages": [7]}, UNKNOWN, False),
        ("whatsapp", 504, {}, UNKNOWN, False),
    ],
)
def test_every_answer_of_a_messenger_has_its_meaning(httpserver, kind, status, said, verdict, gone):
    httpserver.expect_request(PATHS[kind]).respond_with_json(said, status=status)
    answer = sent(kind, letter(), account(httpserver, kind))
    assert (answer.verdict, answer.gone) == (verdict, gone)
    assert answer.reason
    assert "token" not in answer.reason


@pytest.mark.parametrize("kind", PATHS)
def test_what_is_not_set_up_waits_and_what_is_too_long_never_leaves(httpserver, kind):
    assert sent(kind, letter(), Account(kind)).verdict == AGAIN
    made = account(httpserver, kind)
    assert sent(kind, letter(text="x" * 7_001), made).verdict == NEVER
    assert not httpserver.log


def test_whatsapp_sends_by_its_approved_template(httpserver):
    said, _named = TAKEN["whatsapp"]
    httpserver.expect_request(PATHS["whatsapp"]).respond_with_json(said)
    sent("whatsapp", letter(text="One.\n\nTwo."), account(httpserver, "whatsapp", template="news"))
    template = httpserver.log[0][0].json["template"]
    assert (template["name"], template["language"]) == ("news", {"code": "en"})
    assert template["components"][0]["parameters"] == [{"type": "text", "text": "One. Two."}]
