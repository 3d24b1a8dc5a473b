"""E-mail designs: a marketer's MJML becomes HTML that mail programs show, and a plain-text twin.

Runs in the child process only: a design that breaks the compiler breaks nothing else. What is
Liquid in it passes as opaque words that neither compiler reads.
"""

import re
from collections.abc import Iterable, Sequence
from html.parser import HTMLParser

import css_inline
import mrml

from apps.messaging.wording import WordingError, tidy

LARGEST = 60_000  # characters of MJML; what it becomes is about three times as long
LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
TOKEN = re.compile(r"q7tag\d+x")
ALONE = re.compile(r"(?<=>)(?:\s*q7tag\d+x)+\s*(?=<)")
# Mail programs throw these away or warn of them; an include would read a file.
FORBIDDEN = re.compile(
    r"<\s*(mj-include|script|iframe|object|embed|form|input|base|link|meta\s+http-equiv)\b"
    r"|\bon[a-z]+\s*=|javascript:",
    re.IGNORECASE,
)
DARK = (
    '<mj-raw><meta name="color-scheme" content="light dark">'
    '<meta name="supported-color-schemes" content="light dark"></mj-raw>'
)
INLINER = css_inline.CSSInliner(
    load_remote_stylesheets=False,
    keep_style_tags=True,  # rules for dark screens and narrow ones work only there
)


def compiled(mjml: str, language: str) -> tuple[str, str]:
    """Return a design as HTML and as plain text, both with their Liquid. Raises WordingError."""
    check(mjml)
    tags: list[str] = []

    def hide(found: re.Match[str]) -> str:
        tags.append(found[0])
        return token(len(tags) - 1)

    hidden = LIQUID.sub(hide, mjml)
    try:
        html = mrml.to_html(with_schemes(hidden)).content
    except (OSError, ValueError) as error:
        raise WordingError(f"The design cannot be read as MJML: {error}.") from error
    # Between rows of a table HTML has no room for words, but for comments.
    html = ALONE.sub(lambda found: TOKEN.sub(r"<!--\g<0>-->", found[0]), html)
    html = INLINER.inline(html.replace('lang="und"', f'lang="{language}"'))
    html = re.sub(rf"<!--({TOKEN.pattern})-->", r"\1", html)
    lost = [tag for place, tag in enumerate(tags) if token(place) not in html]
    if lost:
        raise WordingError(
            f"MJML drops {lost[0][:60]} where it stands: put it inside <mj-text> or <mj-raw>."
        )
    if guards(TOKEN.findall(hidden), tags) != guards(TOKEN.findall(html), tags):
        raise WordingError(
            "HTML has no room for a part of the design where it stands, as between rows of a table: "
            "put it inside <mj-text>."
        )
    return shown(html, tags), shown(plain(html), tags)


def guards(tokens: Iterable[str], tags: Sequence[str]) -> dict[str, int]:
    """Return after how many blocks each piece of Liquid stands: a value stays in its loop."""
    found: dict[str, int] = {}
    blocks = 0
    for one in tokens:
        if one not in found:
            found[one] = blocks
            blocks += tags[int(one.removeprefix("q7tag").removesuffix("x"))].startswith("{%")
    return found


def check(mjml: str) -> None:
    if len(mjml) > LARGEST:
        raise WordingError(f"The design is longer than {LARGEST} characters.")
    if re.search(r"q7tag\d", mjml):
        raise WordingError("The design holds words that only we use.")
    if found := FORBIDDEN.search(LIQUID.sub("", mjml)):
        raise WordingError(f"A design cannot hold “{found[0].strip()}”: mail programs refuse it.")


def with_schemes(mjml: str) -> str:
    """Tell mail programs that the design knows dark screens."""
    if "<mj-head>" in mjml:
        return mjml.replace("<mj-head>", f"<mj-head>{DARK}", 1)
    return re.sub(r"(<mjml\b[^>]*>)", rf"\1<mj-head>{DARK}</mj-head>", mjml, count=1)


def token(place: int) -> str:
    return f"q7tag{place}x"


def shown(text: str, tags: list[str]) -> str:
    return re.sub(r"q7tag(\d+)x", lambda found: tags[int(found[1])], text)


class Plain(HTMLParser):
    """Reads HTML as somebody without pictures does: paragraphs, and addresses beside their words."""

    BLOCKS = frozenset({"p", "div", "tr", "table", "h1", "h2", "h3", "h4", "li", "ul", "ol", "br"})
    UNREAD = frozenset({"style", "script", "head", "title", "noscript"})

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.unread = 0
        self.address = ""

    def handle_starttag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag in self.UNREAD:
            self.unread += 1
        elif tag == "a":
            self.address = told.get("href") or ""
        elif tag == "img" and told.get("alt"):
            self.parts.append(f"\n\n{told['alt']}\n\n")
        elif tag in self.BLOCKS:
            self.parts.append("\n" if tag == "br" else "\n\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.UNREAD:
            self.unread -= 1
        elif tag == "a" and self.address:
            self.parts.append(f":\n\n{self.address}\n\n")
            self.address = ""
        elif tag in self.BLOCKS:
            self.parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self.unread:
            self.parts.append(re.sub(r"\s+", " ", data))


def plain(html: str) -> str:
    reader = Plain()
    reader.feed(re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL))
    text = re.sub(r"\n[ \t]+", "\n", "".join(reader.parts))
    return tidy(text)
