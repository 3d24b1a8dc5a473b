"""Devices that clients let us push to: taken up on their page or by their app, and given up."""

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.events.actions import Fact, record
from apps.messaging import webpush
from apps.messaging.models.devices import Device
from apps.profiles.actions.consents import Answer, record_consent
from apps.profiles.actions.locks import lock_clients
from apps.profiles.models import Channel, ConsentRecord, ContactPoint, Purpose

TEXT_VERSION = "personal-page-push-1"  # of the sentence beside the button, as the client read it
MOST_DEVICES = 10  # of a client; a further one takes the place of the oldest
ENDPOINT_LENGTH = 2000
TOKEN = re.compile(r"[A-Za-z0-9_:.~-]{20,1000}")  # of an app; they are about 160 characters long

State = ContactPoint.State


class Became(StrEnum):
    """What came of a device that was brought."""

    NEW = "new"
    UNCHANGED = "unchanged"
    OFF = "off"  # it was removed from the client's devices, and he has not turned it on again


@dataclass(frozen=True)
class Subscription:
    """What a browser or an app gave us, so that we may push to it."""

    kind: str
    endpoint: str
    p256dh: str = ""
    auth: str = ""
    name: str = ""

    @property
    def address(self) -> str:
        """Return what stands for it among the client's addresses."""
        return f"{self.kind}:{hashlib.sha256(self.endpoint.encode()).hexdigest()}"


@transaction.atomic
def add_device(
    client_id: int,
    subscription: Subscription,
    *,
    source: str,
    at: datetime,
    text_version: str = TEXT_VERSION,
    turned_on: bool = True,
) -> Became:
    """Take up a device and the client's consent to news on it.

    Without `turned_on` it is not the client who asks but his app, which does so at each start: that
    brings back what has signed out, and nothing that was removed or withdrawn. Raises
    ValidationError with what is wrong in it.
    """
    check(subscription)
    if subscription.kind == Device.Kind.FCM:
        take_over(client_id, subscription.address, at=at)
    lock_clients([client_id])
    point, is_new = ContactPoint.objects.get_or_create(
        client_id=client_id,
        channel=Channel.PUSH,
        address=subscription.address,
        defaults={"state": State.VALID, "verified_at": at, "checked_at": at, "created_at": at},
    )
    if not (is_new or turned_on or point.state != State.REMOVED or has_signed_out(point)):
        return Became.OFF
    was_used = not is_new and point.state == State.VALID
    if not (is_new or was_used):
        ContactPoint.objects.filter(pk=point.pk).update(state=State.VALID, verified_at=at)
    Device.objects.update_or_create(
        contact_point=point,
        defaults={
            "kind": subscription.kind,
            "endpoint": subscription.endpoint,
            "p256dh": subscription.p256dh,
            "auth": subscription.auth,
            "name": subscription.name[:80],
            "has_signed_out": False,
        },
    )
    agreed = (turned_on or not has_agreed(client_id, text_version)) and record_consent(
        Answer(client_id, Purpose.SERVICE, Channel.PUSH, granted=True,
               text_version=text_version, source=source),
        at=at,
    )  # fmt: skip
    if not was_used:
        give_up_oldest(client_id)
        record([told("device.added", point, at)])
    return Became.NEW if agreed or not was_used else Became.UNCHANGED


def has_signed_out(point: ContactPoint) -> bool:
    return Device.objects.filter(contact_point=point, has_signed_out=True).exists()


def has_agreed(client_id: int, text_version: str) -> bool:
    """Say whether the client has agreed to a text, whatever he said later.

    An app brings its token at each start, and a new one now and then: that takes back no
    withdrawal, another text does.
    """
    given = ConsentRecord.objects.filter(
        client=client_id, purpose=Purpose.SERVICE, channel=Channel.PUSH, granted=True
    )
    return given.filter(text_version=text_version).exists()


def take_over(client_id: int, address: str, *, at: datetime) -> None:
    """Take an app on a phone from whoever was signed in before: what is pushed there is not his."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [address])
    others = ContactPoint.objects.filter(
        channel=Channel.PUSH, address=address, state=State.VALID
    ).exclude(client=client_id)
    for other in others.order_by("client").values_list("client", flat=True):
        remove_device(other, address, at=at, signs_out=True)


@transaction.atomic
def remove_device(client_id: int, address: str, *, at: datetime, signs_out: bool = False) -> bool:
    """Push to a device no more; False where that is so already.

    An app that only signs out comes back by itself; what is removed does when the client says so.
    """
    used = ContactPoint.objects.filter(
        client=client_id, channel=Channel.PUSH, address=address, state=State.VALID
    )
    point = used.select_for_update().first()
    if point is None:
        return False
    used.update(state=State.REMOVED)
    Device.objects.filter(contact_point=point).update(has_signed_out=signs_out)
    record([told("device.removed", point, at)])
    return True


def check(subscription: Subscription) -> None:
    """Refuse what nothing could be pushed to, or what could lead us anywhere in our own network."""
    if subscription.kind == Device.Kind.FCM:
        if not TOKEN.fullmatch(subscription.endpoint):
            raise ValidationError(_("This is no token of a push service."))
        return
    if len(subscription.endpoint) > ENDPOINT_LENGTH or not is_service(subscription.endpoint):
        raise ValidationError(_("We know no push service at this address."))
    try:
        webpush.check(subscription.p256dh, subscription.auth)
    except webpush.SubscriptionError:
        raise ValidationError(_("The keys of this browser cannot be read.")) from None


def is_service(endpoint: str) -> bool:
    """Say whether an address is one of the push services that browsers have."""
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    secure = parts.scheme == "https" or settings.INSECURE_HTTP
    known = any(
        host == service or (service.startswith(".") and host.endswith(service))
        for service in settings.PUSH_SERVICES
    )
    return secure and known and (port in {None, 443} or settings.INSECURE_HTTP)


def give_up_oldest(client_id: int) -> None:
    used = ContactPoint.objects.filter(
        client=client_id, channel=Channel.PUSH, state=State.VALID
    ).order_by("-verified_at", "-pk")
    too_many = list(used.values_list("pk", flat=True)[MOST_DEVICES:])
    ContactPoint.objects.filter(pk__in=too_many).update(state=State.REMOVED)
    Device.objects.filter(contact_point__in=too_many).update(has_signed_out=True)


def destinations(points: Collection[int]) -> dict[int, str]:
    """Write for each contact point what the channel needs to push to its device."""
    devices = Device.objects.filter(contact_point__in=points)
    return {
        device.contact_point_id: json.dumps(
            {"endpoint": device.endpoint, "p256dh": device.p256dh, "auth": device.auth}
        )
        for device in devices
    }


def told(kind: str, point: ContactPoint, at: datetime) -> Fact:
    return Fact(
        client_id=point.client_id,
        kind=kind,
        subject=f"contact_point:{point.pk}",
        occurred_at=at,
        source_key=f"{kind}:{point.pk}:{int(at.timestamp() * 1000)}",
        properties={"contact_point": point.pk},
    )
