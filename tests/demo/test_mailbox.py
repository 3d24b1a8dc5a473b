"""The peers are talked to as any provider would be: by SMTP and by HTTP."""

import smtplib
from datetime import UTC, datetime
from email.message import EmailMessage

import httpx2
import pytest

from apps.demo.models import Letter, World
from tests.peers import TOKEN

pytestmark = pytest.mark.django_db(transaction=True)


def sms(mailbox, *, token=TOKEN, key="k-1", header="k-1", **changed):
    said = {"to": "+447700900123", "from": "Issuer", "text": "Ваш купон", "key": key, **changed}
    return httpx2.post(
        mailbox.sms_url,
        json={name: value for name, value in said.items() if value is not None},
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": header},
    )


def email(mailbox, *recipients, message_id="<k-1@tidings>"):
    mail = EmailMessage()
    mail["From"], mail["To"] = "Issuer <news@example.com>", ", ".join(recipients)
    mail["Subject"], mail["Message-ID"] = "Купон начислен", message_id
    mail.set_content("Your coupon — accrued.\n")
    mail.add_alternative("<p>Your coupon — <b>accrued</b>.</p>", subtype="html")
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port) as smtp:
        return smtp.send_message(mail)


def test_an_sms_over_http_becomes_a_letter(mailbox, real):
    answer = sms(mailbox)
    letter = Letter.objects.get()
    assert answer.status_code == 202
    assert answer.json() == {"id": letter.key}
    assert (letter.channel, letter.sender) == ("sms", "Issuer")
    assert (letter.recipient, letter.text) == ("+447700900123", "Ваш купон")
    assert letter.received_at == real


def test_an_email_over_smtp_becomes_a_letter_with_both_bodies(mailbox):
    assert email(mailbox, "client001@example.com") == {}
    letter = Letter.objects.get()
    assert (letter.channel, letter.recipient) == ("email", "client001@example.com")
    assert (letter.sender, letter.subject) == ("Issuer <news@example.com>", "Купон начислен")
    assert letter.text.strip() == "Your coupon — accrued."
    assert "<b>accrued</b>" in letter.html


def test_the_same_message_twice_is_one_letter(mailbox):
    assert {sms(mailbox).status_code, sms(mailbox).status_code} == {202}
    email(mailbox, "client001@example.com")
    email(mailbox, "client001@example.com")
    assert sorted(Letter.objects.values_list("channel", flat=True)) == ["email", "sms"]


def test_each_recipient_of_an_email_gets_his_own_letter(mailbox):
    email(mailbox, "client001@example.com", "client002@example.com")
    assert Letter.objects.count() == 2


def test_the_gateway_refuses_what_a_provider_would(mailbox):
    assert sms(mailbox, token="another").status_code == 401
    assert sms(mailbox, to=None).status_code == 400
    assert sms(mailbox, key="k-2", header="k-1").status_code == 400
    assert sms(mailbox, text="x" * 1_000_001).status_code == 413
    assert not Letter.objects.exists()


def test_letters_carry_the_moment_of_the_world(mailbox, real):
    past = datetime(2013, 2, 20, 14, tzinfo=UTC)
    World.objects.create(
        pk=1, offset_seconds=(past - real).total_seconds(), reached_at=past, port=8000
    )
    sms(mailbox)
    assert Letter.objects.get().received_at == past
