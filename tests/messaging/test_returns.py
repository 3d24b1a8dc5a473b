"""What comes back by mail: bounces, complaints, and what somebody made to look like one."""

from datetime import timedelta
from uuid import UUID

import pytest

from apps.messaging.actions import returns
from apps.messaging.channels import returned
from apps.messaging.channels.email import envelope_sender
from apps.messaging.channels.mailbox import MailboxError
from apps.messaging.channels.returned import Fate
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.receipts import Receipt
from apps.profiles.models import Channel, ConsentRecord, ContactPoint, Purpose, Suppression
from tests import factories
from tests.messaging.world import DAY, by_email, fresh, planned
from tests.peers.imap import mailbox

KEY = UUID("0b9d3d1c-9a1f-4d53-8b63-5f0c2f0a1b2c")
FROM = "From: MAILER-DAEMON@mx.example.com\r\nReturn-Path: <>\r\n"


def bounce(
    key=KEY, *, status="5.1.1", action="failed", to="", returns="message/rfc822", verp=False
):
    """Write a delivery status as mail servers do."""
    to = f"bounces+{key.hex}@news.example.com" if verp else to or "tidings@news.example.com"
    return (
        f"{FROM}To: {to}\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nI'm sorry to have to inform you.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example.com\r\n\r\n"
        f"Final-Recipient: rfc822; ann@example.com\r\nAction: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n"
        f"--b\r\nContent-Type: {returns}\r\n\r\n"
        + ("" if verp else f"Message-ID: <{key}@news.example.com>\r\n")
        + "Subject: Your coupon\r\n\r\n--b--\r\n"
    ).encode()


def complaint(key=KEY, kind="abuse"):
    """Write a complaint as a mailbox's feedback loop does."""
    return (
        "From: <fbl@example.com>\r\nTo: <abuse@news.example.com>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nThis is an abuse report.\r\n"
        "--b\r\nContent-Type: message/feedback-report\r\n\r\n"
        f"Feedback-Type: {kind}\r\nUser-Agent: Loop/1\r\nVersion: 1\r\n"
        f"Original-Mail-From: <bounces+{key.hex}@news.example.com>\r\n\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: Your coupon\r\n\r\nHello\r\n--b--\r\n"
    ).encode()


def plain(body, headers=FROM, key=KEY):
    return f"{headers}To: bounces+{key.hex}@news.example.com\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    ("raw", "fate", "status"),
    [
        (bounce(), Fate.HARD, "5.1.1"),
        (bounce(verp=True), Fate.HARD, "5.1.1"),
        (bounce(returns="text/rfc822-headers"), Fate.HARD, "5.1.1"),
        (bounce(status="5.2.2"), Fate.SOFT, "5.2.2"),  # the mailbox is full
        (bounce(status="5.7.1"), Fate.SOFT, "5.7.1"),  # our name or words are not liked
        (bounce(status="4.4.1"), Fate.SOFT, "4.4.1"),
        (bounce(status="rubbish"), Fate.SOFT, ""),
        (bounce(action="delayed", status="4.4.1"), Fate.WAITING, ""),
        (bounce(action="delivered", status="2.1.5"), Fate.DELIVERED, ""),
        (complaint(), Fate.COMPLAINT, ""),
        (complaint(kind="not-spam"), Fate.OTHER, ""),
        (plain("This address no longer accepts mail. 5.1.1"), Fate.HARD, "5.1.1"),
        (plain("No reason given."), Fate.SOFT, ""),
        (plain("I am on holiday.", "From: ann@example.com\r\n"), Fate.OTHER, ""),
        (plain("Away. 5.1.1", f"{FROM}Auto-Submitted: auto-replied\r\n"), Fate.OTHER, ""),
    ],
)
def test_a_letter_that_came_back_says_of_which_and_why(raw, fate, status):
    found = returned.read(raw)
    assert (found.fate, found.status) == (fate, status)
    assert found.key == KEY or fate == Fate.OTHER


def nested(kind, count):
    opened = "".join(
        f'Content-Type: {kind}; boundary="b{n}"\r\n\r\n--b{n}\r\n' for n in range(count)
    )
    return (FROM + opened).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 1000,
        b"\r\n\r\n\r\n",
        b"no headers at all",
        nested("multipart/mixed", 5_000),
        nested("message/rfc822", 5_000),
        nested("multi\r\n part/mixed", 2_000),
        b"Content-Type: multipart/report; boundary=\r\n\r\n--\r\n" * 20,
        b"Content-Type: message/delivery-status\r\n\r\n" + b"\xff" * 5_000,
        b"To: =?utf-8?b?////?=\r\nFrom: =?bad?x?y?=\r\nContent-Type: text/plain; charset=nope\r\n\r\nx",
        b"A: " + b"x" * 300_000,
        b"To: " + b"bounces+1@x, " * 20_000,
    ],
    ids=range(12),
)
def test_a_hostile_letter_concerns_us_not(raw):
    found = returned.read(raw)
    assert returns.STATES.get(found.fate) is None or found.key is None


pytestmark = pytest.mark.django_db


@pytest.fixture
def letter(inbox):
    """Make a letter that was sent."""
    (message,) = planned(by_email())
    Message.objects.filter(pk=message.pk).update(state="sent", sent_at=DAY)
    Notice.objects.filter(pk=message.notice_id).update(state="done")
    return message


