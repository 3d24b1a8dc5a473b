"""Push to browsers and apps against real HTTP peers, which may be of every broken kind."""

import json
import socket
import threading
from contextlib import contextmanager, suppress
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pytest_httpserver import HTTPServer
from werkzeug.wrappers import Response

from apps.messaging import webpush
from apps.messaging.channels import Account, Letter, Verdict, connect
from apps.messaging.queries.devices import push_key
from tests.messaging.test_webpush import read_by_browser

BROWSER, SECRET = webpush.private_key(b"a browser"), "c" * 22


def letter(httpserver, path="/push", text="Your coupon is accrued.", **fields):
    subscription = {
        "endpoint": httpserver.url_for(path),
        "p256dh": webpush.public_key(BROWSER),
        "auth": SECRET,
    }
    return Letter(
        key=uuid4(), to=json.dumps(subscription), text=text, link="https://t.example/s/x",
        language="en", **fields,
    )  # fmt: skip


def sent(kind, letters, account=None):
    with connect(kind, account or Account("push")) as carrier:
        return dict(carrier.send(letters))


def test_a_browser_reads_the_note_and_its_service_knows_who_sends(httpserver, settings):
    settings.ISSUER_NAME = "Issuer"
    httpserver.expect_request("/push", method="POST").respond_with_data(status=201)
    one = letter(httpserver)
    assert sent("web_push", [one])[one.key].verdict == Verdict.SENT
    request, _answer = httpserver.log[0]
    note = json.loads(read_by_browser(request.data, BROWSER, SECRET))
    assert note == {
        "title": "Issuer", "body": "Your coupon is accrued.", "url": "https://t.example/s/x",
        "language": "en", "tag": str(one.key),
    }  # fmt: skip
    token = request.headers["Authorization"].removeprefix("vapid t=").partition(",")[0]
    audience = httpserver.url_for("").rstrip("/")
    assert jwt.decode(token, push_key().public_key(), ["ES256"], audience=audience)
    assert (request.headers["Content-Encoding"], request.headers["TTL"]) == ("aes128gcm", "86400")


def test_a_long_note_is_cut_to_what_a_service_carries(httpserver):
    httpserver.expect_request("/push").respond_with_data(status=201)
    one = letter(httpserver, text="Купон 🎈 " * 2_000)
    assert sent("web_push", [one])[one.key].verdict == Verdict.SENT
    note = json.loads(read_by_browser(httpserver.log[0][0].data, BROWSER, SECRET))
    assert note["body"].endswith("…")
    assert 3_000 < len(json.dumps(note, ensure_ascii=False).encode()) <= webpush.LONGEST


@pytest.mark.parametrize(
    ("status", "verdict", "gone"),
    [
        (404, Verdict.NEVER, True),
        (410, Verdict.NEVER, True),
        (413, Verdict.NEVER, False),
        (403, Verdict.AGAIN, False),
        (429, Verdict.AGAIN, False),
        (500, Verdict.AGAIN, False),
        (302, Verdict.AGAIN, False),
        (504, Verdict.UNKNOWN, False),
    ],
)
def test_every_answer_of_a_push_service_has_its_meaning(httpserver, status, verdict, gone):
    headers = {"Retry-After": "30", "Location": "/elsewhere"}
    httpserver.expect_request("/push").respond_with_data("no", status=status, headers=headers)
    one = letter(httpserver)
    answer = sent("web_push", [one])[one.key]
    assert (answer.verdict, answer.gone) == (verdict, gone)
    assert answer.reason
    assert [request.path for request, _ in httpserver.log] == ["/push"]


def test_a_subscription_that_cannot_be_read_is_gone():
    for to in ("", "null", "{}", '{"endpoint": "https://x.example", "p256dh": "A", "auth": ""}'):
        one = Letter(key=uuid4(), to=to, text="x")
        answer = sent("web_push", [one])[one.key]
        assert (answer.verdict, answer.gone) == (Verdict.NEVER, True)


