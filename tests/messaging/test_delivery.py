"""Sending: once, at the right moment, with the right words."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.events.models import Event
from apps.messaging.actions import claims, links, outcomes
from apps.messaging.actions.delivery import deliver_due
from apps.messaging.actions.handing import mark
from apps.messaging.actions.outcomes import Outcome
from apps.messaging.actions.preparing import look_again, write_letters
from apps.messaging.actions.previews import preview
from apps.messaging.actions.trying import letter_of
from apps.messaging.actions.unsubscribing import unsubscribe
from apps.messaging.channels import Answer, Verdict, unsubscribing
from apps.messaging.models.content import Template, TemplateVersion
from apps.messaging.models.links import Link
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.providers import Provider
from apps.profiles.models import Channel, ContactPoint, Purpose
from tests import factories
from tests.messaging.world import DAY, VALUES, by_email, by_sms, fresh, planned

pytestmark = pytest.mark.django_db


def test_an_sms_goes_out_with_its_key_its_token_and_a_personal_link(gateway, settings):
    (message,) = planned(by_sms(first_name="Ann"))
    assert deliver_due(at=DAY, limit=10) == 1
    (request,) = gateway.requests
    sent = json.loads(request.data)
    assert request.headers["Authorization"] == "Bearer a test's token"
    assert request.headers["Idempotency-Key"] == sent["key"] == str(message.key)
    assert (sent["to"], sent["from"]) == (message.contact_point.address, settings.SMS_SENDER)
    token = re.fullmatch(
        r"Your coupon of \$25\.00 on US Technology is accrued, to be paid on 6 March 2020\. "
        r"http://localhost:8000/s/([\w-]{22})",
        sent["text"],
    )[1]
    assert links.find_link(token).contact_point == message.contact_point

    message = fresh(message)
    assert (message.state, message.provider_id, message.sent_at) == ("sent", "sms-1", DAY)
    assert (message.leased_until, message.attempts) == (None, 1)
    assert message.notice.state == "done"
    assert message.body.endswith("http://localhost:8000/s/•••")
    assert token not in message.body


@pytest.mark.parametrize("counted", [True, False])
def test_only_a_template_that_counts_openings_has_their_picture(inbox, counted):
    (message,) = planned(by_email())
    template = message.notice.template
    Template.objects.filter(pk=template.pk).update(counts_openings=counted)
    deliver_due(at=DAY, limit=10)
    (letter,) = inbox.letters
    html = letter.get_body(("html",)).get_content()
    assert (f'<img src="http://localhost:8000/o/{message.key}.gif"' in html) is counted
    assert ".gif" not in letter.get_body(("plain",)).get_content()
    (shown,) = preview([message.wording], None, at=DAY)
    assert ".gif" not in shown.html + letter_of(message.wording, at=DAY).html


def test_an_email_has_text_and_html_in_the_clients_language(inbox, settings):
    settings.ISSUER_NAME = "Ivolga & Co"
    (message,) = planned(
        by_email(first_name="<b>Анна", language="ru"), values={**VALUES, "strategy": "A <i>B"}
    )
    deliver_due(at=DAY, limit=10)
    (letter,) = inbox.letters
    assert letter["Subject"] == "Купон по «A <i>B» начислен"
    assert letter["Message-ID"] == f"<{message.key}@localhost>"
    assert letter["To"] == message.contact_point.address
    assert letter["List-Unsubscribe"] is None
    text, html = (part.get_content() for part in letter.iter_parts())
    assert text.startswith("Здравствуйте, <b>Анна!\r\n\r\n")
    assert "25,00\xa0$. День выплаты: 6 марта 2020." in text
    assert '<html lang="ru" dir="ltr">' in html
    assert "&lt;b&gt;Анна" in html
    assert "<b>" not in html
    assert "Ivolga &amp; Co" in html
    link = re.search(r"http://localhost:8000/s/[\w-]{22}", text)[0]
    assert f'<a href="{link}"' in html
    assert link not in fresh(message).body
    assert fresh(message).subject == "Купон по «A <i>B» начислен"


def test_a_digest_may_be_ended_from_the_mail_program(inbox):
    client = factories.client(consents=[(Purpose.DIGEST, Channel.EMAIL)])
    values = {"month": {"month": "2020-02-01"}, "policies": 2}
    (message,) = planned(client, code="digest.monthly", values=values)
    deliver_due(at=DAY, limit=10)
    (letter,) = inbox.letters
    address = f"<http://localhost:8000/u/{unsubscribing.token(message.key)}>"
    assert letter["List-Unsubscribe"] == address
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for kind, seen in (("plain", "Unsubscribe:\n"), ("html", "Unsubscribe</a>")):
        body = letter.get_body((kind,)).get_content().replace("\r", "")
        assert seen in body
        assert address.strip("<>") in body
    assert address.strip("<>") not in fresh(message).body


def test_who_unsubscribes_from_one_kind_of_letter_gets_the_others(inbox):
    consents = [(Purpose.DIGEST, Channel.EMAIL), (Purpose.SERVICE, Channel.EMAIL)]
    client = factories.client(consents=consents)
    values = {"month": {"month": "2020-02-01"}, "policies": 2}
    (digest,) = planned(client, code="digest.monthly", values=values)
    (news,) = planned(client)
    assert unsubscribe(digest, at=DAY)
    deliver_due(at=DAY, limit=10)
    assert (fresh(digest).state, fresh(news).state) == ("skipped", "sent")


def test_an_address_that_opens_something_is_stored_nowhere_once_sent(inbox):
    client = factories.client(consents=())
    point = client.contact_points.get(channel="email")
    url = {"url": "http://localhost:8000/confirm/sEcReT/"}
    (message,) = planned(
        client, code="email.confirm", values={"confirm_url": url}, contact_point=point
    )
    deliver_due(at=DAY, limit=10)
    text, html = (part.get_content() for part in inbox.letters[0].iter_parts())
    assert url["url"] in text
    assert f'<a href="{url["url"]}"' in html
    message = fresh(message)
    assert "sEcReT" not in f"{message.body} {message.notice.values}"
    assert not Event.objects.filter(properties__icontains="sEcReT").exists()


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("{{ link }}", "{{ link }}"),
        ("{{ link | upcase }}", "{% assign end = link | append: '/' %}{{ end | downcase }}"),
        ("News", "{{ link | truncate: 45, '' }}"),
    ],
)
def test_whatever_a_wording_makes_of_the_link_it_is_stored_nowhere(inbox, subject, body):
    (message,) = planned(by_email())
    TemplateVersion.objects.filter(pk=message.wording_id).update(subject=subject, body=body)
    deliver_due(at=DAY, limit=10)
    message = fresh(message)
    assert (message.state, len(inbox.letters)) == ("sent", 1)
    stored = f"{message.subject} {message.body}".lower()
    assert (
        links.token_of(Link.objects.get(contact_point=message.contact_point))[:12].lower()
        not in stored
    )
    assert stored.endswith(("/•••", "/•••/"))


def test_a_sent_message_is_on_the_timeline(gateway):
    (message,) = planned(by_sms())
    deliver_due(at=DAY, limit=10)
    event = Event.objects.get(kind="message.sent")
    assert (event.client, event.subject) == (message.notice.client, "strategy:5")
    assert event.properties == {
        "message": message.pk,
        "notice": message.notice_id,
        "channel": "sms",
        "template": "coupon.accrued",
    }


def test_delivering_twice_sends_once(gateway, inbox):
    planned(by_sms(), by_email())
    assert [deliver_due(at=DAY, limit=10) for _ in range(3)] == [2, 0, 0]
    assert (len(gateway.requests), len(inbox.letters)) == (1, 1)


def test_a_batch_of_letters_uses_one_connection(inbox):
    planned(*(by_email() for _ in range(25)))
    deliver_due(at=DAY, limit=100)
    assert (len(inbox.letters), len(inbox.sessions)) == (25, 1)


def in_moscow():
    return by_sms(time_zone="Europe/Moscow", time_zone_source="stated")


def test_nothing_is_sent_before_its_time(gateway):
    planned(in_moscow(), at=datetime(2020, 3, 2, 20, tzinfo=UTC))
    assert deliver_due(at=datetime(2020, 3, 3, 5, 59, tzinfo=UTC), limit=10) == 0
    assert deliver_due(at=datetime(2020, 3, 3, 6, tzinfo=UTC), limit=10) == 1
    assert len(gateway.requests) == 1


def test_nothing_is_begun_that_would_leave_in_quiet_hours(gateway):
    (message,) = planned(in_moscow())  # he is to be left alone from 18:00 UTC
    assert deliver_due(at=datetime(2020, 3, 2, 17, 59, 45, tzinfo=UTC), limit=10) == 1
    assert (fresh(message).state, gateway.requests) == ("queued", [])
    assert fresh(message).send_after == datetime(2020, 3, 3, 6, tzinfo=UTC)


def test_consent_withdrawn_after_planning_stops_the_message(gateway):
    client = by_sms()
    (message,) = planned(client)
    factories.consent(client, Purpose.SERVICE, Channel.SMS, granted=False, at=DAY)
    deliver_due(at=DAY, limit=10)
    message = fresh(message)
    assert gateway.requests == []
    assert (message.state, message.ended_at) == ("skipped", DAY)
    assert message.reason == "no_consent"
    assert (message.notice.state, message.notice.reason) == ("skipped", message.reason)


def test_an_address_lost_after_planning_stops_the_message(gateway):
    (message,) = planned(by_sms())
    message.notice.client.contact_points.update(state="unreachable")
    deliver_due(at=DAY, limit=10)
    assert gateway.requests == []
    assert fresh(message).reason == "no_address"


def test_a_deadline_passed_after_planning_stops_the_message(gateway):
    (message,) = planned(by_sms(), deadline_at=DAY + timedelta(hours=1))
    deliver_due(at=DAY + timedelta(hours=2), limit=10)
    assert gateway.requests == []
    assert fresh(message).state == "skipped"


def test_a_message_late_into_the_quiet_hours_waits_for_the_morning(gateway):
    (message,) = planned(in_moscow())
    night = datetime(2020, 3, 2, 20, tzinfo=UTC)
    deliver_due(at=night, limit=10)
    assert gateway.requests == []
    message = fresh(message)
    assert (message.state, message.leased_until) == ("queued", None)
    assert message.send_after == datetime(2020, 3, 3, 6, tzinfo=UTC)
    deliver_due(at=message.send_after, limit=10)
    assert len(gateway.requests) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{{ nobody_knows }}", "nobody_knows"),
        ("{{ amount", "cannot be read"),
        ("{% for i in (1..9) %}{% endfor %}", "range"),
        ("{% for i in strategy limit: -3 %}{{ i }}{% endfor %}", "cannot be written"),
    ],
)
def test_a_template_that_fails_fails_its_notice_and_touches_no_other(gateway, body, reason):
    bad, *good = planned(by_sms(language="ru"), by_sms(), by_sms())
    TemplateVersion.objects.filter(pk=bad.wording_id).update(body=body)
    assert deliver_due(at=DAY, limit=10) == 3
    bad = fresh(bad)
    assert (bad.state, bad.notice.state) == ("failed", "failed")
    assert reason in bad.reason
    assert bad.notice.reason == bad.reason
    assert {fresh(message).state for message in good} == {"sent"}
    assert len(gateway.requests) == 2


def test_a_subject_too_long_to_keep_fails_alone(inbox):
    bad, good = planned(by_email(language="ru"), by_email())
    TemplateVersion.objects.filter(pk=bad.wording_id).update(subject="{{ strategy }}" * 14)
    Notice.objects.filter(pk=bad.notice_id).update(values={**VALUES, "strategy": "x" * 22})
    deliver_due(at=DAY, limit=10)
    assert (fresh(bad).state, fresh(good).state) == ("failed", "sent")
    assert fresh(bad).reason == "The subject is longer than 300 characters."


def test_an_address_that_no_letter_can_bear_fails_alone(inbox):
    bad, good = planned(by_email(), by_email())
    ContactPoint.objects.filter(pk=bad.contact_point_id).update(address="name@[")
    deliver_due(at=DAY, limit=10)
    assert (fresh(bad).state, fresh(good).state) == ("failed", "sent")


def test_a_missing_value_fails_the_message_and_sends_no_blank(gateway):
    values = {name: value for name, value in VALUES.items() if name != "amount"}
    (message,) = planned(by_sms(), values=values)
    deliver_due(at=DAY, limit=10)
    assert gateway.requests == []
    assert "no value “amount”" in fresh(message).reason


@pytest.mark.slow
@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_four_senders_at_once_send_each_message_once(gateway, inbox):
    planned(*(by_sms() for _ in range(40)), *(by_email() for _ in range(40)))
    start = Barrier(4)

    def work(_):
        start.wait()
        try:
            return sum(iter(lambda: deliver_due(at=DAY, limit=7), 0))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 80
    assert (len(gateway.keys), len(set(gateway.keys))) == (40, 40)
    ids = [letter["Message-ID"] for letter in inbox.letters]
    assert (len(ids), len(set(ids))) == (40, 40)
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}
    assert Event.objects.filter(kind="message.sent").count() == 80


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_claim_is_not_waited_for():
    planned(*(by_sms() for _ in range(4)))
    start = Barrier(2)

    def claim(_):
        start.wait()
        try:
            return claims.claim(Provider.objects.get(channel="sms"), at=DAY, limit=2)[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        taken = [pk for batch in pool.map(claim, range(2)) for pk in batch]
    assert len(taken) == len(set(taken))


def test_a_batch_is_read_written_marked_and_recorded_with_the_same_queries_whatever_its_size(inbox):
    def queries(count):
        planned(*(by_email() for _ in range(count)))
        provider = Provider.objects.get(kind="smtp")
        with CaptureQueriesContext(connection) as counted:
            taken, _ = claims.claim(provider, at=DAY, limit=10)
            ready = write_letters(look_again(claims.loaded(taken), at=DAY), at=DAY)
            assert len(mark(ready, provider, at=DAY)) == count
            sent = Answer(Verdict.SENT)
            outcomes.record([Outcome.of(one.message, sent, at=DAY) for one in ready], at=DAY)
        return len(counted)

    queries(1)  # what is read once a process
    assert queries(1) == queries(6)
