"""A client's devices, and the key under which browsers subscribe to us."""

from functools import cache

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from django.conf import settings
from django.db.models import QuerySet

from apps.messaging import webpush
from apps.messaging.models.devices import Device
from apps.profiles.models import ContactPoint


def devices_of(client_id: int) -> QuerySet[Device]:
    """Return the devices that a client lets us push to, the newest first."""
    used = Device.objects.filter(
        contact_point__client=client_id, contact_point__state=ContactPoint.State.VALID
    )
    return used.select_related("contact_point").order_by("-pk")


def push_key() -> EllipticCurvePrivateKey:
    """Return our key of Web Push. Raises SubscriptionError for a PUSH_KEY that is none."""
    return _push_key(settings.LINK_KEY, settings.PUSH_KEY)


def application_key() -> str:
    """Write its public half as browsers take it."""
    return webpush.public_key(push_key())


@cache
def _push_key(secret: str, written: str) -> EllipticCurvePrivateKey:
    return webpush.private_key(secret.encode(), written)
