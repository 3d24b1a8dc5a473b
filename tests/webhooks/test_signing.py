"""Signatures are those of Standard Webhooks; waits grow, are spread, and end."""

import base64
import hashlib
import hmac
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apps.webhooks.signing import BACK_OFF, derive_secret, headers, sign, wait_after

# The example in the documents of the standard's first implementation.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, SECOND, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'


def test_the_published_example_has_the_published_signature():
    at = datetime.fromtimestamp(SECOND, UTC)
    assert sign(SECRET, ID, at, BODY) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_verifies_with_what_the_standard_says_and_nothing_of_ours():
    secret = derive_secret(b"key", b"nonce")
    sent = headers([secret, SECRET], ID, datetime.fromtimestamp(SECOND, UTC), BODY)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = b".".join((sent["webhook-id"].encode(), sent["webhook-timestamp"].encode(), BODY))
    mine = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    first, second = sent["webhook-signature"].split(" ")
    assert first == f"v1,{mine}"
    assert second == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert len(key) == 32


def test_the_lines_in_our_documents_verify_what_we_send_and_nothing_else():
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    (snippet,) = re.findall(r"```python verify\n(.*?)```", text, re.DOTALL)
    said = {}
    exec(snippet, said)
    verified, now = said["verified"], time.time()
    sent = headers(
        [derive_secret(b"key", b"new"), SECRET], ID, datetime.fromtimestamp(now, UTC), BODY
    )
    assert verified(SECRET, sent, BODY)
    assert not verified(SECRET, sent, BODY + b" ")
    assert not verified(derive_secret(b"key", b"other"), sent, BODY)
    old = headers([SECRET], ID, datetime.fromtimestamp(now - 600, UTC), BODY)
    assert not verified(SECRET, old, BODY)


def test_each_endpoint_has_a_secret_of_its_own():
    assert derive_secret(b"key", b"one") != derive_secret(b"key", b"two")
    assert derive_secret(b"key", b"one") != derive_secret(b"other", b"one")


@pytest.mark.parametrize(
    ("attempts", "dice", "wait"),
    [
        (1, 0.5, timedelta(seconds=5)),
        (1, 0.0, timedelta(seconds=4)),
        (2, 0.5, timedelta(minutes=1)),
        (9, 0.5, timedelta(hours=24)),
        (10, 0.5, None),
    ],
)
def test_waits_grow_and_end(attempts, dice, wait):
    assert wait_after(attempts, dice) == wait


def test_waits_only_grow():
    assert sorted(BACK_OFF) == list(BACK_OFF)
