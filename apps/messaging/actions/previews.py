"""What clients would read: any wordings with a client's own figures, or with long samples."""

from base64 import b64encode
from collections.abc import Collection, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from django.conf import settings

from apps.messaging import wording
from apps.messaging.actions.letters import Ready, Unwritten, write_all
from apps.messaging.actions.links import LENGTH, short_url
from apps.messaging.models.content import CATALOGUE, Template, TemplateVersion
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.samples import of
from apps.products.models.strategies import ObservationResult
from apps.profiles.models import Channel, Client, ContactPoint

FEW = 20  # clients' own notices whose figures are tried for the longest text


@dataclass(frozen=True)
class Shown:
    """A wording as a client would read it, or why it cannot be written."""

    version: TemplateVersion
    is_sample: bool
    subject: str = ""
    text: str = ""
    html: str = ""
    parts: int = 0
    fault: str = ""


def preview(
    versions: Sequence[TemplateVersion], client: Client | None, *, at: datetime
) -> list[Shown]:
    """Write wordings for a client, with what he was last told of each occasion; else with samples."""
    last = last_notices(client, {version.template_id for version in versions})
    chosen = [(version, last.get(version.template_id)) for version in versions]
    return shown(
        [
            message_of(version, notice or sample_of(version.template, client, version.language))
            for version, notice in chosen
        ],
        at=at,
        samples=[notice is None for _version, notice in chosen],
    )


def longest(version: TemplateVersion, *, at: datetime, with_people: bool) -> Shown:
    """Write an SMS for the sample, and for the last few who were told; return the longest.

    Where one cannot be written, that one. How many parts it may have is left to whoever asks.
    """
    notices = [sample_of(version.template, None, version.language)]
    if with_people:
        rows = version.template.notices.select_related("client", "template").order_by("-pk")
        notices += rows[:FEW]
    for notice in notices:
        notice.template = copy(notice.template)
        notice.template.sms_parts = None
    messages = [message_of(version, notice) for notice in notices]
    tried = shown(messages, at=at, samples=[True] + [False] * (len(notices) - 1))
    return max(tried, key=lambda one: (bool(one.fault), one.parts, len(one.text)))


def shown(messages: Sequence[Message], *, at: datetime, samples: Iterable[bool]) -> list[Shown]:
    link = f"{settings.PUBLIC_URL}/s/{'x' * 22}"
    for place, message in enumerate(messages):
        message.pk = -1 - place  # of no row; only to find its link by
    links = {message.pk: link for message in messages}
    return [
        as_shown(result.message.wording, is_sample, result)
        if isinstance(result, Ready)
        else Shown(result.message.wording, is_sample, fault=result.reason)
        for result, is_sample in zip(write_all(messages, links, at=at), samples, strict=True)
    ]


def as_sent(message: Message) -> Shown | None:
    """Write a sent message anew as its client saw it; None where its words are others by now.

    Its wording is never changed, but snippets, disclaimers and the client's name may have been.
    Notice, client, template, wording and contact point are loaded.
    """
    message = copy(message)
    message.key = uuid4()  # nobody unsubscribes him by looking
    if message.handed_at is None or not message.body:
        return None
    link = short_url("x" * LENGTH)
    (result,) = write_all([message], {message.pk: link}, at=message.handed_at)
    if isinstance(result, Unwritten) or (result.subject, result.body) != (
        message.subject, message.body,
    ):  # fmt: skip
        return None
    return as_shown(message.wording, is_sample=False, ready=result)


def as_shown(version: TemplateVersion, is_sample: bool, ready: Ready) -> Shown:  # noqa: FBT001
    letter, html = ready.letter, ready.letter.html
    for picture in letter.pictures:
        inline = f"data:{picture.kind};base64,{b64encode(picture.content).decode()}"
        html = html.replace(f"cid:{picture.cid}", inline)
    parts = wording.segments(letter.text) if version.channel == Channel.SMS else 0
    return Shown(version, is_sample, letter.subject, letter.text, html, parts)


def message_of(version: TemplateVersion, notice: Notice) -> Message:
    return Message(
        notice=notice,
        channel=version.channel,
        language=version.language,
        wording=version,
        contact_point=ContactPoint(channel=version.channel),
    )


def last_notices(client: Client | None, templates: Collection[int]) -> dict[int, Notice]:
    if client is None:
        return {}
    rows = Notice.objects.filter(client=client, template__in=templates)
    latest = rows.select_related("client", "template").order_by("template", "-pk")
    return {notice.template_id: notice for notice in latest.distinct("template")}


def sample_of(template: Template, client: Client | None, language: str) -> Notice:
    """Make a notice with long figures, about the last result that can be drawn."""
    result = ObservationResult.objects.exclude(levels__in=([], {})).order_by("-pk").first()
    person = client or Client(first_name="Maximiliana", language=language)
    values = of(CATALOGUE.get(template.code, set()))
    return Notice(client=person, template=template, values=values, result=result)
