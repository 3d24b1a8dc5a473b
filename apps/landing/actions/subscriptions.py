"""Telling a client by e-mail: he asks on his page, and the address itself confirms."""

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.contrib.auth.base_user import BaseUserManager
from django.db import transaction

from apps.events.actions import Fact, record
from apps.landing.actions.joining import hash_cookie
from apps.landing.models import EmailSubscription, Visitor
from apps.messaging.actions.notices import queue_notice
from apps.messaging.models.links import Link
from apps.profiles.models import Channel, Client, ConsentRecord, ContactPoint, Purpose
from apps.profiles.queries import consents

TEXT_VERSION = "personal-page-email-1"  # of the sentence beside the form, as the client read it
RESEND_AFTER = timedelta(minutes=10)
VALID_FOR = timedelta(days=3)
MOST_LETTERS = 5  # to a client's addresses in VALID_FOR, so that a link cannot write to the world


TEMPLATE = "email.confirm"


class Asked(StrEnum):
    """What became of a request."""

    SENT = "sent"
    TOO_SOON = "too_soon"
    TOO_MANY = "too_many"
    ALREADY = "already"


def hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()


@transaction.atomic
def ask_subscription(
    link: Link, address: str, *, at: datetime, visitor: Visitor | None = None
) -> Asked:
    """Queue the letter that lets the address confirm; at most one open request an address.

    The same address again renews the request once RESEND_AFTER has passed; the older letter's
    link ends with it.
    """
    # One request at a time and client: the row of the client is the lock.
    client = Client.objects.select_for_update().get(pk=link.client_id)
    point = _known_point(client, address)
    if point is not None and _is_told(client, point):
        return Asked.ALREADY
    letters = client.notices.filter(template__code=TEMPLATE, created_at__gt=at - VALID_FOR)
    if (
        point is not None
        and letters.filter(contact_point=point, created_at__gt=at - RESEND_AFTER).exists()
    ):
        return Asked.TOO_SOON
    if letters.count() >= MOST_LETTERS:
        return Asked.TOO_MANY
    was_known = _was_known(point)
    point = _unconfirmed(point, client, address, at)
    token = secrets.token_urlsafe(24)
    subscription, _created = EmailSubscription.objects.update_or_create(
        contact_point=point,
        confirmed_at=None,
        defaults={
            "client": client,
            "link": link,
            "visitor": visitor,
            "was_known": was_known,
            "token_hash": hash_token(token),
            "requested_at": at,
        },
    )
    queue_notice(
        client,
        TEMPLATE,
        subject=f"subscription:{subscription.pk}",
        source=f"subscription:{subscription.pk}",
        contact_point=point,
        values={"confirm_url": {"url": f"{settings.PUBLIC_URL}/e/{token}"}},
        dedupe_key=f"{TEMPLATE}:{subscription.pk}:{int(at.timestamp())}",
        deadline_at=at + VALID_FOR,
        at=at,
    )
    return Asked.SENT


def find_subscription(token: str, *, at: datetime) -> EmailSubscription | None:
    """Find the request of a letter, unless it is too old or its personal link was revoked."""
    usable = EmailSubscription.objects.select_related(
        "client", "contact_point", "link", "visitor"
    ).filter(requested_at__gt=at - VALID_FOR, link__revoked_at=None)
    return usable.filter(token_hash=hash_token(token)).first()


@transaction.atomic
def confirm_subscription(subscription: EmailSubscription, *, at: datetime) -> bool:
    """Take the address as the client's own and record his consent; False when it was before."""
    mine = EmailSubscription.objects.filter(pk=subscription.pk, confirmed_at=None)
    if not mine.update(confirmed_at=at):
        return False
    ContactPoint.objects.filter(pk=subscription.contact_point_id).update(
        state=ContactPoint.State.VALID, verified_at=at, checked_at=at
    )
    ConsentRecord.objects.create(
        client=subscription.client,
        purpose=Purpose.SERVICE,
        channel=Channel.EMAIL,
        granted=True,
        text_version=TEXT_VERSION,
        source="personal page",
        recorded_at=at,
    )
    confirmed = Fact(
        client_id=subscription.client_id,
        kind="email.confirmed",
        subject=f"subscription:{subscription.pk}",
        occurred_at=at,
        source_key=f"subscription:{subscription.pk}",
        properties={"contact_point": subscription.contact_point_id},
    )
    record([confirmed])
    return True


def proves_browser(subscription: EmailSubscription, cookie: str) -> bool:
    """Say whether a confirmation in this browser proves that it is the client's own.

    It does where the letter was asked for in the same browser and went to an address that we had
    known before: what somebody else writes on a forwarded page is his own address.
    """
    visitor = subscription.visitor
    return (
        subscription.was_known
        and visitor is not None
        and bytes(visitor.cookie_hash) == hash_cookie(cookie)
    )


def _known_point(client: Client, address: str) -> ContactPoint | None:
    points = client.contact_points.filter(channel=Channel.EMAIL)
    return points.filter(address__iexact=address).first()


def _was_known(point: ContactPoint | None) -> bool:
    """Say whether we had an address before somebody wrote it on the page, now or a while ago."""
    if point is None:
        return False
    asked = EmailSubscription.objects.filter(contact_point=point, confirmed_at=None, was_known=True)
    return point.state != ContactPoint.State.UNCONFIRMED or asked.exists()


def _unconfirmed(
    point: ContactPoint | None, client: Client, address: str, at: datetime
) -> ContactPoint:
    """Return the address as one to be confirmed; his own word makes even a bounced one worth it."""
    unconfirmed = ContactPoint.State.UNCONFIRMED
    if point is None:
        return ContactPoint.objects.create(
            client=client,
            channel=Channel.EMAIL,
            address=BaseUserManager.normalize_email(address),
            state=unconfirmed,
            created_at=at,
        )
    if point.state != ContactPoint.State.VALID:
        point.state = unconfirmed
        point.save(update_fields=["state"])
    return point


def _is_told(client: Client, point: ContactPoint) -> bool:
    granted = consents([client.pk], Purpose.SERVICE)
    return (
        point.state == ContactPoint.State.VALID
        and point.verified_at is not None
        and (client.pk, Channel.EMAIL) in granted
    )
