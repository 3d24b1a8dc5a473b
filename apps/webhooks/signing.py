"""Signatures as Standard Webhooks 1.0 has them, and when a delivery that failed is tried again."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256

PREFIX = "whsec_"
# Two and a half days in all: a weekend without anybody at the other end.
BACK_OFF = (
    *(timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30)),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 18, 24)),
)
MOST = 10  # signatures that are looked at: a secret that holds now and those before it
JITTER = 0.2  # of the wait, either way: endpoints that fell together do not rise together


def derive_secret(key: bytes, nonce: bytes) -> str:
    """Return the secret of an endpoint as its owner writes it down; 32 bytes, never stored."""
    return PREFIX + b64encode(hmac.digest(key, b"webhook:" + nonce, sha256)).decode()


def is_secret(secret: str) -> bool:
    """Say whether a secret is written as the standard has it, in base64."""
    try:
        return bool(b64decode(secret.removeprefix(PREFIX), validate=True))
    except ValueError:
        return False


def sign(secret: str, message_id: str, at: datetime, body: bytes) -> str:
    """Return the signature of a message: `v1,` and HMAC-SHA256 over id, second and body."""
    key = b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{int(at.timestamp())}.".encode() + body
    return "v1," + b64encode(hmac.digest(key, signed, sha256)).decode()


def headers(secrets: Iterable[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return what tells a receiver that a message is ours, signed by every secret that holds now."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(sign(secret, message_id, at, body) for secret in secrets),
    }


def is_signed(
    secrets: Iterable[str], message_id: str, at: datetime, body: bytes, signatures: str
) -> bool:
    """Say whether one of the signatures, parted by blanks, is by one of the secrets."""
    given = [each.encode() for each in signatures.split()[:MOST]]
    ours = [sign(secret, message_id, at, body).encode() for secret in secrets]
    # All pairs, so that the time tells nobody which one it was.
    return any([hmac.compare_digest(one, other) for one in ours for other in given])  # noqa: C419


def wait_after(attempts: int, dice: float) -> timedelta | None:
    """Return how long to wait after so many attempts; None: no more. `dice` lies in [0, 1)."""
    if attempts > len(BACK_OFF):
        return None
    return BACK_OFF[attempts - 1] * (1 - JITTER + 2 * JITTER * dice)
