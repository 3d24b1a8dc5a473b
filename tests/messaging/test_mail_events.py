"""What e-mail providers tell, signed as each of them signs: by the right key, in time, and once."""

import hashlib
import hmac
import json
from base64 import b64encode
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.contrib.auth import get_user_model
from django.utils import timezone

from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider
from apps.profiles.actions.consents import Answer, record_consents
from apps.profiles.actions.suppressions import lift_suppression
from apps.profiles.models import ConsentRecord, Purpose, Suppression
from apps.profiles.queries.consents import consents
from apps.webhooks.signing import derive_secret, sign
from tests.messaging.world import DAY, by_email, fresh, planned

pytestmark = [
    pytest.mark.django_db,
    # Of the library, which has no account there any more to try it with.
    pytest.mark.filterwarnings("ignore:django-anymail has dropped official support"),
]
CURVE = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
STANDARD = derive_secret(b"k" * 32, b"n")
URL = "http://testserver/mail/them"


def pem(key):
    lines = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return lines.decode().split("-----")[2].strip()


KEYS = {
    "mailersend": "k", "mailgun": "k", "mailtrap": "k", "mandrill": "k", "postal": pem(RSA),
    "resend": STANDARD, "sendgrid": pem(CURVE), "unisender_go": "k",
}  # fmt: skip
OTHERS = {
    "postal": pem(rsa.generate_private_key(65537, 2048)),
    "resend": derive_secret(b"o" * 32, b"n"),
    "sendgrid": pem(ec.generate_private_key(ec.SECP256R1())),
}
TIMED = ("mailgun", "resend", "sendgrid")


def delivered(esp, key):
    """Write a delivery as the service does."""
    events = {
        "mailersend": {
            "type": "activity.delivered",
            "data": {"type": "delivered", "email": {"message": {"id": "1"}}},
        },
        "mailgun": {"event": "delivered", "id": "1", "user-variables": {"key": key}},
        "mailtrap": {
            "events": [
                {
                    "event": "delivery", "timestamp": 1, "message_id": "1",
                    "custom_variables": {"key": key},
                }
            ]
        },
        "mandrill": [{"event": "send", "ts": 1, "msg": {"metadata": {"key": key}}}],
        "postal": {"payload": {"status": "Sent", "message": {"id": 1, "to": "a@b.example"}}},
        "resend": {
            "type": "email.delivered",
            "data": {"headers": [{"name": "X-Metadata", "value": json.dumps({"key": key})}]},
        },
        "sendgrid": [{"event": "delivered", "timestamp": 1, "key": key}],
        "unisender_go": {
            "event_name": "transactional_email_status", "status": "delivered",
            "event_time": "2020-03-02 12:00:00", "metadata": {"key": key}, "email": "a@b.example",
            "auth": "0" * 32,
        },
    }  # fmt: skip
    return events[esp]


def signed(esp, told, at, token="a-token"):
    """Sign what a service tells; return its body and headers."""
    body, second = json.dumps(told).encode(), str(int(at.timestamp()))
    mac = hmac.digest(b"k", body, "sha256").hex()
    match esp:
        case "mailersend":
            return body, {"Signature": mac}
        case "mailtrap":
            return body, {"Mailtrap-Signature": mac}
        case "mailgun":
            made = hmac.digest(b"k", f"{second}{token}".encode(), "sha256").hex()
            block = {"timestamp": second, "token": token, "signature": made}
            return json.dumps({"signature": block, "event-data": told}).encode(), {}
        case "mandrill":
            text = json.dumps(told)
            made = hmac.digest(b"k", f"{URL}mandrill_events{text}".encode(), "sha1")
            return (
                urlencode({"mandrill_events": text}).encode(),
                {"X-Mandrill-Signature": b64encode(made).decode()},
            )
        case "postal":
            made = RSA.sign(body, padding.PKCS1v15(), hashes.SHA1())
            return body, {"X-Postal-Signature": b64encode(made).decode()}
        case "resend":
            names = {"id": "msg_1", "timestamp": second}
            names["signature"] = sign(STANDARD, "msg_1", at, body)
            return body, {f"svix-{name}": value for name, value in names.items()}
        case "sendgrid":
            made = CURVE.sign(second.encode() + body, ec.ECDSA(hashes.SHA256()))
            prefix = "X-Twilio-Email-Event-Webhook"
            return body, {
                f"{prefix}-Signature": b64encode(made).decode(), f"{prefix}-Timestamp": second,
            }  # fmt: skip
        case _:
            keyed = body.replace(b"0" * 32, b"k")
            made = hashlib.md5(keyed, usedforsecurity=False).hexdigest()
            return body.replace(b"0" * 32, made.encode()), {}


@pytest.fixture
def tell(client, settings):
    """Have a service tell something; return the status of the answer."""
    Provider.objects.create(name="them", channel="email", kind="anymail")

    def telling(esp, content, headers, keys=KEYS):
        settings.PROVIDER_SECRETS = {"them-webhook": keys.get(esp, "other")}
        Provider.objects.filter(name="them").update(options={"esp": esp})
        kind = "application/json"
        if esp == "mandrill":
            kind = "application/x-www-form-urlencoded"
        return client.post("/mail/them", content, content_type=kind, headers=headers).status_code

    return telling


