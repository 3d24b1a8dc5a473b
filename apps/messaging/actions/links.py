"""Personal links: made for a client, found by their token, followed and revoked.

A token is derived from a stored nonce and LINK_KEY, so that a retry writes the same link again; the
table holds the nonce and the token's hash, which give nobody the token without the key.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import F, Q

from apps.events.actions import Fact, record
from apps.messaging.models.links import Hit, Link
from apps.messaging.models.outbox import Message
from apps.profiles.models import Client

NONCE_BYTES = 16
TOKEN_BYTES = 16  # 128 bits, written as 22 url-safe characters
AGENT_LENGTH = 200  # of Hit.agent; the rest of a browser's name tells nothing


def derive_token(nonce: bytes) -> str:
    """Write the token that belongs to a nonce."""
    if not settings.LINK_KEY:
        raise ImproperlyConfigured("Personal links need LINK_KEY or SECRET_KEY.")
    digest = hmac.digest(settings.LINK_KEY.encode(), nonce, "sha256")
    return urlsafe_b64encode(digest[:TOKEN_BYTES]).rstrip(b"=").decode()


def hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()


def new_link(client_id: int, *, subject: str, at: datetime, message: Message | None = None) -> Link:
    """Make a link in memory, ready to be saved alone or with many."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return Link(
        client_id=client_id,
        message=message,
        subject=subject,
        nonce=nonce,
        token_hash=hash_token(derive_token(nonce)),
        created_at=at,
    )


def make_link(
    client: Client, *, subject: str, at: datetime, message: Message | None = None
) -> tuple[Link, str]:
    """Make a client's link and its token; a message always gets the same one back."""
    link = new_link(client.pk, subject=subject, at=at, message=message)
    if message is None:
        link.save(force_insert=True)
    else:
        link = links_of([link])[message.pk]
    return link, token_of(link)


def links_of(wanted: Sequence[Link]) -> dict[int | None, Link]:
    """Save links of messages, unless a message has one; return each message's link by its id."""
    Link.objects.bulk_create(wanted, ignore_conflicts=True)
    messages = [link.message_id for link in wanted]
    return {link.message_id: link for link in Link.objects.filter(message__in=messages)}


def token_of(link: Link) -> str:
    """Write the token of a link again."""
    return derive_token(bytes(link.nonce))


def short_url(token: str) -> str:
    """Return the address that goes into a message."""
    return f"{settings.PUBLIC_URL}/s/{token}"


def find_link(token: str) -> Link | None:
    """Find the link of a token; an unknown and a revoked one cost the same and are both None.

    A link that went to an address which is another client's now leads nowhere: so it is where two
    clients were merged by mistake and one was told at the address of the other.
    """
    his = Q(message=None) | Q(message__contact_point__client=F("client"))
    usable = Link.objects.select_related("client").filter(his, revoked_at=None)
    return usable.filter(token_hash=hash_token(token)).first()


@transaction.atomic
def record_hit(link: Link, *, verdict: str, agent: str, at: datetime) -> Hit:
    """Note that a link was followed; the client's own visit also goes on his timeline."""
    hit = Hit.objects.create(link=link, occurred_at=at, verdict=verdict, agent=agent[:AGENT_LENGTH])
    if verdict == Hit.Verdict.HUMAN and not link.is_for_staff:
        opened = Fact(
            client_id=link.client_id,
            kind="link.opened",
            subject=link.subject or f"link:{link.pk}",
            occurred_at=at,
            source_key=f"hit:{hit.pk}",
            properties={"link": link.pk, "message": link.message_id},
        )
        record([opened])
    return hit


def revoke_link(link_id: int, *, at: datetime) -> bool:
    """Make a link lead nowhere; False when it already does."""
    usable = Link.objects.filter(pk=link_id, revoked_at=None)
    return usable.update(revoked_at=at) == 1
