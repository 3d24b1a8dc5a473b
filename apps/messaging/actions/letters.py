"""Writing letters: wordings filled with values, in each reader's language, channel and zone.

Templates are filled in child processes, a batch at a time; what is dressed here is ready text.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from django.utils.translation import gettext as _

from apps.messaging import speech, wording
from apps.messaging.actions.devices import destinations
from apps.messaging.actions.dressing import (
    TO_LEAVE,
    dressed,
    why,
    with_small_print,
    with_way_out,
)
from apps.messaging.actions.phrases import NEXT, Phrases, Sources, phrases_of
from apps.messaging.actions.pictures import Chart, charts_of
from apps.messaging.channels import Case, Letter, Picture
from apps.messaging.models.content import TemplateVersion
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.phrasing import snippets_in
from apps.messaging.queries.zones import time_zone
from apps.messaging.scribes import BATCH, POOL, Answer, Job, letter
from apps.messaging.wording import WordingError
from apps.profiles.models import Channel, Client

SUBJECT_LIMIT = 300  # of the column that keeps it
LINK = "link"  # the value that is the client's personal link
FEWEST_LEFT = 4  # characters of a secret that, left in a text, still are one


@dataclass(frozen=True)
class Ready:
    """A message with its letter, and what of it will be stored."""

    message: Message
    letter: Letter
    subject: str
    body: str


@dataclass(frozen=True)
class Unwritten:
    """A message whose letter cannot be written, and why, as a marketer reads it."""

    message: Message
    reason: str


@dataclass(frozen=True)
class Draft:
    """A letter about to be written."""

    message: Message
    values: Mapping[str, Any]
    sources: Sources
    pictures: tuple[Picture, ...] = ()

    def job(self, values: Mapping[str, Any] | None = None) -> Job:
        texts = {
            name: text
            for name in ("subject", "body", "small")
            if (text := getattr(self.sources, name))
        }
        pages = {"html": self.sources.html} if self.sources.html else {}
        message = self.message
        zone = zone_of(message.notice.client)
        return letter(texts, pages, values or self.values, message.language, zone)


def wants_link(message: Message) -> bool:
    """Say whether the letter may take the personal link; a snippet of its wording may."""
    version = message.wording
    if message.channel in {Channel.PUSH, Channel.IN_APP}:
        return True  # a note opens the page, whatever it says
    return takes_link(version.subject, version.body, version.html)


@lru_cache
def takes_link(*sources: str) -> bool:
    return any(LINK in source for source in sources) or bool(snippets_in(*sources))


def write_all(
    messages: Iterable[Message], link_of: Mapping[int, str], *, at: datetime
) -> Iterator[Ready | Unwritten]:
    """Write the letters of loaded messages, in their order; one that cannot be written fails alone.

    `link_of` has the personal link of each message that wants one, by its primary key. Notice,
    client, template, wording and contact point are loaded.
    """
    waiting = iter(messages)
    phrases = None
    while batch := list(islice(waiting, BATCH)):
        phrases = phrases or phrases_of(dict(settings.LANGUAGES), day=at.date())
        yield from write_batch(batch, link_of, phrases, at=at)


def write_batch(
    messages: Sequence[Message], link_of: Mapping[int, str], phrases: Phrases, *, at: datetime
) -> Iterator[Ready | Unwritten]:
    charts, places = charts_of(messages), places_of(messages)
    drafts = [
        drafted(message, link_of.get(message.id or 0, ""), phrases, charts) for message in messages
    ]
    answers = POOL.ask([draft.job() for draft in drafts if isinstance(draft, Draft)])
    for draft, place in zip(drafts, places, strict=True):
        if isinstance(draft, Unwritten):
            yield draft
        else:
            yield finished(draft, next(answers), place, at=at)


def places_of(messages: Sequence[Message]) -> list[str | None]:
    """Say where the carriers find each message's reader; None for a device that is forgotten."""
    pushed = {message.contact_point_id for message in messages if message.channel == Channel.PUSH}
    devices = destinations(pushed) if pushed else {}
    places: list[str | None] = []
    for message in messages:
        address = message.contact_point.address
        if message.channel == Channel.MESSENGER:
            places.append(address.partition(":")[2])
        elif message.channel == Channel.PUSH and message.contact_point_id:
            places.append(devices.get(message.contact_point_id))
        else:
            places.append(address)
    return places


def drafted(
    message: Message, link: str, phrases: Phrases, charts: Mapping[tuple[int, str], Chart]
) -> Draft | Unwritten:
    try:
        sources = phrases.sources(message.wording, message.notice)
    except WordingError as error:
        return Unwritten(message, str(error))
    values = values_of(message, link)
    chart = charts.get((message.notice.result_id or 0, message.language)) if charts else None
    if chart is None:
        return Draft(message, values, sources)
    values |= {"chart": f"cid:{chart.picture.cid}", "chart_words": chart.words}
    return Draft(message, values, sources, (chart.picture,))


