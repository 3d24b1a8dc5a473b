"""What is wrong with a template, in a marketer's words; Liquid speaks to programmers. Pure.

A fault is words with places, so that whoever shows it can say it in the reader's language.
"""

import re
from collections.abc import Mapping

from liquid.exceptions import (
    BlockNestingError,
    ContextDepthError,
    FilterArgumentError,
    LiquidError,
    LiquidSyntaxError,
    LocalNamespaceLimitError,
    LoopIterationLimitError,
    OutputStreamLimitError,
    UndefinedError,
    UnknownFilterError,
)

NEAR = 40  # characters of the line that is shown

Fault = tuple[str, Mapping[str, object]]


def gettext_noop(words: str) -> str:
    """Mark words; they are translated where Django is."""
    return words


DEEP = gettext_noop("The template is nested too deeply.")
MISUSED = gettext_noop(
    "The text cannot be written: a filter or a loop is given what it cannot take."
)
LIMITS: Mapping[type[LiquidError], str] = {
    BlockNestingError: DEEP,
    ContextDepthError: DEEP,
    LoopIterationLimitError: gettext_noop(
        "The text cannot be written: it repeats something too often."
    ),
    OutputStreamLimitError: gettext_noop("The text cannot be written: it becomes too long."),
    LocalNamespaceLimitError: gettext_noop("The text cannot be written: it keeps too much aside."),
}
# What Liquid says, and how a marketer reads it. The first that fits.
SYNTAX = [
    (r"expected '(?P<what>\}\}|%\})'", gettext_noop(
        "The template cannot be read: “%(what)s” is missing in line %(line)s, after “%(near)s”.")),
    (r"expected tag end(?P<what>\w+)", gettext_noop(
        "The template cannot be read: “%(what)s” is begun and nowhere ended by “end%(what)s”.")),
    (r"unexpected tag 'end(?P<what>\w+)'", gettext_noop(
        "The template cannot be read: “end%(what)s” in line %(line)s ends nothing.")),
    (r"unexpected tag '(?P<what>\w+)'", gettext_noop(
        "The template cannot be read: there is no “%(what)s”, in line %(line)s.")),
    (r"", gettext_noop("The template cannot be read: line %(line)s, near “%(near)s”.")),
]  # fmt: skip


def fault_of(error: LiquidError) -> Fault:
    """Say what an error of Liquid's means, with what stands in the places of the words."""
    message = str(error.message)  # may be another error
    found = re.search(r"'(.+?)'", message)
    said = {"name": found[1]} if found else {}
    match error:
        case UndefinedError() if said:
            return gettext_noop("The text cannot be written: there is no value “%(name)s”."), said
        case UnknownFilterError() if said:
            return gettext_noop("The text cannot be written: there is no filter “%(name)s”."), said
        case FilterArgumentError() if "“" in message:  # our own words
            return gettext_noop("The text cannot be written: %(why)s"), {"why": message}
        case LiquidSyntaxError():
            return syntax(error)
    return LIMITS.get(type(error), MISUSED), {}


def syntax(error: LiquidError) -> Fault:
    line, near = 1, ""
    if context := error.context():
        line, _column, _before, current, _after = context
        near = current.strip()[:NEAR]
    for pattern, words in SYNTAX:
        if found := re.search(pattern, str(error.message)):
            return words, {"line": line, "near": near, **found.groupdict()}
    return MISUSED, {}
