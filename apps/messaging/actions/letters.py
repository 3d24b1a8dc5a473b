"""Writing a message's letter: its wording filled with its values, in its language and channel."""

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.messaging import wording
from apps.messaging.channels import Letter
from apps.messaging.models.content import TemplateVersion
from apps.messaging.models.outbox import Message, Notice
from apps.profiles.models import Channel, Purpose

SUBJECT_LIMIT = 300  # of the column that keeps it
LINK = "link"  # the value that is the client's personal link
BUTTONS = {LINK: gettext_lazy("Open my page")}
OTHER_BUTTON = gettext_lazy("Confirm")


def wants_link(message: Message) -> bool:
    """Say whether the wording takes the personal link. Raises WordingError."""
    version = message.wording
    return LINK in {*wording.used(version.subject), *wording.used(version.body)}


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
    return fill(message, wording.masked(values_of(message, link)))


def sample(notice: Notice, version: TemplateVersion) -> tuple[str, str]:
    """Return subject and text of a notice as they would be sent, without its personal link.

    Raises WordingError.
    """
    message = Message(
        notice=notice, wording=version, channel=version.channel, language=version.language
    )
    return fill(message, wording.masked(values_of(message, f"{settings.PUBLIC_URL}/s/x")))


def values_of(message: Message, link: str) -> dict[str, Any]:
    return {
        **message.notice.values,
        "name": message.notice.client.first_name,
        "issuer": settings.ISSUER_NAME,
        LINK: {"url": link} if link else None,
    }


def fill(message: Message, values: dict[str, Any]) -> tuple[str, str]:
    """Return subject and text."""
    spoken = wording.spoken(values, message.language)
    text = wording.render(message.wording.body, spoken)
    return (
        one_line(wording.render(message.wording.subject, spoken)),
        wording.plain_spaces(text) if message.channel == Channel.SMS else text,
    )


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