@contextmanager
def rude_server(behaviour):
    """Take connections and treat each as told."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    peer, _address = server.accept()
                except OSError:
                    return
                with peer, suppress(OSError):  # who asked may be gone first
                    behaviour(peer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def half_an_answer(peer):
    peer.recv(65_536)
    peer.sendall(b"HTTP/1.1 20")


def nothing(peer):
    peer.recv(65_536)


@pytest.mark.parametrize("behaviour", [half_an_answer, nothing])
def test_an_answer_that_breaks_off_leaves_it_unknown_and_stops_the_rest(behaviour):
    with rude_server(behaviour) as url:
        to = json.dumps({"endpoint": url, "p256dh": webpush.public_key(BROWSER), "auth": SECRET})
        letters = [Letter(key=uuid4(), to=to, text="x") for _ in range(3)]
        answers = sent("web_push", letters)
    assert [answers[key].verdict for key in answers] == [Verdict.UNKNOWN]
    assert list(answers) == [letters[0].key]


def test_nobody_there_is_certain_and_stops_the_rest(unused_tcp_port):
    to = json.dumps({"endpoint": f"http://127.0.0.1:{unused_tcp_port}",
                     "p256dh": webpush.public_key(BROWSER), "auth": SECRET})  # fmt: skip
    answers = sent("web_push", [Letter(key=uuid4(), to=to, text="x") for _ in range(3)])
    assert [answer.verdict for answer in answers.values()] == [Verdict.AGAIN]


def test_a_window_keeps_several_under_way_at_once():
    together = threading.Barrier(4, timeout=30)

    def wait_for_others(request):
        together.wait()
        return Response(status=201)

    with HTTPServer(threaded=True) as server:
        server.expect_request("/push").respond_with_handler(wait_for_others)
        letters = [letter(server) for _ in range(8)]
        answers = sent("web_push", letters, Account("push", window=4))
    assert {answer.verdict for answer in answers.values()} == {Verdict.SENT}
    assert set(answers) == {one.key for one in letters}


@pytest.fixture(scope="module")
def service_key():
    key = rsa.generate_private_key(65537, 2048)
    return key, key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def firebase(httpserver, service_key):
    _key, written = service_key
    httpserver.expect_request("/token").respond_with_json({"access_token": "an-hour"})
    secret = json.dumps(
        {"client_email": "push@issuer.example", "private_key": written, "project_id": "issuer",
         "token_uri": httpserver.url_for("/token")}
    )  # fmt: skip
    return Account("fcm", secret=secret, options={"url": httpserver.url_for("")})


SENDING = "/v1/projects/issuer/messages:send"


def app_letter():
    return Letter(key=uuid4(), to=json.dumps({"endpoint": "a-token"}), text="Accrued.", link="L")


def test_an_app_is_told_by_firebase(httpserver, firebase, service_key, settings):
    settings.ISSUER_NAME = "Issuer"
    httpserver.expect_request(SENDING).respond_with_json({"name": "projects/issuer/messages/7"})
    one = app_letter()
    answer = sent("fcm", [one], firebase)[one.key]
    assert (answer.verdict, answer.provider_id) == (Verdict.SENT, "projects/issuer/messages/7")
    (asked, _), (pushed, _) = httpserver.log
    claims = jwt.decode(
        asked.json["assertion"], service_key[0].public_key(), ["RS256"],
        audience=httpserver.url_for("/token"),
    )  # fmt: skip
    assert claims["iss"] == "push@issuer.example"
    assert pushed.headers["Authorization"] == "Bearer an-hour"
    message = pushed.json["message"]
    assert message["token"] == "a-token"
    assert message["notification"] == {"title": "Issuer", "body": "Accrued."}
    assert message["data"] == {"link": "L", "key": str(one.key)}


@pytest.mark.parametrize(
    ("status", "said", "verdict", "gone"),
    [
        (404, {"error": {"status": "NOT_FOUND", "details": [{"errorCode": "UNREGISTERED"}]}},
         Verdict.NEVER, True),
        (403, {"error": {"details": [{"errorCode": "SENDER_ID_MISMATCH"}]}}, Verdict.NEVER, True),
        (400, {"error": {"status": "INVALID_ARGUMENT"}}, Verdict.NEVER, False),
        (401, {"error": {"status": "UNAUTHENTICATED"}}, Verdict.AGAIN, False),
        (429, {"error": {"details": [{"errorCode": "QUOTA_EXCEEDED"}]}}, Verdict.AGAIN, False),
        (503, {}, Verdict.AGAIN, False),
        (200, {}, Verdict.UNKNOWN, False),
        (200, {"name": ["rubbish"]}, Verdict.UNKNOWN, False),
        (400, {"error": "rubbish"}, Verdict.NEVER, False),
        (500, {"error": {"details": [1, {"errorCode": 2}, None]}}, Verdict.AGAIN, False),
    ],
)  # fmt: skip
def test_every_answer_of_firebase_has_its_meaning(
    httpserver, firebase, status, said, verdict, gone
):
    httpserver.expect_request(SENDING).respond_with_json(said, status=status)
    one = app_letter()
    answer = sent("fcm", [one], firebase)[one.key]
    assert (answer.verdict, answer.gone) == (verdict, gone)


@pytest.mark.parametrize("secret", ["", "{}", "{", "/nowhere/fcm.json", '{"client_email": 1}'])
def test_without_an_account_nothing_leaves_and_the_reason_is_said(secret):
    letters = [app_letter(), app_letter()]
    answers = sent("fcm", letters, Account("fcm", secret=secret))
    assert [answer.verdict for answer in answers.values()] == [Verdict.AGAIN]
    assert "service account" in answers[letters[0].key].reason


def test_an_account_that_is_refused_says_so(httpserver, firebase):
    httpserver.clear()
    httpserver.expect_request("/token").respond_with_json({"error": "invalid_grant"}, status=400)
    one = app_letter()
    answer = sent("fcm", [one], firebase)[one.key]
    assert (answer.verdict, "400" in answer.reason) == (Verdict.AGAIN, True)