def take(raw):
    return returns.take_returned(returned.read(raw), at=DAY)


def test_a_letter_to_nobody_ends_its_address_for_everybody(letter):
    other = factories.client()
    same = other.contact_points.filter(channel="email")
    same.update(address=letter.contact_point.address)
    assert take(bounce(letter.key))
    assert fresh(letter).state == "failed"
    assert fresh(letter).reason == "The letter came back: 5.1.1."
    assert ContactPoint.objects.get(pk=letter.contact_point_id).state == "bounced"
    assert same.get().state == "bounced"
    assert Suppression.objects.get().reason == "bounced"


def test_a_letter_that_came_back_twice_counts_once(letter):
    assert [take(bounce(letter.key)) for _ in range(3)] == [True] * 3
    assert (Receipt.objects.count(), Suppression.objects.count()) == (1, 1)


def test_a_full_mailbox_is_counted_and_given_up_in_the_end(letter):
    client, point = letter.notice.client, letter.contact_point
    for number in range(returns.MOST_SOFT - 1):
        (each,) = planned(client, key=f"news {number}")
        take(bounce(each.key, status="5.2.2"))
    assert ContactPoint.objects.get(pk=point.pk).state == "valid"
    take(bounce(letter.key, status="5.2.2"))
    assert ContactPoint.objects.get(pk=point.pk).state == "bounced"


def test_full_mailboxes_of_long_ago_are_forgotten(letter):
    for number in range(returns.MOST_SOFT):
        (each,) = planned(letter.notice.client, key=f"news {number}")
        when = DAY + timedelta(days=40 * number)
        returns.take_returned(returned.read(bounce(each.key, status="4.2.2")), at=when)
    assert ContactPoint.objects.get(pk=letter.contact_point_id).state == "valid"


def test_who_complains_of_a_digest_gets_no_digest_and_no_offer():
    consents = [(purpose, Channel.EMAIL) for purpose in Purpose]
    values = {"month": {"month": "2020-02-01"}, "policies": 2}
    client = factories.client(consents=consents)
    (digest,) = planned(client, code="digest.monthly", values=values)
    assert [take(complaint(digest.key)) for _ in range(2)] == [True, True]
    withdrawn = ConsentRecord.objects.filter(granted=False).values_list("purpose", flat=True)
    assert sorted(withdrawn) == ["digest", "marketing"]
    assert not Suppression.objects.exists()


def test_who_complains_of_the_news_of_his_contracts_gets_no_email(letter):
    assert [take(complaint(letter.key)) for _ in range(2)] == [True, True]
    assert Suppression.objects.get().reason == "complaint"


@pytest.mark.parametrize("raw", [bounce(UUID(int=1)), complaint(UUID(int=1))])
def test_a_letter_of_which_nobody_knows_changes_no_address(letter, raw):
    take(raw)
    assert ContactPoint.objects.get(pk=letter.contact_point_id).state == "valid"
    assert not Suppression.objects.exists()
    assert fresh(letter).state == "sent"


def test_the_mailbox_is_emptied_of_what_concerns_us_and_the_rest_is_marked(letter, settings):
    with mailbox() as server:
        settings.BOUNCE_MAILBOX = server.url
        for raw in (bounce(letter.key), b"Buy now!", bounce(letter.key), b"x" * 2_000_000):
            server.put(raw)
        assert returns.read_mailbox(at=DAY) == 2
        assert server.flags == [{r"\Flagged"}, {r"\Flagged"}]
        assert returns.read_mailbox(at=DAY) == 0
    assert ContactPoint.objects.get(pk=letter.contact_point_id).state == "bounced"


def test_a_mailbox_that_breaks_off_is_read_again(letter, settings):
    with mailbox() as server:
        settings.BOUNCE_MAILBOX = server.url
        server.put(bounce(letter.key))
        server.breaks_at = "STORE"
        with pytest.raises(MailboxError):
            returns.read_mailbox(at=DAY)
        server.breaks_at = None
        assert returns.read_mailbox(at=DAY) == 1
        assert server.letters == {}
    assert Receipt.objects.count() == 1


@pytest.mark.parametrize("url", ["imap://u:wrong@127.0.0.1:{port}/", "pop://x/", "imap://[", "x"])
def test_a_mailbox_that_cannot_be_opened_says_so(settings, url):
    with mailbox() as server:
        settings.BOUNCE_MAILBOX = url.format(port=server.server_address[1])
        with pytest.raises(MailboxError):
            returns.read_mailbox(at=DAY)


def test_no_mailbox_means_nothing_to_read(settings):
    settings.BOUNCE_MAILBOX = ""
    assert returns.read_mailbox(at=DAY) == 0


def test_a_letter_names_itself_in_the_address_that_it_comes_back_to(settings, inbox):
    settings.BOUNCE_ADDRESS = "bounces@news.example.com"
    assert envelope_sender(KEY, "Ivolga <x@y.z>") == f"bounces+{KEY.hex}@news.example.com"
    settings.BOUNCE_ADDRESS = ""
    assert envelope_sender(KEY, "Ivolga <x@y.z>") == "x@y.z"
