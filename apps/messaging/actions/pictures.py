"""The pictures that letters show: one of each result and language for all of its holders."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import resvg_py
from django.utils import translation
from django.utils.translation import gettext as _

from apps.messaging import drawing, speech
from apps.messaging.channels import Picture
from apps.messaging.models.outbox import Message
from apps.products.models.strategies import ObservationResult

FONTS = sorted(str(path) for path in (Path(__file__).parents[1] / "fonts").glob("*.ttf"))
CHART = "chart"
SHARPNESS = 2  # pixels of the picture for one of the letter: screens have two or three


@dataclass(frozen=True)
class Chart:
    """A picture and its words for those who do not see it."""

    picture: Picture
    words: str


def charts_of(messages: Iterable[Message]) -> dict[tuple[int, str], Chart]:
    """Return the charts that messages ask for, by result and language; one query."""
    asked = {
        (message.notice.result_id, message.language)
        for message in messages
        if message.notice.result_id and CHART in message.wording.html
    }
    if not asked:
        return {}
    results = results_of({result for result, _language in asked})
    return {(pk, language): chart(results[pk], language) for pk, language in asked if pk in results}


def results_of(pks: Collection[int]) -> dict[int, "Shown"]:
    rows = ObservationResult.objects.filter(pk__in=pks).select_related("observation")
    return {
        row.pk: Shown(row.pk, row.observation.valuation_on.isoformat(), shares_of(row))
        for row in rows
        if row.levels
    }


@dataclass(frozen=True)
class Shown:
    """What is drawn of a result; it never changes, a correction is another result."""

    pk: int
    day: str
    shares: tuple[tuple[str, str, str | None, bool], ...]  # name, level, barrier, met


def shares_of(result: ObservationResult) -> tuple[tuple[str, str, str | None, bool], ...]:
    return tuple(
        (share["name"], share["level"], share["barrier"], bool(share["met"]))
        for share in result.levels.values()
    )


@lru_cache(maxsize=256)
def chart(shown: Shown, language: str) -> Chart:
    """Draw a result: 15 ms, kept for all who hold the strategy."""
    shares = [
        drawing.Share(
            name=name,
            level=Decimal(level),
            barrier=None if barrier is None else Decimal(barrier),
            is_met=is_met,
            words=speech.percent(Decimal(level), language),
            barrier_words="" if barrier is None else speech.percent(Decimal(barrier), language),
        )
        for name, level, barrier, is_met in shown.shares
    ]
    with translation.override(language):
        day = speech.spoken({"date": shown.day}, language)
        words = drawing.Words(
            title=_("Shares on %(day)s, of their initial price") % {"day": day},
            barrier=_("barrier"),
        )
    png = resvg_py.svg_to_bytes(
        svg_string=drawing.drawn(shares, words),
        skip_system_fonts=True,
        font_files=FONTS,
        zoom=SHARPNESS,
    )
    return Chart(Picture(cid=CHART, content=bytes(png)), drawing.told(shares, words))
