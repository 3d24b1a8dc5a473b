"""What a message says: marketers' Liquid under limits, values spoken in the reader's language.

Templates get ready strings: money, dates and levels are written for the language beforehand, and
a filter may write them another way. A wording holds no arithmetic. A missing value is an error and
never a blank.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, wraps
from typing import Any

from liquid import BoundTemplate, Environment, FalsyStrictUndefined, RenderContext
from liquid.ast import Node
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.exceptions import FilterArgumentError, LiquidError
from liquid.expression import Expression

from apps.messaging import filters
from apps.messaging.faults import DEEP, MISUSED, fault_of
from apps.messaging.quick import Quick

SOURCE_LIMIT = 20_000  # characters of a template; the longest letter of ours has 1,000
HTML_LIMIT = 200_000  # characters of compiled HTML; mail programs cut letters at 100 KB
TEXT_LIMIT = 20_000  # characters that a filter may take or make
TAGS = {
    "#", "assign", "break", "capture", "case", "comment", "content", "continue", "for", "if",
    "illegal", "output", "unless",
}  # fmt: skip
FILTERS = {
    "append", "capitalize", "default", "downcase", "first", "join", "last", "prepend", "size",
    "strip", "truncate", "upcase",
}  # fmt: skip


# What Liquid lets through besides errors of its own: {% for share in shares limit: -3 %}.
MISUSE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


EMPTY: tuple[object, ...] = (None, "", [], {})


class WordingError(Exception):
    """A template that cannot be read, or a value that it needs and does not have.

    `said` stands in the places of the words, which whoever shows them may translate.
    """

    def __init__(self, words: str, said: Mapping[str, object] | None = None) -> None:
        super().__init__(words % said if said else words)
        self.words, self.said = words, said or {}


class Missing(FalsyStrictUndefined):
    """A value that is not there: an `if` takes it as false, anything else stops the message."""

    force_liquid_default = True  # {{ x | default: "…" }} is the author's explicit answer


class Limited(Environment):
    """Liquid without files, arithmetic, ranges and HTML marks, and with an end to everything."""

    block_nesting_limit = 10
    context_depth_limit = 10
    loop_iteration_limit = 1_000
    local_namespace_limit = 50_000
    output_stream_limit = 50_000

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        self.tags = {name: tag for name, tag in self.tags.items() if name in TAGS}
        known = {**self.filters, **filters.FILTERS}
        self.filters = {name: capped(known[name]) for name in (*FILTERS, *filters.FILTERS)}


def capped(function: Callable[..., object]) -> Callable[..., object]:
    """Refuse what a filter should neither take nor make."""

    @wraps(function)
    def wrapper(*args: object, **options: object) -> object:
        check_size(*args)
        made = function(*args, **options)
        check_size(made)
        return made

    return wrapper


def check_size(*values: object) -> None:
    for value in values:
        if isinstance(value, str | list | tuple) and len(value) > TEXT_LIMIT:
            raise FilterArgumentError("a text is too long", token=None)


class Page(Limited):
    """The same for HTML: longer, and every value is escaped."""

    output_stream_limit = HTML_LIMIT


ENVIRONMENT = Limited(undefined=Missing, strict_filters=True)
PAGE = Page(undefined=Missing, strict_filters=True, autoescape=True)


@lru_cache(maxsize=1_000)
def quick(source: str, html: bool = False) -> Quick:  # noqa: FBT001, FBT002
    return Quick(compiled(source, html))


@lru_cache(maxsize=1_000)
def compiled(source: str, html: bool = False) -> BoundTemplate:  # noqa: FBT001, FBT002
    """Read a template, once. Raises WordingError."""
    limit = HTML_LIMIT if html else SOURCE_LIMIT
    if len(source) > limit:
        raise WordingError(f"The template is longer than {limit} characters.")
    try:
        template = (PAGE if html else ENVIRONMENT).from_string(source)
        context = RenderContext(template)
        # A range of a billion numbers costs nothing to write and minutes to search.
        if any(isinstance(part, RangeLiteral) for part in parts(template.nodes, context)):
            raise WordingError("A template cannot count through a range.")
    except LiquidError as error:
        raise WordingError(*fault_of(error)) from error
    except MISUSE as error:
        raise WordingError(MISUSED) from error
    except RecursionError as error:
        raise WordingError(DEEP) from error
    return template


def parts(nodes: Iterable[Node], context: RenderContext) -> Iterator[Expression]:
    """Walk every expression of a parsed template."""
    for node in nodes:
        for expression in node.expressions():
            yield from inner_parts(expression)
        yield from parts(node.children(context), context)


def inner_parts(expression: Expression) -> Iterator[Expression]:
    yield expression
    for child in expression.children():
        yield from inner_parts(child)


def render(source: str, values: Mapping[str, object], language: str = "en") -> str:
    """Fill a template with values that are ready strings, lists and mappings of such.

    None and whatever is empty count as missing: a blank is no value. The language is that of
    plural forms. Raises WordingError.
    """
    return tidy(fill(source, {**given(values), filters.LANGUAGE: language}))


def fill(source: str, values: Mapping[str, object], *, html: bool = False) -> str:
    """Fill a template with values that `given` let through. Raises WordingError."""
    try:
        return quick(source, html).render(values)
    except LiquidError as error:
        raise WordingError(*fault_of(error)) from error
    except MISUSE as error:
        raise WordingError(MISUSED) from error
    except RecursionError as error:
        raise WordingError(DEEP) from error


def tidy(text: str) -> str:
    """Drop the empty lines that guards leave."""
    if " \n" in text or "\t\n" in text:
        text = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    if "\n\n\n" in text:
        text = re.sub(r"\n\n\n+", "\n\n", text)
    return text.strip()


def given(value: Any) -> Any:
    """Keep plain values only, so that a template reaches no object of ours; drop empty ones."""
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, Mapping):
        kept = {str(name): given(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in EMPTY}
    if isinstance(value, list | tuple):
        return [given(item) for item in value]
    raise WordingError(f"A value of type {type(value).__name__} cannot be written.")


@lru_cache(maxsize=1_000)
def roots(source: str, html: bool = False) -> frozenset[str]:  # noqa: FBT001, FBT002
    """Name the values that a template begins its paths with. Raises WordingError."""
    return frozenset(re.split(r"[.\[]", path)[0] for path in used(source, html=html))


def used(source: str, *, html: bool = False) -> list[str]:
    """Name the values that a template takes, like "amount" or "shares.name". Raises WordingError."""
    return sorted(compiled(source, html).global_variable_paths())


def check_filters(source: str, *, html: bool = False) -> None:
    """Refuse filters that nobody knows, also where no sample comes by. Raises WordingError."""
    template = compiled(source, html)
    known = template.env.filters
    for part in parts(template.nodes, RenderContext(template)):
        named = (*getattr(part, "filters", ()), *(getattr(part, "tail_filters", None) or ()))
        for one in named:
            if one.name not in known:
                every = ", ".join(sorted(known))
                raise WordingError(f"There is no filter “{one.name}”. There are {every}.")


# The GSM 03.38 alphabet: 7 bits a character; those of the extension cost two.
GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_EXTENSION = frozenset("\f^{}\\[~]|€")


def segments(text: str) -> int:
    """Count the SMS that a text is sent and paid as.

    One holds 160 GSM-7 septets or 70 UTF-16 units; each part of a longer text 153 or 67, and an
    escape sequence or a surrogate pair is never split (3GPP TS 23.038, 23.040).
    """
    if GSM_7.issuperset(set(text) - GSM_7_EXTENSION):
        costs = [2 if character in GSM_7_EXTENSION else 1 for character in text]
        single, part = 160, 153
    else:
        costs = [2 if ord(character) > 0xFFFF else 1 for character in text]
        single, part = 70, 67
    if sum(costs) <= single:
        return 1
    count, room = 1, part
    for cost in costs:
        if cost > room:
            count, room = count + 1, part
        room -= cost
    return count


def plain_spaces(text: str) -> str:
    """Replace the spaces that would turn a whole SMS into the costlier alphabet."""
    return re.sub("[\xa0\u2007\u2009\u202f]", " ", text)
