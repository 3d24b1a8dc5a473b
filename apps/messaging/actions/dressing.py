"""Dressing a plain letter as HTML in our own design; its frame is made once for each language."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from html import escape
from typing import Any
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.messaging.channels import Letter, unsubscribing
from apps.profiles.models import Purpose

BUTTONS = {"link": gettext_lazy("Open my page")}
TO_LEAVE = frozenset({Purpose.DIGEST, Purpose.MARKETING})  # of which one can be unsubscribed
OTHER_BUTTON = gettext_lazy("Confirm")
# Places in the frame: characters that no text has.
SUBJECT, PARAGRAPHS, TEXT, URL, LABEL = (chr(code) for code in range(0xF8F0, 0xF8F5))
# Stands in the letter until its key is known; in ASCII, since one other sign would double the letter.
WAY_OUT = mark_safe("<!-- way out -->")


def dressed(
    text: str, small: str, subject: str, values: Mapping[str, Any], language: str, purpose: str
) -> str:
    """Dress plain text, everything in it escaped; a lone address becomes a button."""
    frame, paragraph, button, print_ = frame_of(language, purpose, settings.ISSUER_NAME)
    head, middle, foot = frame
    before, after = paragraph.split(TEXT)
    labels = labels_of(values, language)
    parts = [
        button.replace(URL, part).replace(LABEL, escape(labels[part]))
        if part in labels
        else before + part.replace("\n", "<br>") + after
        for part in escape(text).split("\n\n")
    ]
    parts += [print_.replace(TEXT, lines(part)) for part in small.split("\n\n") if part]
    return "".join((head, escape(subject), middle, "\n".join(parts), foot))


def with_opening(html: str, key: UUID) -> str:
    """Put the picture at the end whose being asked for is noted as an opening."""
    address = f"{settings.PUBLIC_URL}/o/{key}.gif"
    dot = f'<img src="{address}" width="1" height="1" alt="" style="display:block;border:0">'
    return at_end(html, dot)


def with_way_out(letter: Letter) -> Letter:
    """Let a letter's reader unsubscribe by it, where his mail program has no button for that.

    Only a letter of which one can be unsubscribed; in the others there is no place for it.
    """
    if not letter.may_unsubscribe:
        return letter
    url, words = unsubscribing.url(letter.key), way_out(letter.language)
    link = f'<a href="{url}" class="small" style="color:#5b6472;">{escape(words)}</a>'
    if WAY_OUT in letter.html:
        html = letter.html.replace(WAY_OUT, link)
    else:
        html = at_end(letter.html, frame_of("en", "", "")[3].replace(TEXT, link))
    return replace(letter, html=html, text=f"{letter.text}\n\n{words}:\n{url}")


@lru_cache
def way_out(language: str) -> str:
    with translation.override(language):
        return _("Unsubscribe")


def with_small_print(html: str, small: str) -> str:
    """Put disclaimers that have no place of their own at the end of a design."""
    if not small:
        return html
    print_ = frame_of("en", "", "")[3]
    return at_end(html, "".join(print_.replace(TEXT, lines(part)) for part in small.split("\n\n")))


def at_end(html: str, added: str) -> str:
    before, end, after = html.rpartition("</body>")
    return f"{before}{added}{end}{after}" if end else html + added


def lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def labels_of(values: Mapping[str, Any], language: str) -> dict[str, str]:
    """Say what the button of each address, as HTML has it, is called."""
    urls = {
        name: value["url"]
        for name, value in values.items()
        if isinstance(value, dict) and "url" in value
    }
    return {escape(url): label(name, language) for name, url in urls.items()}


@lru_cache
def label(name: str, language: str) -> str:
    with translation.override(language):
        return str(BUTTONS.get(name, OTHER_BUTTON))


@lru_cache
def frame_of(language: str, purpose: str, issuer: str) -> tuple[list[str], str, str, str]:
    """Return the letter's HTML around subject and paragraphs, and that of each kind of paragraph."""
    with translation.override(language):
        frame = render_to_string(
            "messaging/letter.html",
            {
                "language": language,
                "issuer": issuer,
                "subject": SUBJECT,
                "paragraphs": PARAGRAPHS,
                "why": why(purpose, language),
                "way_out": WAY_OUT if purpose in TO_LEAVE else "",
            },
        )
    head, _subject, rest = frame.partition(SUBJECT)
    middle, _paragraphs, foot = rest.partition(PARAGRAPHS)
    parts = ("_paragraph", "_button", "_small_print")
    places = {"text": TEXT, "url": URL, "label": LABEL}
    paragraph, button, small = (
        render_to_string(f"messaging/{part}.html", places).strip() for part in parts
    )
    return [head, middle, foot], paragraph, button, small


@lru_cache
def why(purpose: str, language: str) -> str:
    """Say why the client gets this."""
    with translation.override(language):
        reasons: dict[str, str] = {
            Purpose.SERVICE: _(
                "You get this letter because you agreed to news about your contracts."
            ),
            Purpose.DIGEST: _("You get this letter because you agreed to a monthly digest."),
            Purpose.MARKETING: _("You get this letter because you agreed to our offers."),
        }
        other = _("You get this letter because this address was just given to us.")
        return reasons.get(purpose, other)
