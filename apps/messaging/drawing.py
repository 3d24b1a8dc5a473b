"""The chart of an e-mail: each share's level against its barrier, as SVG. Values in, text out."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape

WIDTH, ROW, TOP, BOTTOM = 560, 46, 46, 34
LEFT, RIGHT = 150, 470  # where bars begin, and where the highest level ends
INK, QUIET, GRID, BARRIER = "#1c222b", "#5b6472", "#e2e5ea", "#b3261e"
MET, MISSED = "#12795f", "#b0721a"
NAME_LENGTH = 18  # letters that fit left of the bars


@dataclass(frozen=True)
class Share:
    """What a share showed, as fractions of its initial price."""

    name: str
    level: Decimal
    barrier: Decimal | None
    is_met: bool
    words: str  # the level as the reader reads it
    barrier_words: str = ""


@dataclass(frozen=True)
class Words:
    title: str
    barrier: str


def drawn(shares: Sequence[Share], words: Words) -> str:
    """Draw one bar a share, from nothing to its level, and a mark where its barrier stands."""
    height = TOP + ROW * len(shares) + BOTTOM
    top = max([Decimal("1.1"), *(share.level for share in shares)])
    scale = Decimal(RIGHT - LEFT) / top
    rows = "".join(row(share, TOP + ROW * place, scale) for place, share in enumerate(shares))
    start = LEFT + int(scale)  # where the initial price stands
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" font-family="Inter">'
        f'<rect width="{WIDTH}" height="{height}" rx="10" fill="#ffffff"/>'
        f'<text x="20" y="29" font-size="15" font-weight="600" fill="{INK}">{escape(words.title)}'
        f'</text><line x1="{start}" x2="{start}" y1="{TOP}" y2="{height - BOTTOM}" stroke="{GRID}" '
        f'stroke-width="2"/>{rows}'
        f'<text x="{start}" y="{height - 12}" font-size="12" text-anchor="middle" fill="{QUIET}">'
        f"100%</text>{legend(shares, words, height)}</svg>"
    )


def row(share: Share, y: int, scale: Decimal) -> str:
    end = LEFT + max(2, int(share.level * scale))
    colour = MET if share.is_met else MISSED
    mark = ""
    if share.barrier is not None:
        at = LEFT + int(share.barrier * scale)
        mark = (
            f'<line x1="{at}" x2="{at}" y1="{y + 5}" y2="{y + 41}" stroke="{BARRIER}" '
            'stroke-width="3"/>'
        )
    return (
        f'<text x="{LEFT - 12}" y="{y + 28}" font-size="14" text-anchor="end" fill="{INK}">'
        f"{escape(short(share.name))}</text>"
        f'<rect x="{LEFT}" y="{y + 12}" width="{end - LEFT}" height="22" rx="4" fill="{colour}"/>'
        f'{mark}<text x="{WIDTH - 16}" y="{y + 28}" font-size="14" font-weight="600" '
        f'text-anchor="end" fill="{INK}">{escape(share.words)}</text>'
    )


def legend(shares: Sequence[Share], words: Words, height: int) -> str:
    if all(share.barrier is None for share in shares):
        return ""
    y = height - 16
    return (
        f'<line x1="20" x2="20" y1="{y - 9}" y2="{y + 5}" stroke="{BARRIER}" stroke-width="3"/>'
        f'<text x="30" y="{height - 12}" font-size="12" fill="{QUIET}">{escape(words.barrier)}</text>'
    )


def short(name: str) -> str:
    return name if len(name) <= NAME_LENGTH else name[: NAME_LENGTH - 1].rstrip() + "…"


def told(shares: Sequence[Share], words: Words) -> str:
    """Say in words what the picture shows."""
    parts = [
        f"{share.name} {share.words}"
        + (f" ({words.barrier} {share.barrier_words})" if share.barrier_words else "")
        for share in shares
    ]
    return f"{words.title}: {', '.join(parts)}."
