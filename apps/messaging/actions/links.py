"""Personal links: made for a client, found by their token, revoked, ended with his contract.

A token is derived from a stored nonce and LINK_KEY, so that every message writes the same link again;
the table holds the nonce and the token's hash, which give nobody the token without the key.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models import F, Q

from apps.messaging.models.links import Link
from apps.messaging.models.outbox import Message
from apps.profiles.models import Client

NONCE_BYTES = 16
TOKEN_BYTES = 16  # 128 bits
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTH = 22  # of 128 bits in 62 letters
# Opened by a client to see what became of a contract that has ended.
AFTERWARDS = timedelta(days=180)

# A link about a contract lives as long as one of its client's there, and a while longer.
END = """
UPDATE messaging_link SET revoked_at = %(at)s WHERE id = ANY (ARRAY(
    SELECT link.id FROM messaging_link AS link
    CROSS JOIN LATERAL (SELECT split_part(link.subject, ':', 2) AS number) AS about
    WHERE link.revoked_at IS NULL AND link.subject ~ '^(strategy|policy):[0-9]{1,18}$'
        AND link.created_at < %(at)s - %(afterwards)s
        AND NOT EXISTS (
            SELECT FROM products_policy AS policy
            WHERE policy.client_id = link.client_id
                AND coalesce(policy.closed_on, policy.ends_on) > %(at)s - %(afterwards)s
                AND CASE WHEN link.subject LIKE 'policy:%%' THEN policy.id ELSE policy.strategy_id END
                    = about.number::bigint
        )
    ORDER BY link.id LIMIT %(limit)s
    FOR UPDATE OF link SKIP LOCKED
))
"""


def derive_token(nonce: bytes, key: str = "") -> str:
    """Write the token that belongs to a nonce, in digits and letters alone."""
    return _in_letters(_derived(nonce, key or settings.LINK_KEY))


def _derived(nonce: bytes, key: str) -> bytes:
    if not key:
        raise ImproperlyConfigured("Personal links need LINK_KEY or SECRET_KEY.")
    return hmac.digest(key.encode(), nonce, "sha256")[:TOKEN_BYTES]


def _in_letters(digest: bytes) -> str:
    number, token = int.from_bytes(digest), ""
    for _place in range(LENGTH):
        number, rest = divmod(number, len(LETTERS))
        token = LETTERS[rest] + token
    return token


def _in_base64(digest: bytes) -> str:
    """Write a token as they were written until 2026, which some links that went out still have."""
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()


def new_link(client_id: int, *, subject: str, at: datetime, message: Message | None = None) -> Link:
    """Make a link in memory, ready to be saved alone or with many.

    One for a message is the link of its address and subject: where the address goes to another
    client it leads nowhere, and one who opens links that came by two ways has shown that both are his.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    point = message.contact_point_id if message else None
    return Link(
        client_id=client_id,
        contact_point_id=point,
        subject=subject,
        key=f"{client_id}:{point}:{subject}" if message else "",
        nonce=nonce,
        token_hash=hash_token(derive_token(nonce)),
        created_at=at,
    )


def make_link(
    client: Client, *, subject: str, at: datetime, message: Message | None = None
) -> tuple[Link, str]:
    """Make a client's link and its token; for a message, that of its address and subject."""
    link = new_link(client.pk, subject=subject, at=at, message=message)
    if message is None:
        link.save(force_insert=True)
    else:
        link = _standing([link])[link.key]
    return link, token_of(link)


def links_for(messages: Sequence[Message], *, at: datetime) -> dict[int, Link]:
    """Return each message's link by the message's id; notices are loaded.

    A message that once had a link of its own keeps it. A link whose key is gone can still be followed
    and not be written: another one takes its place.
    """
    ours = Link.objects.filter(message__in=messages)
    own = {link.message_id or 0: link for link in ours if can_be_written(link)}
    wanted = {
        message.pk: new_link(
            message.notice.client_id, subject=message.notice.subject, at=at, message=message
        )
        for message in messages
        if message.pk not in own
    }
    standing = _standing(wanted.values())
    return own | {pk: standing[link.key] for pk, link in wanted.items() if link.key in standing}


def _standing(wanted: Iterable[Link]) -> dict[str, Link]:
    """Return the links with these keys that lead somewhere; those that are new are saved."""
    by_key = {link.key: link for link in wanted}
    usable = Link.objects.filter(key__in=by_key, revoked_at=None).exclude(key="")
    found = {link.key: link for link in usable}
    if lost := [link.pk for link in found.values() if not can_be_written(link)]:
        Link.objects.filter(pk__in=lost).update(key="")
        found = {link.key: link for link in usable.all()}
    if fresh := [link for key, link in by_key.items() if key not in found]:
        Link.objects.bulk_create(fresh, ignore_conflicts=True)
        found |= {link.key: link for link in usable.all()}
    return found


def can_be_written(link: Link) -> bool:
    """Say whether we still have the key of a link."""
    try:
        token_of(link)
    except ImproperlyConfigured:
        return not settings.LINK_KEY  # then none can be made either, and that is to be told
    return True


def token_of(link: Link) -> str:
    """Write the token of a link again, whatever key and spelling it was made with."""
    for key in (settings.LINK_KEY, *settings.LINK_KEY_FALLBACKS):
        digest = _derived(bytes(link.nonce), key)
        for token in (_in_letters(digest), _in_base64(digest)):
            if hash_token(token) == bytes(link.token_hash):
                return token
    raise ImproperlyConfigured("LINK_KEY has changed: put the old one into LINK_KEY_FALLBACKS.")


def short_url(token: str) -> str:
    """Return the address that goes into a message, on the short domain where there is one."""
    if settings.SHORT_URL:
        return f"{settings.SHORT_URL}/{token}"
    return f"{settings.PUBLIC_URL}/s/{token}"


def find_link(token: str) -> Link | None:
    """Find the link of a token; an unknown and a revoked one cost the same and are both None.

    A link that went to an address which is another client's now leads nowhere: so it is where two
    clients were merged by mistake and one was told at the address of the other.
    """
    his = Q(message=None) | Q(message__contact_point__client=F("client"))
    his_address = Q(contact_point=None) | Q(contact_point__client=F("client"))
    usable = Link.objects.select_related("client").filter(his, his_address, revoked_at=None)
    return usable.filter(token_hash=hash_token(token)).first()


def revoke_link(link_id: int, *, at: datetime) -> bool:
    """Make a link lead nowhere; False when it already does. The next message gets a new one."""
    usable = Link.objects.filter(pk=link_id, revoked_at=None)
    return usable.update(revoked_at=at) == 1


def end_links(*, at: datetime, limit: int = 10_000) -> int:
    """Revoke links about contracts that ended long ago; return how many."""
    with connection.cursor() as cursor:
        params: dict[str, Any] = {"at": at, "afterwards": AFTERWARDS, "limit": limit}
        cursor.execute(END, params)
        return int(cursor.rowcount)
