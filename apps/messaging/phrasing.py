"""Putting shared phrases into a template before it is read: one text, read once, from no file."""

import re
from collections.abc import Mapping
from html import escape

from apps.messaging.wording import WordingError

LEAD_IN, DISCLAIMER = "lead_in", "disclaimer"
PHRASE = re.compile(
    r"\{\{-?\s*(?:snippet\.(?P<named>[a-z0-9_]+)|(?P<own>lead_in|disclaimer))\s*-?\}\}"
    r"|\{%-?\s*render\s+['\"](?P<rendered>[a-z0-9_]+)['\"]\s*-?%\}"
)
TAG = re.compile(r"(\{\{.*?\}\}|\{%.*?%\})", re.DOTALL)


def snippets_in(*sources: str) -> set[str]:
    """Name the snippets that templates ask for."""
    return {
        name
        for source in sources
        for found in PHRASE.finditer(source)
        if (name := found["named"] or found["rendered"])
    }


def places(source: str) -> set[str]:
    """Say whether a template has a place of its own for the lead-in and the disclaimers."""
    return {found["own"] for found in PHRASE.finditer(source) if found["own"]}


def assembled(
    source: str, snippets: Mapping[str, str], own: Mapping[str, str], *, html: bool = False
) -> str:
    """Put snippets, lead-in and disclaimers where a template asks for them. Raises WordingError.

    `own` has the lead-in and the disclaimers; without a text their place stays empty.
    """

    def phrase(found: re.Match[str]) -> str:
        if found["own"]:
            text = own.get(found["own"], "")
        else:
            name = found["named"] or found["rendered"]
            if name not in snippets:
                raise WordingError(f"There is no published snippet “{name}” in this language.")
            text = snippets[name]
        return as_html(text) if html else text

    return PHRASE.sub(phrase, source)


def as_html(text: str) -> str:
    """Write a phrase as HTML; its tags stay, their values are escaped when they are filled in."""
    return "".join(
        part if TAG.fullmatch(part) else escape(part).replace("\n", "<br>")
        for part in TAG.split(text)
    )
