"""E-mail through a provider's HTTP interface, and what the provider tells of it afterwards."""

import json
from base64 import b64encode
from uuid import UUID

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from apps.messaging.channels import Account, Letter, Picture, Verdict, connect, unsubscribing
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider
from apps.profiles.models import ContactPoint, Suppression
from tests.messaging.test_smpp_tls import certified
from tests.messaging.world import DAY, by_email, fresh, planned

KEY = UUID("0b9d3d1c-9a1f-4d53-8b63-5f0c2f0a1b2c")
TAKEN = {"ErrorCode": 0, "Message": "OK", "MessageID": "pm-1", "To": "ann@example.com"}
INACTIVE = (
    "You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses"
)


def letter(**fields):
    given = {"to": "ann@example.com", "subject": "Купон", "text": "Hello", "html": "<p>Hello"}
    return Letter(key=KEY, **{**given, **fields})


@pytest.fixture
def postmark(httpserver):
    """Let a provider answer what a test says; return what takes letters to it."""

    def say(answer=TAKEN, status=200):
        body = answer if isinstance(answer, str) else json.dumps(answer)
        httpserver.expect_request("/email").respond_with_handler(
            lambda _: Response(body, status, content_type="application/json")
        )
        options = {"esp": "postmark", "settings": {"api_url": httpserver.url_for("/")}}
        return Account("postmark", sender="Ivolga <i@y.example>", options=options, secret="t0ken")

    return say


def answers(account, *letters):
    with connect("anymail", account) as carrier:
        return [answer for _key, answer in carrier.send(letters)]


