"""A layout as the mapping's editor shows it, and the layout that its form brings back."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core.imports.layout import CANONICAL_DAY, SERIAL, STEPS, Layout, LayoutError

Text = str | Promise

SLOTS = 2  # steps that a column offers; more where one of the layout's columns has more
SAME = "="  # the source of a column that has one value for every row
FROM = ">"  # before the header from which a column is taken

ENCODINGS: dict[str, Text] = {
    "": _("UTF-8"),
    "cp1251": _("Windows-1251 (Cyrillic)"),
    "cp1252": _("Windows-1252 (Western Europe)"),
    "cp1250": _("Windows-1250 (Central Europe)"),
    "cp866": _("DOS-866 (Cyrillic)"),
    "koi8-r": _("KOI8-R (Russian)"),
    "koi8-u": _("KOI8-U (Ukrainian)"),
    "iso8859-1": _("ISO 8859-1 (Western Europe)"),
    "iso8859-2": _("ISO 8859-2 (Central Europe)"),
    "iso8859-5": _("ISO 8859-5 (Cyrillic)"),
    "utf-16-le": _("UTF-16 (little endian)"),
    "utf-16-be": _("UTF-16 (big endian)"),
}
DELIMITERS: dict[str, Text] = {
    "": _("whatever the header says"),
    ",": _("a comma"),
    ";": _("a semicolon"),
    "\t": _("a tab"),
    "|": _("a bar"),
}
NUMBERS: dict[str, tuple[str, str]] = {  # as they read: decimal sign, thousands
    "1234.50": (".", ""),
    "1234,50": (",", ""),
    "1 234,50": (",", " "),
    "1.234,50": (",", "."),
    "1 234.50": (".", " "),
    "1,234.50": (".", ","),
    "1'234.50": (".", "'"),
}
DAYS: dict[str, Text] = {
    CANONICAL_DAY: "2024-03-31",
    "DD.MM.YYYY": "31.03.2024",
    "DD/MM/YYYY": "31/03/2024",
    "MM/DD/YYYY": "03/31/2024",
    "D.M.YYYY": _("31.3.2024 (no zeros)"),
    "DD-MM-YYYY": "31-03-2024",
    "YYYY/MM/DD": "2024/03/31",
    "YYYYMMDD": "20240331",
    SERIAL: _("45382 (a spreadsheet's number)"),
}
STEP_NAMES: dict[str, Text] = {
    "": _("as it is"),
    "digits": _("digits only"),
    "upper": _("in capitals"),
    "lower": _("in small letters"),
    "word": _("the word number …"),
    "words_from": _("all from word number …"),
    "phone_of": _("a phone of the country (RU): …"),
    "prefix": _("with this before it: …"),
    "values": _("translated: …"),
}


@dataclass(frozen=True)
class Option:
    value: str
    label: Text
    chosen: bool


@dataclass(frozen=True)
class Slot:
    """One step of a column: which, and its argument as a person writes it."""

    options: list[Option]
    argument: str


@dataclass(frozen=True)
class Header:
    """A column of the file: some of its cells, and what it is of ours."""

    name: str
    samples: Sequence[str]
    options: list[Option]
    slots: list[Slot]
    is_used: bool


@dataclass(frozen=True)
class Other:
    """A column of ours that no header of the file is; it may still be made of one."""

    name: str
    needed: bool
    options: list[Option]
    constant: str
    slots: list[Slot]

    @property
    def is_said(self) -> bool:
        return not self.options[0].chosen


@dataclass
class Editor:
    """Everything that the form shows of a layout."""

    headers: list[Header] = field(default_factory=list)
    others: list[Other] = field(default_factory=list)

    @property
    def needed(self) -> list[Other]:
        return [other for other in self.others if other.needed or other.is_said]

    @property
    def optional(self) -> list[Other]:
        return [other for other in self.others if not (other.needed or other.is_said)]


def editor(
    layout: Layout,
    *,
    headers: Mapping[str, Sequence[str]],
    columns: Mapping[str, bool],
    free: Iterable[str] = (),
) -> Editor:
    """Show a layout over a file's headers (with sample cells) and our columns (needed or not)."""
    # Header → the first column of ours that is made of it.
    said = layout.columns.keys() | layout.ignored
    taken = {name: name for name in headers if name in columns and name not in said}
    for column, header in layout.columns.items():
        if header in headers:
            taken.setdefault(header, column)
    shown = Editor()
    for name, samples in headers.items():
        column = taken.get(name, "")
        shown.headers.append(
            Header(
                name,
                samples,
                _column_options(name, column, columns, free),
                _slots(layout, column),
                bool(column),
            )
        )
    for column, needed in columns.items():
        if column not in taken.values():
            shown.others.append(_other(column, needed, layout, list(headers)))
    return shown


def _column_options(
    header: str, column: str, columns: Iterable[str], free: Iterable[str]
) -> list[Option]:
    options = [Option("", _("– left out –"), not column)]
    options += [Option(name, name, name == column) for name in columns]
    own = re.sub(r"[^\w.-]+", "_", header).strip("_").lower()[:60]
    for prefix in free:
        name = column if column.startswith(prefix) else f"{prefix}{own}"
        options.append(Option(name, name, name == column))
    return options


def _other(column: str, needed: bool, layout: Layout, headers: list[str]) -> Other:  # noqa: FBT001
    header, constant = layout.columns.get(column), layout.constants.get(column)
    options = [
        Option("", _("– says nothing –"), header is None and constant is None),
        Option(SAME, _("the same for every row: …"), constant is not None),
    ]
    options += [
        Option(FROM + name, gettext("from “%s”") % name, name == header) for name in headers
    ]
    return Other(column, needed, options, constant or "", _slots(layout, column))


