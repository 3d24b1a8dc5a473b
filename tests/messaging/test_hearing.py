"""The door by which providers tell: signed, young, within limits, as often as they like."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core import clock
from apps.messaging.checks import check_receipt_secrets
from apps.messaging.models.receipts import Receipt
from apps.messaging.models.replies import Reply
from apps.webhooks import signing
from tests.messaging.test_receipts import sent
from tests.messaging.world import fresh

pytestmark = pytest.mark.django_db
SECRET = signing.derive_secret(b"key", b"provider")
DELIVERED = {"receipts": [{"id": "sms-1", "state": "delivered"}]}


@pytest.fixture
def tell(client, settings):
    settings.RECEIPT_SECRETS = {"sms-gateway": [SECRET], "nobody": [SECRET]}

    def tell(body=DELIVERED, *, to="sms-gateway", secret=SECRET, late=timedelta(0), **headers):
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = signing.headers([secret], "msg-1", clock.now() - late, sent)
        return client.post(
            f"/receipts/{to}", sent, content_type="application/json", headers=signed | headers
        )

    return tell


def test_a_receipt_is_heard_and_its_copies_change_nothing(tell):
    message = sent()
    assert tell().json() == {"new_receipts": 1, "new_replies": 0}
    assert fresh(message).state == "delivered"
    assert tell().json() == {"new_receipts": 0, "new_replies": 0}


def test_a_thousand_copies_in_a_request_are_one_in_few_queries(tell):
    sent()
    with CaptureQueriesContext(connection) as queries:
        answer = tell({"receipts": DELIVERED["receipts"] * 1_000})
    assert answer.json()["new_receipts"] == 1
    assert len(queries) < 30


def test_what_speaks_of_messages_that_nobody_knows_is_kept(tell):
    body = {"receipts": [{"key": str(uuid4()), "state": "failed", "reason": "x" * 900}]}
    assert tell(body).status_code == 200
    assert Receipt.objects.get().message is None


def test_replies_come_by_the_same_door(tell):
    body = {"replies": [{"sender": "+447700900123", "text": "Стоп"}] * 2}
    assert tell(body).json() == {"new_receipts": 0, "new_replies": 2}
    assert tell(body).json() == {"new_receipts": 0, "new_replies": 0}
    assert Reply.objects.filter(state="settled").count() == 2


def test_who_does_not_sign_or_signs_late_is_not_heard(tell):
    other = signing.derive_secret(b"key", b"another")
    assert tell(secret=other).status_code == 401
    assert tell(to="unheard-of").status_code == 401
    for late in (timedelta(minutes=6), -timedelta(minutes=6)):
        assert tell(late=late).status_code == 401
    for wrong in ("", "v1", "v1,", "v1,ä", "x" * 9_000, "v1,A= " * 500):
        assert tell(**{"webhook-signature": wrong}).status_code == 401
    for wrong in ("", "soon", "-1", "9" * 30, "²"):
        assert tell(**{"webhook-timestamp": wrong}).status_code == 401
    assert not Receipt.objects.exists()


def test_a_signature_by_the_secret_before_still_counts(tell, settings):
    settings.RECEIPT_SECRETS = {"sms-gateway": [signing.derive_secret(b"new", b""), SECRET]}
    assert tell().status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{", 400), (b"\xff", 400), (b"[]", 422), (b'"x"', 422), (b"[" * 5_000, 422),
        ({"receipts": [{"id": "1", "state": "flown"}]}, 422),
        ({"receipts": [{"id": "1" * 121, "state": "failed"}]}, 422),
        ({"receipts": [{"id": 1, "state": "failed"}]}, 422),
        ({"receipts": [{"id": "1", "state": "failed", "occurred_at": "0001-01-01T00:00:00Z"}]}, 422),
        ({"receipts": [{"id": "1", "state": "failed", "occurred_at": "2020-01-01T00:00:00"}]}, 422),
        ({"receipts": [{"key": "not-a-key", "state": "failed"}]}, 422),
        ({"receipts": [{"id": "a\0b", "state": "failed"}]}, 422),
        ({"receipts": [{"id": "1", "state": "failed"}] * 1_001}, 422),
        ({"replies": [{"sender": "", "text": "stop"}]}, 422),
        (b" " * (1024 * 1024 + 1), 413),
    ],
)  # fmt: skip
def test_rubbish_is_refused_and_keeps_nothing(tell, body, status):
    assert tell(body).status_code == status
    assert not Receipt.objects.exists()
    assert not Reply.objects.exists()


def test_a_provider_without_a_row_is_not_heard(tell):
    assert tell(to="nobody").status_code == 404


def test_only_what_names_a_message_is_kept(tell):
    assert tell({"receipts": [{"state": "failed"}]}).json()["new_receipts"] == 0
    assert tell({}).status_code == 200


def test_a_secret_that_cannot_be_read_is_found_by_the_check_and_refuses_politely(tell, settings):
    settings.RECEIPT_SECRETS = {"sms-gateway": ["whsec_not base64"], "nobody": [SECRET]}
    assert [each.id for each in check_receipt_secrets()] == ["messaging.E002"]
    answer = tell()
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    settings.RECEIPT_SECRETS["sms-gateway"].append(SECRET)
    assert tell().status_code == 200
