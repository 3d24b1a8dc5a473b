"""What messengers tell us: who joins, who writes, what was delivered. No Django, no database.

Telegram (Bot API 9), Viber (REST Bot API) and WhatsApp (Cloud API) call us with JSON of their own
shape, signed in their own way; here all become the same few facts. What cannot be read is left
out: messengers call again and again for whatever is not taken.
"""

import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, TypeAlias
from urllib.parse import quote

LONGEST_TEXT = 4_096  # characters of a message that are kept; none of the three allows more


@dataclass(frozen=True)
class Joined:
    """Somebody came by an invitation."""

    account: str
    token: str


@dataclass(frozen=True)
class Shared:
    """Somebody gave his own phone number; the messenger vouches that it is his."""

    account: str
    phone: str


@dataclass(frozen=True)
class Left:
    """Somebody blocked us or unsubscribed."""

    account: str


@dataclass(frozen=True)
class Said:
    """Somebody wrote to us."""

    account: str
    text: str
    message_id: str
    at: datetime | None = None


@dataclass(frozen=True)
class Told:
    """What became of a message of ours: "delivered", "seen" or "failed"."""

    message_id: str
    state: str
    key: str = ""
    at: datetime | None = None


Fact: TypeAlias = Joined | Shared | Left | Said | Told
UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # NUL, and halves of surrogate pairs
INVITED = "Tidings "  # before the token, where a person sends it as a message


def read(kind: str, body: bytes) -> list[Fact]:
    """Read one call of a messenger. Raises ValueError for what is no JSON object."""
    try:
        update = json.loads(body)
    except RecursionError as error:
        raise ValueError("The call is nested too deeply.") from error
    if not isinstance(update, dict):
        raise ValueError("The call is no object.")  # noqa: TRY004 (one error for whoever calls)
    return list(READERS[kind](update))


def is_genuine(kind: str, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Say whether a call was made by whoever knows our secret; no secret proves nothing."""
    if not secret:
        return False
    name, signed = SIGNATURES[kind]
    given = headers.get(name, "")
    return hmac.compare_digest(given.encode(), signed(body, secret).encode())


def telegram(update: Mapping[str, Any]) -> Iterator[Fact]:
    member = inside(update, "my_chat_member")
    if word(inside(member, "new_chat_member"), "status") in {"kicked", "left"}:
        yield from maybe(Left, word(inside(member, "chat"), "id"))
    message = inside(update, "message")
    account = word(inside(message, "from"), "id")
    if inside(message, "chat").get("type") != "private" or not account:
        return
    text, at = word(message, "text"), moment(message.get("date"))
    contact = inside(message, "contact")
    if text.startswith("/start "):
        yield Joined(account, text.removeprefix("/start ").strip())
    elif word(contact, "user_id") == account:
        yield Shared(account, plus(word(contact, "phone_number")))
    elif text:
        yield Said(account, text[:LONGEST_TEXT], f"{account}/{word(message, 'message_id')}", at)


def viber(update: Mapping[str, Any]) -> Iterator[Fact]:
    event, at = word(update, "event"), moment(update.get("timestamp"), 1000)
    token = word(update, "message_token")
    user = word(inside(update, "user"), "id") or word(update, "user_id")
    if event == "conversation_started" and user and word(update, "context"):
        yield Joined(user, word(update, "context"))
    elif event == "unsubscribed":
        yield from maybe(Left, user)
    elif event in {"delivered", "seen", "failed"} and token:
        yield Told(token, event, at=at)
    elif event == "message":
        message, sender = inside(update, "message"), word(inside(update, "sender"), "id")
        text = word(message, "text")
        if message.get("type") == "text" and sender and text:
            yield Said(sender, text[:LONGEST_TEXT], token, at)


def whatsapp(update: Mapping[str, Any]) -> Iterator[Fact]:
    for entry in objects(update, "entry"):
        for change in objects(entry, "changes"):
            value = inside(change, "value")
            for status in objects(value, "statuses"):
                yield from whatsapp_status(status)
            for message in objects(value, "messages"):
                yield from whatsapp_message(message)


def whatsapp_status(status: Mapping[str, Any]) -> Iterator[Fact]:
    state = {"delivered": "delivered", "read": "seen", "failed": "failed"}.get(
        word(status, "status")
    )
    if state and word(status, "id"):
        key = word(status, "biz_opaque_callback_data")
        yield Told(word(status, "id"), state, key, moment(status.get("timestamp")))


def whatsapp_message(message: Mapping[str, Any]) -> Iterator[Fact]:
    account, text = plus(word(message, "from")), word(inside(message, "text"), "body")
    if not account or not text:
        return
    if text.startswith(INVITED):
        # The messenger itself knows people by their phone numbers.
        yield Joined(account, text.removeprefix(INVITED).strip())
        yield Shared(account, account)
    else:
        at = moment(message.get("timestamp"))
        yield Said(account, text[:LONGEST_TEXT], word(message, "id"), at)


def inside(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def objects(value: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    found = value.get(name)
    yield from (
        each for each in (found if isinstance(found, list) else ()) if isinstance(each, dict)
    )


def word(value: Mapping[str, Any], name: str) -> str:
    """Read a text or a number as text; anything else is none, and so is what cannot be stored."""
    found = value.get(name)
    is_plain = isinstance(found, str | int) and not isinstance(found, bool)
    return UNSTORABLE.sub("", str(found)) if is_plain else ""


def plus(digits: str) -> str:
    """Write a number in E.164; "" for what is none."""
    digits = digits.removeprefix("+")
    return f"+{digits}" if digits.isascii() and digits.isdigit() and len(digits) <= 15 else ""


def moment(value: object, scale: int = 1) -> datetime | None:
    """Read seconds (or their thousandths) since 1970, written as a number or as text."""
    try:
        return datetime.fromtimestamp(int(str(value)) / scale, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def maybe(kind: Callable[[str], Fact], account: str) -> Iterator[Fact]:
    if account:
        yield kind(account)


def digest(body: bytes, secret: str) -> str:
    return hmac.digest(secret.encode(), body, sha256).hex()


READERS: dict[str, Callable[[Mapping[str, Any]], Iterator[Fact]]] = {
    "telegram": telegram,
    "viber": viber,
    "whatsapp": whatsapp,
}
SIGNATURES: dict[str, tuple[str, Callable[[bytes, str], str]]] = {
    "telegram": ("X-Telegram-Bot-Api-Secret-Token", lambda _body, secret: secret),
    "viber": ("X-Viber-Content-Signature", digest),
    "whatsapp": ("X-Hub-Signature-256", lambda body, secret: f"sha256={digest(body, secret)}"),
}


def invitation_url(kind: str, options: Mapping[str, Any], token: str) -> str:
    """Return where a person opens the conversation with us; "" where that is not set up.

    The provider's option is `bot` (Telegram), `uri` (Viber) or `number` (WhatsApp).
    """
    name, url = INVITATIONS[kind]
    ours = str(options.get(name) or "").lstrip("@+")
    return url.format(ours=quote(ours), token=quote(token)) if ours else ""


INVITATIONS = {
    "telegram": ("bot", "https://t.me/{ours}?start={token}"),
    "viber": ("uri", "viber://pa?chatURI={ours}&context={token}"),
    "whatsapp": ("number", "https://wa.me/{ours}?text=" + quote(INVITED) + "{token}"),
}
