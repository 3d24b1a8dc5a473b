"""How gains, units and their sources are written on clients' pages."""

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

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


def sign(value: Fraction | Decimal | int) -> str:
    return MINUS if value < 0 else PLUS if value > 0 else ""
