"""The layout of a source's files: which of its columns means what, and how its cells are written."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from django.utils.translation import gettext as _
from phonenumbers import SUPPORTED_REGIONS

ENCODINGS = (
    "cp1250", "cp1251", "cp1252", "cp866", "iso8859-1", "iso8859-2", "iso8859-5",
    "koi8-r", "koi8-u", "utf-16-be", "utf-16-le",
)  # fmt: skip
DELIMITERS = (",", ";", "\t", "|")
DECIMALS = (".", ",")
THOUSANDS = ("", ",", ".", " ", "'")  # a blank stands for every kind of blank
CANONICAL_DAY = "YYYY-MM-DD"
SERIAL = "excel"  # days as the numbers that spreadsheets count them by

# Steps that change a cell before it is parsed; the value says whether a step takes an argument.
STEPS = {
    "upper": False,
    "lower": False,
    "digits": False,  # keeps digits and a plus at the beginning
    "phone_of": True,  # a phone as people of the country (RU) write it, without its code
    "prefix": True,  # puts the argument before a cell that is not empty
    "word": True,  # the n-th word, from the end where n is negative
    "words_from": True,  # the words from the n-th on
    "values": True,  # a table from what the file says to what the column knows
}

_DAY_PATTERN = re.compile(r"(?:(?:YYYY|MM?|DD?)[./\- ]?){3}(?:[T ]hh:mm(?::ss)?)?")

Step = tuple[str, Any]


class LayoutError(ValueError):
    """A layout that contradicts itself; each reason is a sentence."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__(" ".join(self.reasons))


@dataclass(frozen=True)
class Layout:
    """How one source writes its files. The empty layout is the documented form of ours.

    `columns` says for a column of ours from which header of the file it is taken: several columns may
    be taken from one header. Headers that are columns of ours already need no entry.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    transforms: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()  # headers left out on purpose
    ignores_others: bool = False  # and so is every header that is not known
    encoding: str = ""  # for bytes that are not UTF-8
    delimiter: str = ""  # unsaid, the one that yields the required header
    decimal: str = "."
    thousands: str = ""
    day: str = CANONICAL_DAY
    sheet: str = ""  # unsaid, the first
    skip_lines: int = 0  # lines above the one that names the columns

    def __post_init__(self) -> None:
        if reasons := list(_contradictions(self)):
            raise LayoutError(reasons)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Layout":
        """Return the layout that `to_json` wrote; raise LayoutError where it is none."""
        known = {each.name for each in fields(cls)}
        if unknown := sorted(said.keys() - known):
            raise LayoutError([_("A layout says nothing of “%s”.") % ", ".join(unknown)])
        values = dict(said)
        try:
            if "ignored" in values:
                values["ignored"] = frozenset(values["ignored"])
            if "transforms" in values:
                values["transforms"] = {
                    column: tuple(
                        (str(step[0]), step[1] if len(step) > 1 else None) for step in steps
                    )
                    for column, steps in values["transforms"].items()
                }
            return cls(**values)
        except (TypeError, AttributeError, IndexError, KeyError) as error:
            raise LayoutError([_("This is not the form of a layout.")]) from error

    def to_json(self) -> dict[str, Any]:
        """Return what differs from the empty layout, as plain JSON."""
        empty = Layout()
        said = {
            each.name: getattr(self, each.name)
            for each in fields(self)
            if getattr(self, each.name) != getattr(empty, each.name)
        }
        if "ignored" in said:
            said["ignored"] = sorted(self.ignored)
        for name in ("columns", "constants"):
            if name in said:
                said[name] = dict(said[name])
        if "transforms" in said:
            said["transforms"] = {
                column: [
                    [name] if argument is None else [name, argument] for name, argument in steps
                ]
                for column, steps in self.transforms.items()
            }
        return said


def _contradictions(layout: Layout) -> Iterable[str]:
    """Yield a sentence for everything in a layout that cannot be meant."""
    for column in sorted(layout.columns.keys() & layout.constants.keys()):
        yield (
            _("“%s” is taken from the file and is a constant too; leave one of them out.") % column
        )
    for header in sorted(set(layout.columns.values()) & layout.ignored):
        yield _("The file's column “%s” is left out and used too; decide for one.") % header
    yield from _format_contradictions(layout)
    for column, steps in sorted(layout.transforms.items()):
        for name, argument in steps:
            if reason := _step_contradiction(name, argument):
                yield f"{column}: {reason}"


def _format_contradictions(layout: Layout) -> Iterable[str]:
    if layout.encoding and layout.encoding not in ENCODINGS:
        yield _("“%(name)s” is none of the encodings: %(known)s.") % {
            "name": layout.encoding,
            "known": ", ".join(ENCODINGS),
        }
    if layout.delimiter and layout.delimiter not in DELIMITERS:
        yield _("Columns are separated by a comma, a semicolon, a tab or a bar.")
    if layout.decimal not in DECIMALS:
        yield _("Decimals stand behind a point or a comma.")
    if layout.thousands not in THOUSANDS:
        yield _("Thousands are set off by a comma, a point, a blank, an apostrophe or nothing.")
    elif layout.thousands == layout.decimal:
        yield _("Thousands and decimals cannot be set off by the same sign.")
    if not _is_day_pattern(layout.day):
        yield (
            _(
                "“%s” is no way to write days that can be read exactly: use YYYY, MM and DD once each,"
                " like DD.MM.YYYY."
            )
            % layout.day
        )
    if not 0 <= layout.skip_lines <= 100:
        yield _("At most 100 lines may stand above the names of the columns.")


def _is_day_pattern(pattern: str) -> bool:
    if pattern == SERIAL:
        return True
    parts = re.findall(r"YYYY|MM?|DD?", pattern)
    return bool(_DAY_PATTERN.fullmatch(pattern)) and sorted(part[0] for part in parts) == [*"DMY"]


def _step_contradiction(name: str, argument: Any) -> str:
    if name not in STEPS:
        return _("There is no transform “%(name)s”; there are: %(known)s.") % {
            "name": name,
            "known": ", ".join(STEPS),
        }
    if (argument is not None) != STEPS[name]:
        return _("The transform “%s” lacks its argument, or has one too many.") % name
    if name in ("word", "words_from") and (type(argument) is not int or not argument):
        return _("The transform “%s” needs the number of a word, like 1 or -1.") % name
    if name == "prefix" and not isinstance(argument, str):
        return _("The transform “%s” needs a text.") % name
    return _argument_contradiction(name, argument)


def _argument_contradiction(name: str, argument: Any) -> str:
    if name == "values" and not _is_table(argument):
        return _("The transform “%s” needs a table of texts.") % name
    if name == "phone_of" and argument not in SUPPORTED_REGIONS:
        return _("The transform “%s” needs the two letters of a country, like RU.") % name
    return ""


def _is_table(argument: Any) -> bool:
    return isinstance(argument, Mapping) and all(
        isinstance(text, str) for pair in argument.items() for text in pair
    )