def _slots(layout: Layout, column: str) -> list[Slot]:
    """Return a column's steps, as many as every other has: the form's lists stay side by side."""
    most = max(SLOTS, *map(len, layout.transforms.values()), 0)
    steps = layout.transforms.get(column, ())
    return [
        Slot(
            [Option(key, label, key == name) for key, label in STEP_NAMES.items()], _said(argument)
        )
        for name, argument in (*steps, *[("", None)] * (most - len(steps)))
    ]


def steps_of(layout: Layout, column: str) -> str:
    """Say how the cells of a column are changed before they are read."""
    steps = layout.transforms.get(column, ())
    return ", ".join(f"{STEP_NAMES[name]} {_said(argument)}".strip() for name, argument in steps)


def _said(argument: Any) -> str:
    if isinstance(argument, Mapping):
        return "; ".join(f"{file} = {ours}" for file, ours in argument.items())
    return "" if argument is None else str(argument)


def formats(layout: Layout) -> dict[str, list[Option]]:
    """Return the choices of how a file is written, with those of the layout chosen."""
    number = next(
        (text for text, signs in NUMBERS.items() if signs == (layout.decimal, layout.thousands)),
        "1234.50",
    )
    days = DAYS if layout.day in DAYS else {layout.day: layout.day, **DAYS}
    return {
        "encoding": _options(ENCODINGS, layout.encoding),
        "delimiter": _options(DELIMITERS, layout.delimiter),
        "number": _options({text: text for text in NUMBERS}, number),
        "day": _options(days, layout.day),
    }


def written(layout: Layout) -> str:
    """Say how a source writes its files."""
    said = gettext("Letters: %(encoding)s · numbers like %(number)s · days like %(day)s")
    return said % {
        name: next(option.label for option in options if option.chosen)
        for name, options in formats(layout).items()
    }


def _options(labels: Mapping[str, Text], chosen: str) -> list[Option]:
    return [Option(value, label, value == chosen) for value, label in labels.items()]


def posted_layout(said: QueryDict) -> Layout:
    """Return the layout that a form brought; raise LayoutError with every reason against it."""
    posted = _Posted()
    for header, column, *step in _lines(said, "header", "column", "step"):
        posted.take_header(header, column, step)
    for column, source, constant, *step in _lines(said, "ours", "source", "constant", "ours_step"):
        posted.take_other(column, source, constant.strip(), step)
    transforms = posted.transforms()
    if posted.reasons:
        raise LayoutError(posted.reasons)
    decimal, thousands = NUMBERS.get(said.get("number", ""), (".", ""))
    lines = said.get("skip_lines", "").strip() or "0"
    return Layout(
        columns=posted.columns,
        constants=posted.constants,
        transforms=transforms,
        ignored=frozenset(posted.ignored - set(posted.columns.values())),
        ignores_others="ignores_others" in said,
        encoding=said.get("letters") or said.get("encoding", ""),
        delimiter=said.get("delimiter", ""),
        decimal=decimal,
        thousands=thousands,
        day=said.get("day", CANONICAL_DAY),
        sheet=said.get("sheet", "").strip(),
        skip_lines=int(lines) if lines.isdecimal() else -1,
    )


@dataclass
class _Posted:
    """What the lines of the form's two tables say, and what contradicts itself in them."""

    columns: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    steps: dict[str, list[str]] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)
    reasons: list[str] = field(default_factory=list)

    def take_header(self, header: str, column: str, step: list[str]) -> None:
        if not column:
            self.ignored.add(header)
        elif column in self.columns:
            reason = gettext(
                "“%(column)s” is taken from two columns of the file: “%(one)s” and “%(two)s”."
            )
            names = {"column": column, "one": self.columns[column], "two": header}
            self.reasons.append(reason % names)
        else:
            self.columns[column], self.steps[column] = header, step

    def take_other(self, column: str, source: str, constant: str, step: list[str]) -> None:
        if column in self.columns:
            return  # a header has become it since the page was made
        if source == SAME:
            self.constants[column], self.steps[column] = constant, step
        elif source.startswith(FROM):
            self.columns[column], self.steps[column] = source.removeprefix(FROM), step

    def transforms(self) -> dict[str, tuple[tuple[str, Any], ...]]:
        found = {}
        for column, step in self.steps.items():
            try:
                found[column] = _steps(step)
            except ValueError as error:
                self.reasons.append(f"{column}: {error}")
        return {column: steps for column, steps in found.items() if steps}


def _lines(said: QueryDict, *names: str) -> Iterable[tuple[str, ...]]:
    """Yield the lines of a table of the form; its last name stands for the slots of steps."""
    *cells, step = names
    slots = sorted({name for name in said if re.fullmatch(rf"{step}\d+", name)})
    asked = [*cells, *(f"{kind}{name}" for name in slots for kind in ("", "argument_"))]
    return zip(*(said.getlist(name) for name in asked), strict=False)


def _steps(said: Sequence[str]) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (name, _argument(name, argument))
        for name, argument in zip(said[::2], said[1::2], strict=True)
        if name
    )


def _argument(name: str, text: str) -> Any:
    if not STEPS.get(name):
        return None
    if name in ("word", "words_from"):
        if not re.fullmatch(r"-?[1-9][0-9]?", text.strip()):
            raise ValueError(gettext("say which word, like 1, 2, or -1 for the last one."))
        return int(text)
    if name == "phone_of":
        return text.strip().upper()
    return _table(text) if name == "values" else text


def _table(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(";") if pair.strip()]
    if not pairs or any(not sign for _left, sign, _right in pairs):
        raise ValueError(
            gettext("write what the file says and what is meant: ja = yes; nein = no.")
        )
    return {left.strip(): right.strip() for left, _sign, right in pairs}