def finished(draft: Draft, answer: Answer, place: str | None, *, at: datetime) -> Ready | Unwritten:
    """Turn what a child wrote into a letter, and into what of it is stored."""
    message, template = draft.message, draft.message.notice.template
    if place is None:
        return Unwritten(message, _("The device is not known any more."))
    try:
        subject, text, html = composed(draft, answer)
        kept = recorded(draft, subject, text)
    except WordingError as error:
        return Unwritten(message, str(error))
    is_mail = message.channel == Channel.EMAIL
    made = Letter(
        key=message.key,
        to=place,
        subject=subject,
        text=text,
        html=html,
        may_unsubscribe=is_mail and template.purpose in TO_LEAVE,
        language=message.language,
        link=(draft.values.get(LINK) or {}).get("url", ""),
        tag=tag_of(message) if message.channel == Channel.PUSH else "",
        pictures=draft.pictures if is_mail else (),
        case=case_of(message, at=at) if message.channel == Channel.CALL else None,
    )
    return Ready(message, with_way_out(made) if is_mail else made, *kept)


def tag_of(message: Message) -> str:
    """Name what all devices are told at one step; a browser may have two of our subscriptions."""
    return str(uuid5(NAMESPACE_URL, f"{settings.PUBLIC_URL}/{message.notice_id}/{message.at_step}"))


def case_of(message: Message, *, at: datetime) -> Case:
    """Say what is known of a message to those who carry it inside the house."""
    notice = message.notice
    return Case(
        message=message.pk,
        client=notice.client_id,
        contact_point=message.contact_point_id,
        about=notice.subject,
        purpose=notice.template.purpose,
        title=str(notice.template),
        priority=notice.priority,
        at=at,
        deadline=notice.deadline_at,
    )


def composed(draft: Draft, answer: Answer) -> tuple[str, str, str]:
    """Return subject, text and HTML. Raises WordingError."""
    if "error" in answer:
        raise WordingError(answer["error"])
    texts, message = answer["texts"], draft.message
    subject = one_line(texts.get("subject", ""))
    text, small = texts.get("body", ""), texts.get("small", "")
    channel, html = message.channel, ""
    if channel == Channel.SMS:
        text = " ".join(part for part in (text, small) if part)
        return subject, short(text, message.notice.template.sms_parts), ""
    if channel == Channel.EMAIL and "html" in texts:
        html = with_small_print(texts["html"], small)
    elif channel == Channel.EMAIL:
        purpose = message.notice.template.purpose
        html = dressed(text, small, subject, draft.values, message.language, purpose)
    return subject, NEXT.join(part for part in (text, small) if part), html


def short(text: str, most: int | None) -> str:
    """Return an SMS as it is sent. Raises WordingError where it has too many parts."""
    text = wording.plain_spaces(text)
    parts = wording.segments(text) if most else 0
    if most and parts > most:
        raise WordingError(
            _("The SMS would take %(parts)s parts; its template allows %(most)s.")
            % {"parts": parts, "most": most}
        )
    return text


def recorded(draft: Draft, subject: str, text: str) -> tuple[str, str]:
    """Return subject and text as they are stored: without what opens something.

    A wording may turn an address to capitals or cut it, so that it is not found in the finished
    text: then the letter is written anew with masked values. Raises WordingError.
    """
    secrets = set(speech.addresses(draft.values))
    if not secrets:
        return subject, text
    kept = [subject, text]
    for url in secrets:
        kept = [part.replace(url, speech.hidden(url)) for part in kept]
    ends = [url.rstrip("/").rpartition("/")[2][:FEWEST_LEFT].lower() for url in secrets]
    if any(end and end in part.lower() for end in ends for part in kept):
        answer = next(POOL.ask([draft.job(speech.masked(draft.values))]))
        return composed(draft, answer)[:2]
    return kept[0], kept[1]


def sample(notice: Notice, version: TemplateVersion, *, at: datetime) -> tuple[str, str]:
    """Return subject and text of a notice as they would be sent, without its personal link.

    Raises WordingError.
    """
    message = Message(
        notice=notice, wording=version, channel=version.channel, language=version.language
    )
    phrases = phrases_of([version.language], day=at.date())
    link = f"{settings.PUBLIC_URL}/s/x"
    draft = drafted(message, link, phrases, charts_of([message]))
    if isinstance(draft, Unwritten):
        raise WordingError(draft.reason)
    answer = next(POOL.ask([draft.job(speech.masked(draft.values))]))
    return composed(draft, answer)[:2]


def values_of(message: Message, link: str) -> dict[str, Any]:
    notice = message.notice
    return {
        **notice.values,
        "name": notice.client.first_name,
        "issuer": settings.ISSUER_NAME,
        "why": why(notice.template.purpose, message.language),
        LINK: {"url": link} if link else None,
    }


def zone_of(client: Client) -> str:
    """Name the zone of the client's clock; one that nobody knows stops no message."""
    zone = time_zone(client.time_zone)
    return client.time_zone if zone else settings.DEFAULT_CLIENT_TIME_ZONE


def one_line(subject: str) -> str:
    subject = " ".join(subject.split())
    if len(subject) > SUBJECT_LIMIT:
        raise WordingError(f"The subject is longer than {SUBJECT_LIMIT} characters.")
    return subject
