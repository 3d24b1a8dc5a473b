"""Web Push by the published examples, and by a browser's own half of the exchange."""

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from apps.messaging import webpush
from apps.messaging.webpush import SubscriptionError, decode, encode

# RFC 8291, appendix A.
TEXT = b"When I grow up, I want to be a watermelon"
SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
RECEIVER = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK"
    "6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def key_of(number):
    return ec.derive_private_key(int.from_bytes(decode(number), "big"), ec.SECP256R1())


def test_the_example_of_the_standard_is_met_to_the_byte():
    body = webpush.encrypt(TEXT, P256DH, AUTH, sender=key_of(SENDER), salt=decode(SALT))
    assert encode(body) == BODY


def read_by_browser(body, key, auth):
    """Decrypt as a browser does: with its own key and the sender's point in the header."""
    salt, length = body[:16], body[20]
    point, sealed = body[21 : 21 + length], body[21 + length :]
    sender = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    ours = decode(webpush.public_key(key))
    secret = HKDF(SHA256(), 32, decode(auth), b"WebPush: info\0" + ours + point).derive(
        key.exchange(ec.ECDH(), sender)
    )
    content = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
    nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
    return AESGCM(content).decrypt(nonce, sealed, None).removesuffix(b"\x02")


def test_a_browser_reads_what_was_encrypted_for_it_and_never_twice_the_same():
    key, auth, text = ec.generate_private_key(ec.SECP256R1()), encode(b"s" * 16), "Купон".encode()
    bodies = [webpush.encrypt(text, webpush.public_key(key), auth) for _ in range(2)]
    assert [read_by_browser(body, key, auth) for body in bodies] == [text, text]
    assert bodies[0][:16] != bodies[1][:16]


def test_the_longest_text_fills_one_record_and_no_more():
    key, auth = ec.generate_private_key(ec.SECP256R1()), encode(b"s" * 16)
    longest = b"x" * webpush.LONGEST
    body = webpush.encrypt(longest, webpush.public_key(key), auth)
    assert len(body) == 4096
    assert read_by_browser(body, key, auth) == longest
    with pytest.raises(SubscriptionError, match="3993 bytes"):
        webpush.encrypt(longest + b"x", webpush.public_key(key), auth)


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [
        ("", AUTH),
        ("BA", AUTH),
        (P256DH[:-4] + "AAAA", AUTH),
        ("ключ", AUTH),
        (P256DH, ""),
        (P256DH, "BTBZ"),
        (P256DH, "\0"),
    ],
)
def test_broken_keys_are_refused(p256dh, auth):
    with pytest.raises(SubscriptionError):
        webpush.check(p256dh, auth)


def test_a_push_service_can_check_who_sends():
    key = webpush.private_key(b"secret")
    header = webpush.authorization(
        key, "https://push.example", contact="mailto:desk@issuer.example", expires=4_000_000_000
    )
    token = header.removeprefix("vapid t=").partition(",")[0]
    claims = jwt.decode(
        token, key.public_key(), algorithms=["ES256"], audience="https://push.example"
    )
    assert claims["sub"] == "mailto:desk@issuer.example"
    assert header.endswith(f", k={webpush.public_key(key)}")


def test_the_key_is_the_same_at_every_start_and_the_written_one_comes_first():
    first, again = webpush.private_key(b"secret"), webpush.private_key(b"secret")
    assert webpush.public_key(first) == webpush.public_key(again)
    assert webpush.public_key(webpush.private_key(b"other")) != webpush.public_key(first)
    assert webpush.public_key(webpush.private_key(b"secret", RECEIVER)) == P256DH
    with pytest.raises(SubscriptionError, match="32 bytes"):
        webpush.private_key(b"secret", encode(b"\xff" * 32))
