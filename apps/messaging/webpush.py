"""Web Push: what a browser's push service carries without being able to read it.

The text is encrypted for the browser alone (RFC 8291 over RFC 8188); who we are is told to the push
service by a signed token (VAPID, RFC 8292). No Django, no clock, no network.
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of its group
RECORD = 4096  # bytes, the one record that a push message consists of
LONGEST = 3993  # bytes of text: a record less header, padding mark and tag (RFC 8291, 4)
LAST = b"\x02"  # the mark behind the text of a last record
SECRET_BYTES = 16


class SubscriptionError(ValueError):
    """What a browser gave us is no key of a subscription."""


def encode(raw: bytes) -> str:
    """Write bytes as push services do: base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Read base64url, padded or not. Raises SubscriptionError."""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, TypeError) as error:
        raise SubscriptionError("A key is not written as base64url.") from error


def check(p256dh: str, auth: str) -> None:
    """Refuse keys that nothing could be encrypted for. Raises SubscriptionError."""
    _receiver(p256dh)
    if len(decode(auth)) != SECRET_BYTES:
        raise SubscriptionError("The secret of a subscription has 16 bytes.")


def encrypt(
    text: bytes,
    p256dh: str,
    auth: str,
    *,
    sender: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """Return the body of a push request: at most LONGEST bytes of text, for one browser.

    `p256dh` and `auth` are the browser's, as its subscription gives them. A sender's key and a salt
    are made anew for every message; both are arguments for the example of RFC 8291 alone.
    Raises SubscriptionError.
    """
    if len(text) > LONGEST:
        raise SubscriptionError(f"A push message holds {LONGEST} bytes at most.")
    receiver = _receiver(p256dh)
    sender = sender or ec.generate_private_key(CURVE)
    salt = salt or secrets.token_bytes(SECRET_BYTES)
    ours, theirs = _point(sender.public_key()), _point(receiver)
    shared = sender.exchange(ec.ECDH(), receiver)
    secret = _derive(decode(auth), shared, b"WebPush: info\0" + theirs + ours, 32)
    key = _derive(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(salt, secret, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD.to_bytes(4, "big") + bytes([len(ours)]) + ours
    return header + AESGCM(key).encrypt(nonce, text + LAST, None)


def private_key(secret: bytes, written: str = "") -> ec.EllipticCurvePrivateKey:
    """Return the key by which push services know us: the written one, or one made of a secret.

    Browsers subscribe to this key: whoever changes it loses every subscription. A written one is
    the number itself, 32 bytes in base64url, as the usual tools make it. Raises SubscriptionError.
    """
    if written:
        number = int.from_bytes(decode(written), "big")
        if not 0 < number < ORDER:
            raise SubscriptionError("The push key must be 32 bytes in base64url.")
    else:
        digest = hmac.digest(secret, b"web push", sha256) + hmac.digest(secret, b"vapid", sha256)
        number = int.from_bytes(digest, "big") % (ORDER - 1) + 1
    return ec.derive_private_key(number, CURVE)


def public_key(key: ec.EllipticCurvePrivateKey) -> str:
    """Write the public half as a page's `applicationServerKey` takes it."""
    return encode(_point(key.public_key()))


def authorization(
    key: ec.EllipticCurvePrivateKey, origin: str, *, contact: str, expires: int
) -> str:
    """Return the header that tells one push service (`https://host`) who sends.

    `contact` is a mailto: or https: address of ours, `expires` a Unix time within 24 hours.
    """
    claims = {"aud": origin, "exp": expires, "sub": contact}
    return f"vapid t={jwt.encode(claims, key, algorithm='ES256')}, k={public_key(key)}"


def _receiver(p256dh: str) -> ec.EllipticCurvePublicKey:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(CURVE, decode(p256dh))
    except ValueError as error:
        raise SubscriptionError("A key is no point of the curve P-256.") from error


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _derive(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)
