"""Queueing one notice: what any app asks for when it has one thing to tell one client."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from apps.messaging import speech
from apps.messaging.models.content import Template
from apps.messaging.models.outbox import Notice
from apps.profiles.models import Client, ContactPoint


def queue_notice(
    client: Client,
    template_code: str,
    *,
    values: Mapping[str, object],
    dedupe_key: str,
    at: datetime,
    contact_point: ContactPoint | None = None,
    subject: str = "",
    source: str = "",
    deadline_at: datetime | None = None,
) -> bool:
    """Queue one notice; False when one with this key is there already.

    Values are plain or typed as `speech.spoken` reads them. A secret address goes in as
    {"url": "https://…"}: it is masked in the stored text, and here once the notice has ended.
    Raises Template.DoesNotExist.
    """
    _, queued = Notice.objects.get_or_create(
        dedupe_key=dedupe_key,
        defaults={
            "client": client,
            "template": Template.objects.get(code=template_code),
            "subject": subject,
            "source": source,
            "contact_point": contact_point,
            "values": dict(values),
            "created_at": at,
            "deadline_at": deadline_at,
        },
    )
    return queued


def hide_addresses(ended: Iterable[Notice]) -> None:
    """Mask the addresses that open something: they were sent or never will be."""
    for notice in ended:  # few have any: the confirmation of an address
        if any(speech.MASK not in url for url in speech.addresses(notice.values)):
            Notice.objects.filter(pk=notice.pk).update(values=speech.masked(notice.values))
