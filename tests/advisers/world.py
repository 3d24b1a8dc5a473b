"""Calls to make, as somebody above asks for them."""

from datetime import UTC, datetime

from django.contrib.auth import get_user_model

from apps.advisers.actions.opening import Wish, open_task
from apps.advisers.actions.outcomes import Said, note_outcome
from apps.advisers.actions.taking import show_number, take
from apps.advisers.models import CallTask
from apps.core import clock
from apps.profiles.models import Channel, Purpose
from tests import factories

DAY = datetime(2020, 3, 2, 12, tzinfo=UTC)  # a Monday noon


def adviser(name="Ada"):
    return get_user_model().objects.create_user(name, password="secret", is_staff=True)


def callable_client(**fields):
    fields.setdefault("time_zone", "Europe/London")
    fields.setdefault("time_zone_source", "stated")
    return factories.client(consents=[(Purpose.SERVICE, Channel.CALL)], **fields)


def awake():
    """A client who may be called at whatever hour the test runs."""
    now = clock.now()
    begins, ends = ((now.hour + hours) % 24 for hours in (3, 4))
    return callable_client(
        quiet_from=f"{begins:02}:00", quiet_until=f"{ends:02}:00", time_zone="UTC"
    )


def phone(client):
    return client.contact_points.get(channel=Channel.SMS)


def opened(client=None, *, key="k1", at=DAY, **fields):
    """Open a task and return it."""
    client = client or callable_client()
    fields.setdefault("purpose", Purpose.SERVICE)
    wish = Wish(
        key=key, client=client.pk, contact_point=phone(client).pk, title="Called early",
        source="journey:3", script="Hello", **fields,
    )  # fmt: skip
    open_task(wish, at=at)
    return CallTask.objects.get(key=key)


def nothing(_task):
    return None


def in_hand(task, by, at=DAY, *, shown=True):
    """Have an adviser take a task and open its number."""
    take(task.pk, by=by, at=at, ask=nothing)
    if shown:
        show_number(task.pk, by=by, at=at, ask=nothing)
    return CallTask.objects.get(pk=task.pk)


def fresh(task):
    return CallTask.objects.get(pk=task.pk)


def promised(task, by, call_at, at=DAY):
    """Have an adviser call, and the client ask to be called again at a moment."""
    in_hand(task, by, at=at)
    note_outcome(task.pk, Said("call_back", call_at=call_at), by=by, at=at)
    return fresh(task)
