"""The address by which an e-mail is unsubscribed from, in a mail program or on its page (RFC 8058).

Its token holds the key of the message and a signature, nothing of the person. The key alone would
not do: it stands in the Message-ID, which every answer to the letter quotes.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from uuid import UUID

from django.conf import settings

SIGNED = 12  # bytes: nobody guesses 96 bits through a web server
ONE_CLICK = "List-Unsubscribe=One-Click"


def url(key: UUID) -> str:
    return f"{settings.PUBLIC_URL}/u/{token(key)}"


def token(key: UUID) -> str:
    """Write the token of a message: 38 URL-safe characters."""
    return urlsafe_b64encode(key.bytes + signature(key)).rstrip(b"=").decode()


def key_of(token: str) -> UUID | None:
    """Return the message of a token, unless it is not ours."""
    try:
        read = urlsafe_b64decode(token.encode("ascii") + b"==")
    except (Error, UnicodeEncodeError):
        return None
    if len(read) != 16 + SIGNED:
        return None
    key = UUID(bytes=read[:16])
    return key if hmac.compare_digest(signature(key), read[16:]) else None


def signature(key: UUID) -> bytes:
    signed = b"unsubscribe:" + key.bytes
    return hmac.digest(settings.LINK_KEY.encode(), signed, "sha256")[:SIGNED]


def headers(key: UUID) -> dict[str, str]:
    """Return what lets a mail program show its own button."""
    return {"List-Unsubscribe": f"<{url(key)}>", "List-Unsubscribe-Post": ONE_CLICK}


def lines(key: UUID) -> bytes:
    """Return the same as lines of a letter.

    Whole, whatever their length: Python's mail package would encode an address that it cannot fold,
    and mail programs do not decode it.
    """
    return "".join(f"{name}: {value}\r\n" for name, value in headers(key).items()).encode("ascii")