def test_a_letter_goes_out_whole_with_its_key(postmark, httpserver):
    picture = Picture("chart", b"\x89PNG\r\n\x1a\n", "image/png")
    sent = letter(may_unsubscribe=True, pictures=(picture,))
    (answer,) = answers(postmark(), sent)
    assert (answer.verdict, answer.provider_id) == (Verdict.SENT, "pm-1")
    request = httpserver.log[0][0]
    assert request.headers["X-Postmark-Server-Token"] == "t0ken"
    said = request.json
    assert (said["To"], said["Subject"], said["TextBody"]) == ("ann@example.com", "Купон", "Hello")
    assert (said["From"], said["HtmlBody"]) == ("Ivolga <i@y.example>", "<p>Hello")
    assert said["Metadata"] == {"key": str(KEY)}
    headers = {each["Name"]: each["Value"] for each in said["Headers"]}
    assert headers["List-Unsubscribe"] == f"<{unsubscribing.url(KEY)}>"
    assert [each["ContentID"] for each in said["Attachments"]] == ["cid:chart"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_provider_that_has_moved_gets_its_letter_later_and_another_gets_nothing(
    postmark, httpserver, status
):
    account = postmark()
    elsewhere = httpserver.url_for("/elsewhere")
    httpserver.clear()
    httpserver.expect_request("/email").respond_with_handler(
        lambda _: Response("", status, headers={"Location": elsewhere})
    )
    (answer,) = answers(account, letter())
    assert answer.verdict == Verdict.AGAIN
    assert [request.path for request, _response in httpserver.log] == ["/email"]


def test_nothing_leaves_for_a_provider_whose_certificate_nobody_vouches_for(tmp_path, postmark):
    _file, context = certified(tmp_path)
    with HTTPServer(ssl_context=context) as server:
        account = postmark()
        account.options["settings"]["api_url"] = server.url_for("/").replace(
            "localhost", "127.0.0.1"
        )
        (answer,) = answers(account, letter())
        assert server.log == []
    assert answer.verdict == Verdict.AGAIN


@pytest.mark.parametrize(
    ("answer", "status", "verdict"),
    [
        (
            {
                "ErrorCode": 406,
                "Message": f"{INACTIVE}: ann@example.com. Inactive recipients are ones",
            },
            422,
            Verdict.NEVER,
        ),
        ({"ErrorCode": 999, "Message": "what nobody knows"}, 422, Verdict.NEVER),
        ({}, 200, Verdict.UNKNOWN),
        ({"ErrorCode": 10, "Message": "bad token"}, 401, Verdict.AGAIN),
        ("busy", 429, Verdict.AGAIN),
        ("down", 503, Verdict.AGAIN),
        ("proxy", 504, Verdict.UNKNOWN),
        ("rubbish", 200, Verdict.UNKNOWN),
    ],
)
def test_a_refusal_is_read_by_its_status(postmark, answer, status, verdict):
    assert answers(postmark(answer, status), letter())[0].verdict == verdict


def test_a_provider_that_cannot_be_reached_has_taken_nothing(postmark, unused_tcp_port):
    account = postmark()
    account.options["settings"]["api_url"] = f"http://127.0.0.1:{unused_tcp_port}/"
    assert answers(account, letter())[0].verdict == Verdict.AGAIN


def test_a_provider_that_hangs_up_may_have_taken_it(postmark, dropping_server):
    account = postmark()
    account.options["settings"]["api_url"] = f"http://127.0.0.1:{dropping_server.port}/"
    assert answers(account, letter())[0].verdict == Verdict.UNKNOWN


def test_a_letter_to_nobody_fails_alone(postmark):
    found = answers(postmark(), letter(to=""), letter())
    assert sorted(answer.verdict for answer in found) == [Verdict.NEVER, Verdict.SENT]


@pytest.mark.parametrize("options", [{}, {"esp": "nobody"}, {"esp": "../x"}])
def test_a_provider_that_nobody_knows_keeps_letters_waiting(options):
    (answer,) = answers(Account("x", options=options), letter(), letter())
    assert (answer.verdict, "“esp” cannot be" in answer.reason) == (Verdict.AGAIN, True)


@pytest.fixture
def sent(db, settings):
    """Make a letter that a provider took."""
    settings.PROVIDER_SECRETS = {"postmark": "t0ken", "postmark-webhook": "us:them"}
    provider = Provider.objects.create(
        name="postmark", channel="email", kind="anymail", options={"esp": "postmark"}
    )
    (message,) = planned(by_email())
    Message.objects.filter(pk=message.pk).update(state="sent", sent_at=DAY, carried_by=provider)
    return fresh(message)


def tell(client, event, secret="us:them", provider="postmark"):
    return client.post(
        f"/mail/{provider}",
        event,
        content_type="application/json",
        headers={"Authorization": f"Basic {b64encode(secret.encode()).decode()}"},
    ).status_code


def bounce(message, said="smtp;550 5.1.1 no such user", kind="HardBounce"):
    metadata = {"key": str(message.key)}
    return {
        "RecordType": "Bounce", "Type": kind, "ID": 1, "Email": "ann@example.com",
        "Details": said, "Description": "It bounced.", "Metadata": metadata,
        "BouncedAt": "2020-03-02T12:00:00Z", "MessageID": "pm-1",
    }  # fmt: skip


def test_a_provider_tells_of_an_address_that_is_no_good(client, sent):
    assert [tell(client, bounce(sent)) for _ in range(2)] == [204, 204]
    assert ContactPoint.objects.get(pk=sent.contact_point_id).state == "bounced"
    assert (fresh(sent).state, Suppression.objects.count()) == ("failed", 1)


def test_a_provider_tells_that_a_letter_arrived(client, sent):
    event = {"RecordType": "Delivery", "Metadata": {"key": str(sent.key)}, "Recipient": "a@b.c"}
    assert tell(client, event) == 204
    assert fresh(sent).state == "delivered"


def test_a_provider_tells_of_a_complaint(client, sent):
    assert (
        tell(client, {**bounce(sent, kind="SpamComplaint"), "RecordType": "SpamComplaint"}) == 204
    )
    assert Suppression.objects.get().reason == "complaint"


@pytest.mark.parametrize(
    ("event", "secret", "provider"),
    [
        ({}, "us:others", "postmark"),
        ({}, "us:them", "mail-server"),
        ([], "us:them", "postmark"),
        ("nothing", "us:them", "postmark"),
        ({"RecordType": "Inbound"}, "us:them", "postmark"),
    ],
)
def test_whoever_is_not_the_provider_changes_nothing(client, sent, event, secret, provider):
    told = bounce(sent) if event == {} else event
    assert tell(client, told, secret, provider) == 403
    assert fresh(sent).state == "sent"


def test_without_a_secret_nobody_is_believed(client, sent, settings):
    settings.PROVIDER_SECRETS = {"postmark": "t0ken"}
    assert tell(client, bounce(sent), "") == 403
