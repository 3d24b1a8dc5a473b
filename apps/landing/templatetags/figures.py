"""How figures are written on clients' pages, in the language of the page."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from fractions import Fraction

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent
from django import template
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from apps.core import money as minor
from apps.products import charts
from apps.products.models.holdings import Payment
from apps.products.models.markets import CorporateAction
from apps.products.queries.facts import (
    Bound,
    Change,
    Figure,
    Holding,
    Observed,
    ObservedShare,
    Origin,
    Private,
    Share,
    Supposed,
)
from apps.products.scenarios import Case, Scenario
from apps.products.terms.sheet import Basket, BasketKind

register = template.Library()
NO_BREAK = "\u00a0"
PLACES = 8  # more than any figure is shown with
NAMED = 3  # shares that one sentence names


@dataclass(frozen=True, slots=True)
class Look:
    """How an outcome is shown: never by colour alone."""

    label: str | Promise
    tone: str
    icon: str


LOOKS = {
    "ACCRUED": Look(gettext_lazy("Accrued"), "is-good", "check"),
    "PARTIAL": Look(gettext_lazy("Paid in part"), "is-good", "check"),
    "GUARANTEED": Look(gettext_lazy("Guaranteed"), "is-good", "check"),
    "SAVED": Look(gettext_lazy("Saved"), "is-wait", "saved"),
    "LOST": Look(gettext_lazy("Not earned"), "is-bad", "cross"),
    "NONE": Look(gettext_lazy("No coupon"), "is-calm", "circle"),
    "CALLED": Look(gettext_lazy("Called early"), "is-call", "star"),
    "PLANNED": Look(gettext_lazy("Pending"), "is-calm", "circle"),
    "WAITING": Look(gettext_lazy("Waiting for prices"), "is-wait", "clock"),
    "DROPPED": Look(gettext_lazy("Did not take place"), "is-calm", "circle"),
    "published": Look(gettext_lazy("Running"), "is-good", "circle"),
    "called": Look(gettext_lazy("Called early"), "is-call", "star"),
    "matured": Look(gettext_lazy("Matured"), "is-calm", "flag"),
    "active": Look(gettext_lazy("Active"), "is-good", "circle"),
    "surrendered": Look(gettext_lazy("Surrendered"), "is-calm", "cross"),
    "applied": Look(gettext_lazy("Applied for"), "is-calm", "clock"),
    "lapsed": Look(gettext_lazy("Lapsed"), "is-calm", "cross"),
}


def locale() -> str:
    return (get_language() or "en").replace("-", "_")


def exact(value: Fraction | Decimal | int, places: int, rounding: str) -> Decimal:
    """Return a value with so many decimals; a fraction is divided far beyond them first."""
    if isinstance(value, Fraction):
        value = Decimal(value.numerator * 10 ** (2 * PLACES) // value.denominator).scaleb(
            -2 * PLACES
        )
    return Decimal(value).quantize(Decimal(1).scaleb(-places), rounding=rounding)


def written(number: Decimal, pattern: str) -> str:
    return str(format_decimal(number, pattern, locale=locale()))


def in_percent(fraction: Fraction | Decimal, places: int, rounding: str, pattern: str) -> str:
    spoken = Locale.parse(locale()).percent_formats[None].pattern.replace("#,##0", pattern)
    return str(format_percent(exact(fraction, places + 2, rounding), spoken, locale=locale()))


@register.filter
def look(state: str) -> Look:
    return LOOKS[state]


@register.filter
def day(value: date | None) -> str:
    """Write a day shortly and in one piece: 28 Feb 2020."""
    if value is None:
        return _("not known yet")
    return format_date(value, "d MMM y", locale=locale()).replace(" ", NO_BREAK)


@register.filter
def long_day(value: date | None) -> str:
    return format_date(value, "d MMMM y", locale=locale()) if value else _("not known yet")


@register.filter
def month(value: date) -> str:
    return format_date(value, "LLLL y", locale=locale())


@register.filter
def money(amount: int | None, currency: str) -> str:
    """Write minor units as money; what is not known says so."""
    if amount is None:
        return _("not known")
    return minor.spoken(amount, currency, locale())


@register.filter
def price(value: Fraction | Decimal | None, currency: str) -> str:
    if value is None:
        return _("not known")
    places = minor.decimals(currency)
    return money(minor.minor_units(exact(value, places, ROUND_HALF_UP), places), currency)


@register.filter
def level(value: Fraction | Decimal | None) -> str:
    """Write a level in percent, cut and never rounded up: 74.99 % must not read like 75 %."""
    if value is None:
        return _("not known")
    return in_percent(value, 2, ROUND_FLOOR, "#,##0.00")


@register.filter
def bare_level(value: float | None) -> str:
    return "–" if value is None else written(exact(Decimal(value), 4, ROUND_HALF_UP) * 100, "0.0")


@register.filter
def rate(value: Fraction | Decimal | None) -> str:
    """Write a rate or a barrier in percent with the decimals that it has: 2.5 %, 75 %."""
    if value is None:
        return _("not known")
    return in_percent(value, 4, ROUND_HALF_UP, "#,##0.####")


@register.filter
def times(factor: Fraction) -> str:
    """Write what something is multiplied by: × 2, × 1.5."""
    return "×\xa0" + written(exact(factor, 4, ROUND_HALF_UP), "0.####")


@register.filter
def move(value: Fraction) -> str:
    """Write how far something must move, without its direction."""
    return in_percent(abs(value), 1, ROUND_HALF_UP, "#,##0.0")


@register.filter
def source(figure: Figure[object]) -> str:
    """Say where a figure comes from and as of when."""
    words = {"day": day(figure.as_of), "detail": figure.detail}
    match figure.origin:
        case Origin.TERMS:
            return _("term sheet")
        case Origin.CLOSE if figure.as_of and figure.detail:
            return _("closing price of %(day)s, %(detail)s") % words
        case Origin.CLOSE:
            return _("no closing price is known")
        case Origin.RESULT if figure.detail:
            return _("evaluated for %(day)s, formula %(detail)s") % words
        case Origin.RESULT:
            return _("evaluated for %(day)s") % words
        case Origin.POLICY:
            return _("register of policies, %(day)s") % words
    return _("formula applied to the closing prices of %(day)s") % words


@register.filter
def standing(share: Share) -> Look:
    """Say how a share stands against the condition of the coupon."""
    barrier, upper = share.barrier, share.upper
    if share.earns is None:
        return Look(_("No closing price is known"), "is-wait", "clock")
    if barrier and not share.earns and distance_to(barrier) >= 0:
        words = {"distance": move(distance_to(barrier))}
        return Look(_("Below the barrier: must rise %(distance)s") % words, "is-wait", "below")
    if upper and not share.earns:
        words = {"distance": move(distance_to(upper))}
        return Look(_("Above the corridor: must fall %(distance)s") % words, "is-wait", "above")
    if barrier is None:
        return Look(_("No barrier for the coupon"), "is-calm", "circle")
    words = {"distance": move(distance_to(barrier))}
    return Look(_("May fall %(distance)s to the barrier") % words, "is-good", "check")


def distance_to(bound: Bound) -> Fraction:
    """Return the move to a barrier; it is known wherever the share has a close."""
    return bound.distance.value or Fraction(0)


@register.inclusion_tag("landing/_gauge.html")
def gauge(share: Share) -> dict[str, object]:
    """Draw a share on a scale from nothing to well above its start and its corridor."""
    marks = [bound.level for bound in (share.barrier, share.upper, share.call) if bound]
    reached = share.level.value
    end = max([Fraction(5, 4), *(mark * Fraction(9, 8) for mark in marks)])
    if reached is not None:
        end = max(end, reached * Fraction(17, 16))

    def at(value: Fraction) -> str:
        return f"{float(value / end) * 100:.2f}%"

    barrier = share.barrier.level if share.barrier else None
    top = share.upper.level if share.upper else end
    return {
        "start": at(Fraction(1)),
        "barrier": at(barrier) if barrier is not None else None,
        "zone_width": at(top - (barrier or 0)),
        "zone_from": at(barrier or Fraction(0)),
        "dot": at(reached) if reached is not None else None,
        "look": standing(share),
    }


@register.filter
def legend(holding: Holding) -> list[dict[str, object]]:
    """List what the chart draws: shares, barriers, then the outcomes that occurred."""
    entries: list[dict[str, object]] = [
        {
            "kind": "share",
            "name": share.name if share.name == share.ticker else f"{share.name} ({share.ticker})",
            "number": number % len(charts.PALETTE) + 1,
        }
        for number, share in enumerate(holding.shares)
        if share.close.value is not None
    ]
    if any(share.barrier for share in holding.shares):
        entries.append({"kind": "barrier", "name": _("Coupon barrier")})
    if any(share.upper for share in holding.shares):
        entries.append({"kind": "upper", "name": _("Top of the corridor")})
    if any(share.call for share in holding.shares):
        entries.append({"kind": "call", "name": _("Call barrier")})
    occurred = dict.fromkeys(one.mark for one in holding.observations if one.outcome)
    entries += [{"kind": mark, "name": LOOKS[mark].label} for mark in occurred]
    return entries


@register.filter
def supposed_look(supposed: Supposed) -> Look:
    return LOOKS["CALLED" if supposed.called else supposed.outcome]


@register.filter
def scenario_look(scenario: Scenario) -> Look:
    """Name a scenario; the tone is that of the outcome it would have."""
    match scenario.case:
        case Case.CALL:
            return Look(_("The strategy is called early"), "is-call", "star")
        case Case.LOSS:
            return Look(_("At the end far below"), "is-bad", "below")
        case Case.INSIDE:
            return Look(_("The coupon is earned"), "is-good", "check")
    seen = LOOKS[scenario.outcome.event]
    return Look(_("Below the barrier"), seen.tone, seen.icon)


@register.filter
def condition(scenario: Scenario, holding: Holding) -> str:
    """Say which levels a scenario is about."""
    terms = holding.terms
    baskets = {Case.CALL: terms.autocall.basket, Case.LOSS: terms.redemption.basket}
    following = terms.observation(scenario.number)
    words = {"shares": subject(baskets.get(scenario.case, terms.basket))}
    match scenario.case:
        case Case.CALL:
            return _("%(shares)s at %(level)s of its start or above") % (
                words | {"level": rate(following.call_barrier)}
            )
        case Case.INSIDE if following.upper is not None:
            return _("%(shares)s between %(level)s and %(top)s of its start") % (
                words | {"level": rate(following.barrier), "top": rate(following.upper)}
            )
        case Case.INSIDE:
            return _("%(shares)s at %(level)s of its start or above") % (
                words | {"level": rate(following.barrier)}
            )
        case Case.BELOW:
            return _("not so: below %(level)s of its start") % {"level": rate(following.barrier)}
    return _("%(shares)s at %(level)s of its start on the last observation, for example") % (
        words | {"level": rate(scenario.level)}
    )


@register.filter
def imagined(private: Private | None, place: int) -> int | None:
    """Return what the scenario at a place would mean for a policy; None while it is hidden."""
    return private.imagined[place] if private else None


def subject(basket: Basket) -> str:
    """Say which shares of a basket are looked at."""
    match basket.kind:
        case BasketKind.WORST:
            return _("the weakest share")
        case BasketKind.ALL:
            return _("every share")
        case BasketKind.BEST:
            return _("the best share")
        case BasketKind.ANY:
            return _("at least one share")
        case BasketKind.AVERAGE:
            return _("the average of the shares")
    return ngettext("at least %(count)d share", "at least %(count)d shares", basket.m) % {
        "count": basket.m
    }


@register.filter
def why(seen: Observed) -> str:
    """Say which share decided an observation and by how much; empty where no barrier did."""
    missed = [share for share in seen.shares if share.gap is not None and not share.met]
    if missed:
        told = sorted(missed, key=lambda share: share.level)[:NAMED]
        below = [
            _("%(name)s %(distance)s below its barrier") % distance(share)
            for share in told
            if share.gap is not None and share.gap < 0
        ]
        return "; ".join(below)
    weakest = min(seen.shares, key=lambda share: share.level, default=None)
    if weakest and seen.upper is not None and weakest.level > seen.upper:
        words = {"name": weakest.name, "top": rate(seen.upper)}
        return _("%(name)s stood above the top of the corridor, %(top)s") % words
    if weakest and weakest.gap is not None:
        return _("%(name)s %(distance)s above its barrier, the closest") % distance(weakest)
    return ""


def distance(share: ObservedShare) -> dict[str, str]:
    return {"name": share.name, "distance": move(share.gap or Fraction(0))}


@register.filter
def changed(change: Change) -> str:
    """Say what a corporate action was and what it did to the initial fixing."""
    words = {
        "name": change.name,
        "day": day(change.ex_on),
        "factor": times(change.factor),
        "number": written(change.number or Decimal(0), "0.####"),
    }
    if change.kind == CorporateAction.Kind.SPLIT:
        told = _("%(name)s: split, %(number)s new shares for one, from %(day)s.") % words
    else:
        words["amount"] = price(change.number, change.currency)
        told = _("%(name)s: special dividend of %(amount)s a share, from %(day)s.") % words
    return told + " " + _("The initial fixing is counted %(factor)s from that day on.") % words


@register.filter
def moved(seen: Observed) -> str:
    """Say from which day an observation was moved, and why where that is known."""
    words = {"day": day(seen.scheduled_on), "reason": seen.moved_because}
    if seen.moved_because:
        return _("moved from %(day)s: %(reason)s") % words
    return _("moved from %(day)s") % words


@register.filter
def transfer_name(kind: str) -> str:
    return str(Payment.Kind(kind).label).capitalize()


@register.filter
def plain(value: Decimal) -> str:
    """Write a price without its currency, for a table whose caption names the shares."""
    return written(exact(value, 2, ROUND_HALF_UP), "#,##0.00")


@register.filter
def countdown(days: int) -> str:
    if days == 0:
        return _("today")
    return ngettext("in %(days)d day", "in %(days)d days", days) % {"days": days}