@pytest.fixture
def sent():
    (message,) = planned(by_email())
    Message.objects.filter(pk=message.pk).update(state="sent", sent_at=DAY)
    return fresh(message)


def now():
    return timezone.now()  # noqa: TID251


@pytest.mark.parametrize("esp", KEYS)
def test_a_service_is_believed_by_its_signature_alone(tell, sent, esp):
    told = delivered(esp, str(sent.key))
    body, headers = signed(esp, told, now())
    password = {"Authorization": "Basic " + b64encode(b"us:them").decode()}
    assert tell(esp, body, {}, KEYS if headers else OTHERS) == 403
    assert tell(esp, body, {**headers, **password}, OTHERS) == 403
    assert tell(esp, body, password, {esp: "us:them"}) == 403
    if esp != "mailgun":  # that one signs a token
        changed = body.replace(str(sent.key).encode(), b"x").replace(b"deliver", b"bounce")
        assert tell(esp, changed.replace(b"Sent", b"Held"), headers) == 403
    assert fresh(sent).state == "sent"
    assert [tell(esp, body, headers) for _ in range(2)] == [204, 204]
    named = esp not in {"mailersend", "postal", "mandrill"}  # they tell of no key, or of no arrival
    assert fresh(sent).state == ("delivered" if named else "sent")


@pytest.mark.parametrize("esp", TIMED)
@pytest.mark.parametrize("late", [timedelta(days=2), timedelta(days=-2)])
def test_what_was_signed_at_another_time_is_not_believed(tell, sent, esp, late):
    body, headers = signed(esp, delivered(esp, str(sent.key)), now() - late)
    assert tell(esp, body, headers) == 403
    assert fresh(sent).state == "sent"


def test_who_signs_each_attempt_anew_has_five_minutes_and_the_others_a_day(tell, sent):
    taken = {}
    for esp in TIMED:
        body, headers = signed(esp, delivered(esp, str(sent.key)), now() - timedelta(minutes=6))
        taken[esp] = tell(esp, body, headers)
    assert taken == {"mailgun": 204, "resend": 403, "sendgrid": 204}


def test_a_token_that_was_heard_signs_no_other_event(tell, sent):
    at = now()
    other = {"event": "failed", "severity": "permanent", "user-variables": {"key": str(sent.key)}}
    assert tell("mailgun", *signed("mailgun", delivered("mailgun", "x"), at, "one")) == 204
    assert tell("mailgun", *signed("mailgun", other, at, "one")) == 403
    assert fresh(sent).state == "sent"
    assert tell("mailgun", *signed("mailgun", other, at, "two")) == 204
    assert fresh(sent).state == "failed"


@pytest.mark.parametrize("second", ["", "x", "9" * 12, "-1", "１５８３１５０４００"])
def test_a_time_that_is_none_is_refused(tell, sent, second):
    body, headers = signed("resend", delivered("resend", str(sent.key)), now())
    assert tell("resend", body, {**headers, "svix-timestamp": second}) == 403


def bounced(sent, **fields):
    reason = "550 5.1.1 no such user"
    event = {"event": "bounce", "timestamp": 1, "key": str(sent.key), "reason": reason}
    return [{**event, **fields}]


def test_a_copy_of_a_bounce_stops_no_address_that_a_person_lets_be_written_to_again(tell, sent):
    boss = get_user_model().objects.create_user("boss")
    told = signed("sendgrid", bounced(sent), now())
    assert tell("sendgrid", *told) == 204
    assert lift_suppression(Suppression.objects.get().pk, by=boss, at=now())
    assert tell("sendgrid", *told) == 204
    assert not Suppression.objects.filter(lifted_at=None).exists()


def test_a_hard_bounce_after_a_soft_one_still_stops_the_address(tell, sent):
    full = bounced(sent, reason="452 4.2.2 mailbox full")
    assert tell("sendgrid", *signed("sendgrid", full, now())) == 204
    assert not Suppression.objects.exists()
    assert tell("sendgrid", *signed("sendgrid", bounced(sent), now())) == 204
    assert Suppression.objects.exists()


def test_a_copy_of_a_complaint_overrules_nobody(tell, sent):
    boss = get_user_model().objects.create_user("boss")
    told = signed("sendgrid", bounced(sent, event="spamreport"), now())
    assert tell("sendgrid", *told) == 204
    assert lift_suppression(Suppression.objects.get().pk, by=boss, at=now())
    assert tell("sendgrid", *told) == 204
    assert not Suppression.objects.filter(lifted_at=None).exists()
    template, purpose = sent.notice.template, Purpose.DIGEST
    template.purpose = purpose
    template.save()
    assert tell("sendgrid", *told) == 204
    assert not consents([sent.notice.client_id], purpose)
    record_consents(
        [
            Answer(
                client_id=sent.notice.client_id, purpose=purpose, channel="email", granted=True,
                text_version="1", source="page",
            )
        ],
        at=now(),
    )  # fmt: skip
    count = ConsentRecord.objects.count()
    assert tell("sendgrid", *told) == 204
    assert ConsentRecord.objects.count() == count
    assert consents([sent.notice.client_id], purpose)
