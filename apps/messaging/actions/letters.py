"""Writing a message's letter: its wording filled with its values, in its language and channel."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.messaging import speech, wording
from apps.messaging.channels import Letter
from apps.messaging.models.content import TemplateVersion
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.queries import wishes
from apps.profiles.models import Channel, Client, Purpose

SUBJECT_LIMIT = 300  # of the column that keeps it
LINK = "link"  # the value that is the client's personal link
BUTTONS = {LINK: gettext_lazy("Open my page")}
OTHER_BUTTON = gettext_lazy("Confirm")


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


def wants_link(message: Message) -> bool:
    """Say whether the wording takes the personal link. Raises WordingError."""
    version = message.wording
    return LINK in {*wording.used(version.subject), *wording.used(version.body)}


def write_all(
    messages: Iterable[Message],
    link_of: Mapping[int, str],
    *,
    at: datetime,  # noqa: ARG001 (disclaimers are of a date)
) -> Iterator[Ready | Unwritten]:
    """Write the letters of loaded messages, in their order; one that cannot be written fails alone.

    `link_of` has the personal link of each message that wants one, by its primary key.
    """
    for message in messages:
        link = link_of.get(message.pk or 0, "")
        try:
            yield Ready(message, write_letter(message, link), *write_record(message, link))
        except wording.WordingError as error:
            yield Unwritten(message, str(error))


def write_letter(message: Message, link: str) -> Letter:
    """Fill the wording of a loaded message; an empty link is a missing value.

    Raises WordingError.
    """
    values = values_of(message, link)
    subject, text = fill(message, values)
    letter = Letter(key=message.key, to=message.contact_point.address, subject=subject, text=text)
    if message.channel == Channel.SMS:
        return letter
    purpose = message.notice.template.purpose
    return replace(
        letter,
        html=write_html(message, letter, values),
        may_unsubscribe=purpose in {Purpose.DIGEST, Purpose.MARKETING},
    )


def write_record(message: Message, link: str) -> tuple[str, str]:
    """Return subject and text as they are stored: written anew, without what opens something.

    A wording may turn an address to capitals or cut it, so that it is not found in a finished text.
    """
    return fill(message, speech.masked(values_of(message, link)))


def sample(notice: Notice, version: TemplateVersion) -> tuple[str, str]:
    """Return subject and text of a notice as they would be sent, without its personal link.

    Raises WordingError.
    """
    message = Message(
        notice=notice, wording=version, channel=version.channel, language=version.language
    )
    return fill(message, speech.masked(values_of(message, f"{settings.PUBLIC_URL}/s/x")))


def values_of(message: Message, link: str) -> dict[str, Any]:
    return {
        **message.notice.values,
        "name": message.notice.client.first_name,
        "issuer": settings.ISSUER_NAME,
        LINK: {"url": link} if link else None,
    }


def fill(message: Message, values: dict[str, Any]) -> tuple[str, str]:
    """Return subject and text."""
    language = message.language
    try:
        spoken = speech.spoken(values, language, zone_of(message.notice.client))
    except speech.SpeechError as error:
        raise wording.WordingError(str(error)) from error
    text = wording.render(message.wording.body, spoken, language)
    return (
        one_line(wording.render(message.wording.subject, spoken, language)),
        wording.plain_spaces(text) if message.channel == Channel.SMS else text,
    )


def zone_of(client: Client) -> str:
    """Name the zone of the client's clock; one that nobody knows stops no message."""
    zone = wishes.time_zone(client.time_zone)
    return client.time_zone if zone else settings.DEFAULT_CLIENT_TIME_ZONE


def one_line(subject: str) -> str:
    subject = " ".join(subject.split())
    if len(subject) > SUBJECT_LIMIT:
        raise wording.WordingError(f"The subject is longer than {SUBJECT_LIMIT} characters.")
    return subject


def write_html(message: Message, letter: Letter, values: dict[str, Any]) -> str:
    """Dress the plain text as HTML, everything in it escaped; a lone address becomes a button."""
    buttons = {
        value["url"]: BUTTONS.get(name, OTHER_BUTTON)
        for name, value in values.items()
        if isinstance(value, dict) and "url" in value
    }
    with translation.override(message.language):
        paragraphs = [
            {"url": part, "label": buttons[part]} if part in buttons else {"text": part}
            for part in letter.text.split("\n\n")
        ]
        return render_to_string(
            "messaging/letter.html",
            {
                "language": message.language,
                "issuer": settings.ISSUER_NAME,
                "subject": letter.subject,
                "paragraphs": paragraphs,
                "why": why(message.notice.template.purpose),
            },
        )


def why(purpose: str) -> str:
    """Say why the client gets this."""
    reasons: dict[str, str] = {
        Purpose.SERVICE: _("You get this letter because you agreed to news about your contracts."),
        Purpose.DIGEST: _("You get this letter because you agreed to a monthly digest."),
        Purpose.MARKETING: _("You get this letter because you agreed to our offers."),
    }
    return reasons.get(purpose, _("You get this letter because this address was just given to us."))
