"""Clients who want to be told in a messenger: invited on their page, proven by their phone number.

Whoever holds a forwarded link could open a conversation as well. So an account is written to only
once the messenger itself vouches for a phone number that we had known as the client's before.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.events.actions import Fact, record
from apps.messaging.messengers import READERS
from apps.messaging.models.invitations import Invitation
from apps.messaging.models.providers import Provider
from apps.profiles.actions.consents import Answer, record_consent
from apps.profiles.actions.locks import lock_clients
from apps.profiles.models import Channel, Client, ContactPoint, Purpose
from apps.profiles.queries.suppressions import suppressions

TEXT_VERSION = "personal-page-messenger-1"  # of the sentence beside the button
VALID_FOR = timedelta(minutes=30)

State = ContactPoint.State


class ProofError(Exception):
    """Why an account cannot be confirmed; the text is for people."""


def messengers() -> QuerySet[Provider]:
    """Return the messengers that clients may be invited to."""
    environments = {settings.ENVIRONMENT} - {""} if settings.LIVE else {"", settings.ENVIRONMENT}
    return Provider.objects.filter(
        channel=Channel.MESSENGER, kind__in=READERS, is_open=True, environment__in=environments
    )


def invite(client_id: int, provider: Provider, *, at: datetime) -> str:
    """Make an invitation and return its token, which is kept nowhere."""
    token = secrets.token_urlsafe(16)
    Invitation.objects.create(
        client_id=client_id, provider=provider, token_hash=_hash(token), made_at=at
    )
    return token


@transaction.atomic
def join(provider: Provider, token: str, account: str, *, at: datetime) -> Client | None:
    """Take up the account that came by an invitation; None for one that is used, old or unknown."""
    mine = Invitation.objects.filter(
        provider=provider, token_hash=_hash(token), used_at=None, made_at__gt=at - VALID_FOR
    )
    if not mine.update(used_at=at, account=account):
        return None
    invitation = Invitation.objects.select_related("client").get(token_hash=_hash(token))
    lock_clients([invitation.client_id])
    point, is_new = ContactPoint.objects.get_or_create(
        client_id=invitation.client_id,
        channel=Channel.MESSENGER,
        address=address_of(provider, account),
        defaults={"state": State.UNCONFIRMED, "created_at": at},
    )
    if not is_new and point.state != State.VALID:
        ContactPoint.objects.filter(pk=point.pk).update(state=State.UNCONFIRMED)
    return invitation.client


@transaction.atomic
def prove(
    provider: Provider, account: str, phone: str, *, at: datetime
) -> tuple[Client | None, bool]:
    """Take an account as the client's own, if its phone number is one of his.

    Returns the client who came by an invitation, None where nobody did, and whether it is proven.
    """
    unproven = Invitation.objects.filter(
        provider=provider, account=account, proven_at=None, used_at__gt=at - VALID_FOR
    )
    invitation = unproven.select_related("client", "provider").order_by("-pk").first()
    if invitation is None:
        return None, False
    lock_clients([invitation.client_id])
    phones = ContactPoint.objects.filter(
        client=invitation.client_id, channel=Channel.SMS, address=phone, state=State.VALID
    )
    known = [point for point in phones if point.pk not in suppressions(phones)]
    if not known or not unproven.filter(pk=invitation.pk).update(proven_at=at):
        return invitation.client, False
    _take_as_his(invitation, "personal page", {}, at=at)
    return invitation.client, True


@transaction.atomic
def confirm(invitation_id: int, *, proof: str, by: AbstractBaseUser, at: datetime) -> bool:
    """Take an account as the client's own on a person's word; False where that is settled already.

    For messengers that vouch for nobody's number. Raises ProofError where the account may not be
    written to, or nothing is said of how it is known.
    """
    invitation = Invitation.objects.select_related("client", "provider").get(pk=invitation_id)
    lock_clients([invitation.client_id])
    if not proof.strip():
        raise ProofError(_("Say how you know that it is his."))
    points = ContactPoint.objects.filter(
        client=invitation.client_id,
        channel=Channel.MESSENGER,
        address=address_of(invitation.provider, invitation.account),
        state=State.UNCONFIRMED,
    )
    open_to_us = [point for point in points if point.pk not in suppressions(points)]
    unproven = Invitation.objects.filter(pk=invitation_id, proven_at=None).exclude(account="")
    if unproven.exists() and not open_to_us:
        raise ProofError(_("This account has left us, or wrote STOP: it is not written to."))
    if not unproven.update(proven_at=at, proven_by=by.pk, proof=proof.strip()):
        return False
    _take_as_his(invitation, f"invitation:{invitation_id}", {"by": by.get_username()}, at=at)
    return True


def _take_as_his(
    invitation: Invitation, source: str, known: Mapping[str, str], *, at: datetime
) -> None:
    """Write to an account from now on: it is valid, and he asked for it by coming."""
    point = ContactPoint.objects.get(
        client=invitation.client_id,
        channel=Channel.MESSENGER,
        address=address_of(invitation.provider, invitation.account),
    )
    ContactPoint.objects.filter(pk=point.pk).update(
        state=State.VALID, verified_at=at, checked_at=at
    )
    record_consent(
        Answer(
            invitation.client_id,
            Purpose.SERVICE,
            Channel.MESSENGER,
            granted=True,
            text_version=TEXT_VERSION,
            source=source,
        ),
        at=at,
    )
    record([_told("messenger.joined", point, f"invitation:{invitation.pk}", at, known)])


@transaction.atomic
def leave(provider: Provider, account: str, *, at: datetime) -> int:
    """Write no more to an account that blocked us; return of how many clients it was."""
    points = list(
        ContactPoint.objects.filter(
            channel=Channel.MESSENGER,
            address=address_of(provider, account),
            state__in=[State.VALID, State.UNCONFIRMED],
        ).select_for_update()
    )
    ContactPoint.objects.filter(pk__in=[point.pk for point in points]).update(
        state=State.UNREACHABLE, checked_at=at
    )
    record(
        _told("messenger.left", point, f"left:{point.pk}:{int(at.timestamp())}", at)
        for point in points
    )
    return len(points)


def address_of(provider: Provider, account: str) -> str:
    return f"{provider.scheme or provider.kind}:{account}"


def hook_secret(provider: Provider) -> str:
    """Derive the secret that we tell a messenger when we name it our address."""
    key = settings.LINK_KEY.encode()
    return hmac.digest(key, f"hook:{provider.name}".encode(), "sha256").hex() if key else ""


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()


def _told(
    kind: str,
    point: ContactPoint,
    source_key: str,
    at: datetime,
    known: Mapping[str, str] | None = None,
) -> Fact:
    return Fact(
        client_id=point.client_id,
        kind=kind,
        subject=f"contact_point:{point.pk}",
        occurred_at=at,
        source_key=source_key,
        properties={"contact_point": point.pk, **(known or {})},
    )
