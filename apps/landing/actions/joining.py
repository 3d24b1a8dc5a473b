"""Browsers that come back: what they did, and when one turns out to be a client's own."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from apps.events.actions import Fact, record
from apps.landing.models import Visit, Visitor
from apps.landing.visitors import Evidence, belief
from apps.messaging.models.links import Link
from apps.profiles.models import Identifier

FORGOTTEN = timedelta(days=180)  # after the last visit; the cookie lives no longer
COOKIE_BYTES = 18
PROOFS = (Visit.Deed.SHOWN, Visit.Deed.CONFIRMED)


def new_cookie() -> str:
    return secrets.token_urlsafe(COOKIE_BYTES)


def hash_cookie(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode(errors="replace")).digest()


@transaction.atomic
def note_visit(cookie: str, deed: str, *, link: Link | None, at: datetime) -> bool:
    """Note what was done in a browser; False where it is none that we know, or staff looks.

    Only a press of a button makes a browser known: whoever merely opens a page leaves nothing.
    """
    if not cookie or (link is not None and link.is_for_staff):
        return False
    hashed = hash_cookie(cookie)
    if deed != Visit.Deed.OPENED:
        Visitor.objects.bulk_create(
            [Visitor(cookie_hash=hashed, first_seen_at=at, last_seen_at=at)], ignore_conflicts=True
        )
    visitor = Visitor.objects.select_for_update().filter(cookie_hash=hashed).first()
    if visitor is None:
        return False
    visit = Visit.objects.create(visitor=visitor, link=link, deed=deed, occurred_at=at)
    visitor.last_seen_at = at
    if deed in PROOFS:
        _decide(visitor, at)
    elif visitor.client_id is not None and link is None:
        record([_missed(visit, visitor.client_id)])
    visitor.save()
    return True


def _decide(visitor: Visitor, at: datetime) -> None:
    """Join the browser to the client whose it is proven to be, or part it from him."""
    found = belief(_evidence(visitor))
    if found.is_shared and visitor.state != Visitor.State.SHARED:
        _identifiers(visitor).delete()
        visitor.state, visitor.client, visitor.joined_at = Visitor.State.SHARED, None, None
    elif found.client is not None and visitor.state == Visitor.State.ANONYMOUS:
        _join(visitor, found.client, at)


def _evidence(visitor: Visitor) -> list[Evidence]:
    channel = Coalesce("link__contact_point__channel", "link__message__channel")
    seen = visitor.visits.filter(deed__in=PROOFS).values_list("link__client", "deed", channel)
    return [
        Evidence(client, deed == Visit.Deed.CONFIRMED, channel or "")
        for client, deed, channel in seen
    ]


def _join(visitor: Visitor, client_id: int, at: datetime) -> None:
    visitor.state, visitor.client_id = Visitor.State.JOINED, client_id
    visitor.joined_at = at
    Identifier.objects.create(
        client_id=client_id,
        kind=Identifier.Kind.COOKIE,
        value=bytes(visitor.cookie_hash).hex(),
        created_at=at,
    )
    joined = Fact(
        client_id=client_id,
        kind="visitor.joined",
        subject=f"visitor:{visitor.pk}",
        occurred_at=at,
        source_key=f"visitor:{visitor.pk}",
    )
    nameless = visitor.visits.filter(link=None)
    record([joined, *(_missed(visit, client_id) for visit in nameless)])


def _missed(visit: Visit, client_id: int) -> Fact:
    """Tell of a visit to a link that leads nowhere: of these nothing else says whose they were."""
    return Fact(
        client_id=client_id,
        kind="page.missed",
        subject=f"visitor:{visit.visitor_id}",
        occurred_at=visit.occurred_at,
        source_key=f"visit:{visit.pk}",
    )


def _identifiers(visitor: Visitor) -> QuerySet[Identifier]:
    return Identifier.objects.filter(
        kind=Identifier.Kind.COOKIE, value=bytes(visitor.cookie_hash).hex()
    )


def forget_visitors(*, at: datetime) -> int:
    """Forget browsers that were not seen for long, with what they did; return how many."""
    old = Visitor.objects.filter(last_seen_at__lt=at - FORGOTTEN)
    hashes = [bytes(each).hex() for each in old.values_list("cookie_hash", flat=True)[:10_000]]
    with transaction.atomic():
        Identifier.objects.filter(kind=Identifier.Kind.COOKIE, value__in=hashes).delete()
        gone = Visitor.objects.filter(cookie_hash__in=[bytes.fromhex(each) for each in hashes])
        count, _rows = gone.count(), gone.delete()
    return count
