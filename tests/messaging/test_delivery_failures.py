"""Sending when something breaks: gateways that refuse, hang up or are gone, senders that die."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from uuid import uuid4

import pytest
from django.db import connection
from werkzeug import Response

from apps.events.models import Event
from apps.messaging.actions import claims, outcomes, providers, reaping
from apps.messaging.actions.claims import LEASE
from apps.messaging.actions.delivery import answers, deliver_due
from apps.messaging.actions.handing import Batch
from apps.messaging.actions.outcomes import BACK_OFF, Outcome
from apps.messaging.actions.preparing import write_letters
from apps.messaging.channels import REGISTRY, Answer, Letter, Verdict, calls
from apps.messaging.models.providers import Provider
from tests.messaging.world import DAY, by_email, by_sms, fresh, planned

pytestmark = pytest.mark.django_db
LATER = DAY + LEASE + timedelta(minutes=5)


def claimed(channel="sms", *, at=DAY):
    provider = Provider.objects.get(channel=channel)
    return claims.loaded(claims.claim(provider, at=at, limit=10)[0])


def handed_over(ready, channel="sms", *, at=DAY):
    """Do what deliver_due does up to the moment before it records, and stop there."""
    provider = Provider.objects.get(channel=channel)
    with providers.opened(provider) as carrier:
        return [
            outcomes.judged(message, answer, provider, at=at)
            for message, answer in answers(Batch(ready, provider, at=at), carrier)
        ]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_gateway_that_refuses_ends_the_message(gateway, status):
    gateway.answers = [status]
    (message,) = planned(by_sms())
    deliver_due(at=DAY, limit=10)
    assert deliver_due(at=DAY + timedelta(hours=1), limit=10) == 0
    message = fresh(message)
    assert (message.state, message.notice.state) == ("failed", "failed")
    assert message.reason == f"The SMS gateway answered {status}."
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("status", [301, 401, 403, 404, 409, 429, 500, 503])
def test_a_gateway_that_is_busy_or_elsewhere_is_tried_again_with_the_same_key_and_link(
    gateway, status
):
    gateway.answers = [status]
    (message,) = planned(by_sms())
    deliver_due(at=DAY, limit=10)
    message = fresh(message)
    assert (message.state, message.notice.state) == ("queued", "planned")
    assert DAY + BACK_OFF[0] <= message.send_after <= DAY + BACK_OFF[0] * 1.2
    assert message.handed_at is None
    assert deliver_due(at=DAY, limit=10) == 0
    assert deliver_due(at=message.send_after, limit=10) == 1
    assert (fresh(message).state, fresh(message).reason) == ("sent", "")
    assert len(set(gateway.keys)) == len(set(gateway.texts)) == 1
    assert len(gateway.requests) == 2


def test_a_gateway_that_stays_down_is_given_up(gateway):
    gateway.answers = [503] * 50
    (message,) = planned(by_sms(quiet_from="00:00", quiet_until="00:01"))
    for _ in range(20):
        deliver_due(at=fresh(message).send_after, limit=10)
    message = fresh(message)
    assert message.state == "failed"
    assert message.reason == "Given up after 6 attempts. The SMS gateway answered 503."
    assert len(gateway.requests) == 6


@pytest.mark.parametrize(
    ("url", "token", "reason"),
    [
        ("http://127.0.0.1:{closed}/sms", "", "The SMS gateway cannot be reached."),
        ("http://gateway.invalid/sms", "", "The SMS gateway cannot be reached."),
        ("gopher://127.0.0.1/", "", "The SMS gateway cannot be reached."),
        ("http://[", "", "The SMS gateway cannot be reached."),
        ("http://127.0.0.1:{closed}/sms", "two\nlines", "The SMS gateway cannot be reached."),
        ("", "", "No SMS gateway is set up."),
    ],
)
def test_a_gateway_that_cannot_be_reached_means_later(
    settings, unused_tcp_port, url, token, reason
):
    settings.SMS_GATEWAY_URL = url.format(closed=unused_tcp_port)
    settings.SMS_GATEWAY_TOKEN = token
    messages = planned(by_sms(), by_sms())
    deliver_due(at=DAY, limit=10)
    assert {fresh(message).state for message in messages} == {"queued"}
    assert [fresh(message).reason for message in messages] == [reason, ""]


def test_a_gateway_that_breaks_off_leaves_the_message_unknown_for_good(settings, dropping_server):
    settings.SMS_GATEWAY_URL = f"http://127.0.0.1:{dropping_server.port}/sms"
    first, second = planned(by_sms(), by_sms())
    deliver_due(at=DAY, limit=10)
    first = fresh(first)
    assert (first.state, first.notice.state) == ("unknown", "failed")
    assert first.reason == "The SMS gateway took the message and did not answer."
    assert fresh(second).state == "queued"  # the rest of the batch waits
    assert dropping_server.count == 1


def test_a_proxy_that_heard_no_more_of_the_gateway_leaves_the_message_unknown(gateway):
    gateway.answers = [504]
    first, second = planned(by_sms(), by_sms())
    deliver_due(at=DAY, limit=10)
    assert (fresh(first).state, fresh(second).state) == ("unknown", "queued")
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("answer", ["OK", b"\xff\xfe", '{"id": null}'])
def test_a_gateway_that_answers_rubbish_may_have_sent(httpserver, settings, answer):
    settings.SMS_GATEWAY_URL = httpserver.url_for("/odd")
    httpserver.expect_request("/odd").respond_with_handler(lambda _: Response(answer))
    (message,) = planned(by_sms())
    deliver_due(at=DAY, limit=10)
    assert fresh(message).state == "unknown"
    assert fresh(message).reason == "The SMS gateway gave an answer without an id."


def test_a_gateway_that_trickles_its_answer_holds_nobody_up(httpserver, settings, monkeypatch):
    monkeypatch.setattr(calls, "PATIENCE", 0.2)
    settings.SMS_GATEWAY_URL = httpserver.url_for("/slow")
    stop = threading.Event()
    trickle = iter(lambda: None if stop.wait(0.05) else b" ", None)
    httpserver.expect_request("/slow").respond_with_handler(lambda _: Response(trickle))
    (message,) = planned(by_sms())
    deliver_due(at=DAY, limit=10)
    stop.set()
    assert fresh(message).state == "unknown"


def test_a_mail_server_that_refuses_us_refuses_no_letter(inbox):
    messages = planned(by_email(), by_email())
    inbox.refusals = {"MAIL": "530 authentication required"}
    deliver_due(at=DAY, limit=10)
    assert {fresh(message).state for message in messages} == {"queued"}
    assert fresh(messages[0]).reason == "The mail server answered 530."


@pytest.mark.parametrize(
    ("stage", "answer", "state"),
    [
        ("rcpt", "550 no such user", "failed"),
        ("rcpt", "451 greylisted", "queued"),
        ("data", "554 we do not like it", "failed"),
        ("data", "452 disk full", "queued"),
    ],
)
def test_a_mail_server_that_refuses_one_letter_takes_the_next(inbox, stage, answer, state):
    bad, good = planned(by_email(), by_email())
    address = bad.contact_point.address
    inbox.refusals = {address: answer} if stage == "rcpt" else {("DATA", address): answer}
    deliver_due(at=DAY, limit=10)
    assert fresh(bad).state == state
    assert fresh(bad).reason == f"The mail server answered {answer[:3]}."
    assert fresh(good).state == "sent"
    assert len(inbox.letters) == 1


def test_no_mail_server_means_later(settings, unused_tcp_port):
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", unused_tcp_port
    messages = planned(by_email(), by_email())
    deliver_due(at=DAY, limit=10)
    assert {fresh(message).state for message in messages} == {"queued"}
    assert fresh(messages[0]).reason == "The mail server does not answer."


def test_a_mail_server_whose_name_cannot_be_one_means_later_and_not_never(settings):
    settings.EMAIL_HOST = f"{'x' * 64}.example"  # no label is so long: Python raises a ValueError
    Provider.objects.filter(channel="email").update(window=0)
    (message,) = planned(by_email())
    deliver_due(at=DAY, limit=10)
    assert (fresh(message).state, fresh(message).deferrals) == ("queued", 1)


def test_a_mail_server_that_hangs_up_on_the_letter_leaves_it_unknown(inbox):
    first, second = planned(by_email(), by_email())
    inbox.refusals = {("DATA", first.contact_point.address): "hang up"}
    deliver_due(at=DAY, limit=10)
    assert (fresh(first).state, fresh(second).state) == ("unknown", "queued")
    inbox.refusals = {}
    deliver_due(at=LATER, limit=10)
    assert (fresh(first).state, fresh(second).state) == ("unknown", "sent")
    assert len(inbox.letters) == 1


@contextmanager
def connect(_account):
    """Be a channel whose program fails on its second letter."""
    yield Failing()


class Failing:
    def send(self, letters):
        first, _second = islice(letters, 2)
        yield first.key, Answer(Verdict.SENT, provider_id="1")
        raise RuntimeError("A fault of ours.")


def test_a_program_that_fails_midway_loses_no_answer_that_it_gave(monkeypatch):
    monkeypatch.setitem(REGISTRY, "failing", __name__)
    Provider.objects.filter(channel="sms").update(kind="failing", window=2)
    messages = planned(by_sms(), by_sms(), by_sms())
    deliver_due(at=DAY, limit=10)
    assert [fresh(message).state for message in messages] == ["sent", "claimed", "queued"]


def test_a_letter_that_a_call_fails_on_leaves_the_others_their_answers():
    good, bad = (Letter(key=uuid4(), to=to, text="") for to in ("", "bad"))

    def take(letter):
        if letter.to:
            raise RuntimeError("A fault of ours.")
        return Answer(Verdict.SENT)

    answered = dict(calls.carried([good, bad], take, 2))
    assert [answered[each.key].verdict for each in (good, bad)] == [Verdict.SENT, Verdict.UNKNOWN]


def test_a_sender_killed_before_it_sends_loses_nothing(gateway):
    (message,) = planned(by_sms())
    claimed()
    assert deliver_due(at=DAY + LEASE, limit=10) == 0
    assert gateway.requests == []
    assert deliver_due(at=LATER, limit=10) == 1
    assert (fresh(message).state, len(gateway.requests)) == ("sent", 1)


@pytest.mark.parametrize("channel", ["sms", "email"])
def test_a_sender_killed_after_it_sent_sends_nothing_twice(gateway, inbox, channel):
    (message,) = planned(by_sms() if channel == "sms" else by_email())
    handed_over(write_letters(claimed(channel), at=DAY), channel)
    for hours in range(5):
        deliver_due(at=LATER + timedelta(hours=hours), limit=10)
    assert len(gateway.requests) + len(inbox.letters) == 1
    message = fresh(message)
    assert (message.state, message.notice.state) == ("unknown", "failed")
    assert message.reason == "The sender stopped before it could note the answer."
    assert message.body.endswith("•••")


def test_an_answer_later_than_the_lease_replaces_unknown(gateway):
    (message,) = planned(by_sms())
    slow = handed_over(write_letters(claimed(), at=DAY))
    deliver_due(at=LATER, limit=10)
    assert fresh(message).state == "unknown"
    assert outcomes.record(slow, at=LATER) == 1
    assert outcomes.record(slow, at=LATER) == 0
    assert (fresh(message).state, fresh(message).notice.state) == ("sent", "done")
    assert Event.objects.filter(kind="message.sent").count() == 1


def test_a_sender_that_lost_its_claim_hands_nothing_over(gateway):
    (message,) = planned(by_sms())
    late = write_letters(claimed(), at=DAY)
    deliver_due(at=LATER, limit=10)
    assert handed_over(late, at=LATER) == []
    assert len(gateway.requests) == 1
    assert fresh(message).state == "sent"


def test_a_sender_that_lost_its_claim_records_nothing():
    (message,) = planned(by_sms())
    (mine,) = claimed()
    reaping.settle_expired(at=LATER)
    (theirs,) = claimed(at=LATER)
    late = Outcome.skipped(mine, "No longer mine to say.", at=LATER)
    assert outcomes.record([late], at=LATER) == 0
    assert (fresh(message).state, fresh(message).attempts) == ("claimed", theirs.attempts)


def sender_elsewhere(settings):
    """Start a process of its own that delivers what is due, as a worker does."""
    host = connection.settings_dict["HOST"]
    name = connection.settings_dict["NAME"]
    program = (
        "import django; django.setup()\n"
        "from datetime import datetime\n"
        "from apps.messaging.actions.delivery import deliver_due\n"
        f"deliver_due(at=datetime.fromisoformat({DAY.isoformat()!r}), limit=10)\n"
    )
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": f"postgresql://postgres@/{name}?host={host}",
        "SMS_GATEWAY_URL": settings.SMS_GATEWAY_URL,
    }
    return subprocess.Popen([sys.executable, "-c", program], env=environment, cwd=settings.BASE_DIR)


@pytest.mark.slow
@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_process_killed_while_the_gateway_answers_sends_nothing_twice(gateway, settings):
    first, second = planned(by_sms(), by_sms())
    sender = sender_elsewhere(settings)
    gateway.on_request = sender.kill
    assert sender.wait(timeout=300) == -signal.SIGKILL
    gateway.on_request = None
    assert {fresh(first).state, fresh(second).state} == {"claimed"}
    for hours in range(3):
        deliver_due(at=LATER + timedelta(hours=hours), limit=10)
    assert (fresh(first).state, fresh(second).state) == ("unknown", "sent")
    assert sorted(gateway.keys) == sorted({str(first.key), str(second.key)})
