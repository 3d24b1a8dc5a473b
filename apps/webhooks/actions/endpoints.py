"""Endpoints: set up with a secret that is shown once, changed, switched on and off."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from apps.events.actions import listen, stop_listening
from apps.events.models import Listening
from apps.webhooks.models import Endpoint, Secret

OVERLAP = timedelta(days=1)  # in which both the old and the new secret sign


@transaction.atomic
def register_endpoint(
    name: str, url: str, kinds: Iterable[str], *, at: datetime
) -> tuple[Endpoint, str]:
    """Make an endpoint that listens from now on; return it with the secret nobody sees again."""
    endpoint = Endpoint.objects.create(name=name, url=url, kinds=sorted(set(kinds)), made_at=at)
    _follow(endpoint)
    return endpoint, _new_secret(endpoint, at=at)


@transaction.atomic
def change_endpoint(endpoint_id: int, name: str, url: str, kinds: Iterable[str]) -> None:
    """Change what an endpoint is called, where it lies and what it listens to."""
    endpoint = Endpoint.objects.select_for_update().get(pk=endpoint_id)
    endpoint.name, endpoint.url, endpoint.kinds = name, url, sorted(set(kinds))
    endpoint.save(update_fields=["name", "url", "kinds"])
    _follow(endpoint)


def _follow(endpoint: Endpoint) -> None:
    """Make the listening what the endpoint says: all of its kinds while active, else none."""
    wanted = set(endpoint.kinds) if endpoint.is_active else set()
    known = set(Listening.objects.filter(listener=endpoint.listener).values_list("kind", flat=True))
    stop_listening(endpoint.listener, known - wanted)
    listen(endpoint.listener, wanted - known)


@transaction.atomic
def rotate_secret(endpoint_id: int, *, at: datetime) -> str:
    """Return a new secret; the one before signs beside it for a day, those before that no more."""
    endpoint = Endpoint.objects.select_for_update().get(pk=endpoint_id)
    endpoint.secrets.filter(ends_at__isnull=False).delete()
    endpoint.secrets.filter(ends_at__isnull=True).update(ends_at=at + OVERLAP)
    return _new_secret(endpoint, at=at)


def _new_secret(endpoint: Endpoint, *, at: datetime) -> str:
    made = Secret.objects.create(endpoint=endpoint, nonce=secrets.token_bytes(16), made_at=at)
    return made.text


@transaction.atomic
def switch_off(endpoint_id: int, state: Endpoint.State) -> bool:
    """Send an endpoint nothing more; what is queued waits. False: it was off already."""
    active = Endpoint.objects.filter(pk=endpoint_id, state=Endpoint.State.ACTIVE)
    if not active.update(state=state):
        return False
    _follow(Endpoint.objects.get(pk=endpoint_id))
    return True


@transaction.atomic
def switch_on(endpoint_id: int) -> bool:
    """Send an endpoint again what waits and what happens from now on. False: it was on already."""
    off = Endpoint.objects.filter(pk=endpoint_id).exclude(state=Endpoint.State.ACTIVE)
    if not off.update(state=Endpoint.State.ACTIVE, failing_since=None, quiet_until=None):
        return False
    _follow(Endpoint.objects.get(pk=endpoint_id))
    return True
