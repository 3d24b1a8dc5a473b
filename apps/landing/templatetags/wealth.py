"""How gains, units and their sources are written on clients' pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from operator import itemgetter

from django import template
from django.utils.translation import gettext as _

from apps.landing.templatetags.figures import day, exact, in_percent, money, written
from apps.products.queries.facts import Figure

register = template.Library()
MINUS, PLUS = "\u2212", "+"


@register.filter
def gain(value: Fraction | Decimal | None) -> str:
    """Write a gain in percent with its sign; what is not known says so."""
    if value is None:
        return _("not known")
    return sign(value) + in_percent(max(value, -value), 2, ROUND_HALF_EVEN, "#,##0.00")


@register.filter
def part(value: Fraction | Decimal) -> str:
    return in_percent(value, 1, ROUND_HALF_EVEN, "0.#")


@register.filter
def signed(amount: int | None, currency: str) -> str:
    """Write minor units as money that was won or lost."""
    if amount is None:
        return _("not known")
    return sign(amount) + money(abs(amount), currency)


@register.filter
def units(value: Decimal) -> str:
    return written(exact(value, 8, ROUND_HALF_EVEN), "#,##0.########")


@register.filter
def told(figure: Figure[object]) -> str:
    """Say as of when a figure holds, or why it is not known."""
    if figure.value is None:
        return figure.detail
    return _("as of %(day)s") % {"day": day(figure.as_of)}


@dataclass(frozen=True)
class Drawing:
    """A line of values as an SVG path in a box of 600 by 120, and what the words beside it say."""

    path: str
    first: tuple[date, int]
    last: tuple[date, int]
    lowest: tuple[date, int]
    highest: tuple[date, int]


@register.filter
def drawing(course: Sequence[tuple[date, int]] | None) -> Drawing | None:
    """Draw the course of an account's value; fewer than two days make no line."""
    if not course or len(course) < 2:
        return None
    first, last = course[0], course[-1]
    lowest, highest = min(course, key=itemgetter(1)), max(course, key=itemgetter(1))
    days, span = (last[0] - first[0]).days, highest[1] - lowest[1]
    points = (
        (600 * (day - first[0]).days / days, 118 - 116 * (value - lowest[1]) / (span or 1))
        for day, value in course
    )
    return Drawing(
        "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points), first, last, lowest, highest
    )


def sign(value: Fraction | Decimal | int) -> str:
    return MINUS if value < 0 else PLUS if value > 0 else ""
