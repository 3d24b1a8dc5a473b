"""What a strategy's terms say against each other, in sentences for whoever writes them.

The form, the file and the publication ask here, before or after the rows are saved. What one row
must hold is a constraint of its table; what the engine cannot read is said by its own reader.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from django.db.models import DecimalField
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from apps.products.models.markets import TradingDay
from apps.products.models.strategies import BasketMember, Observation, Strategy
from apps.products.queries.spec import MEMBER, OBSERVATION, REDEMPTION, STRATEGY, written_spec
from apps.products.terms.reading import read_spec
from apps.products.terms.sheet import CalledCoupon, CouponKind, TermSheet, TermSheetError

# Beyond them somebody wrote percents: 75 where 0.75 was meant, 2.5 for a rate of 0.025.
HIGHEST_LEVEL, HIGHEST_RATE = 10, 1
RATES = {"coupon_rate", "guaranteed_rate", "growth_step"}
NEEDED = ("struck_on", "matures_on", "coupon_rate", "currency")
_IN_LIST = re.compile(r"(underlyings|observations)\[(\d+)\]\.?(.*)")


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A sentence that says what to change; `column` is the strategy's, or names its list."""

    column: str
    sentence: str


def contradictions(
    strategy: Strategy, members: Sequence[BasketMember], observations: Sequence[Observation]
) -> Iterator[Contradiction]:
    """Yield what the terms say against each other; rows need not be saved, nor be complete.

    An empty basket or no observation is no contradiction in a draft.
    """
    if _lacks_needed(strategy):
        return
    yield from _percents(strategy, "")
    for row in observations:
        yield from _percents(row, "observations")
    yield from _unused(strategy)
    yield from _dates(strategy)
    yield from _currencies(strategy, members)
    if members and observations:
        try:
            terms = read_spec(written_spec(strategy, members, observations, ()), path="")
        except TermSheetError as refusal:
            yield _placed(str(refusal))
        else:
            yield from _coupon(terms)
            yield from _call(terms)


def _lacks_needed(strategy: Strategy) -> bool:
    """Say whether the form has not even what every strategy has; its fields say so themselves."""
    return any(getattr(strategy, name) is None for name in NEEDED)


def without_sessions(strategy: Strategy, members: Sequence[BasketMember]) -> Iterator[str]:
    """Name the exchanges without a session since the strike, on which no observation could fall."""
    if _lacks_needed(strategy):
        return
    exchanges = {member.underlying.exchange for member in members}
    if strategy.payment_calendar and strategy.payment_lag:
        exchanges.add(strategy.payment_calendar)
    known = TradingDay.objects.filter(exchange__in=exchanges, day__gte=strategy.struck_on)
    open_ones = set(known.values_list("exchange", flat=True).distinct())
    for exchange in sorted(exchanges, key=str):
        if exchange.pk not in open_ones:
            yield (
                _(
                    "No trading days of %(exchange)s are known since the strike date: import them first."
                )
                % {"exchange": exchange}
            )


def _percents(row: Strategy | Observation, column: str) -> Iterator[Contradiction]:
    """Name the levels and rates that were meant in percent."""
    for field in row._meta.fields:
        value = getattr(row, field.name) if isinstance(field, DecimalField) else None
        if value is not None and value >= (HIGHEST_RATE if field.name in RATES else HIGHEST_LEVEL):
            shown, meant = (number_format(each.normalize()) for each in (value, value / 100))
            yield Contradiction(
                column or field.name,
                _("%(term)s: %(shown)s would be %(shown)s times the whole; %(shown)s %% is written "
                  "%(meant)s.") % {"term": field.verbose_name, "shown": shown, "meant": meant},
            )  # fmt: skip


def _unused(strategy: Strategy) -> Iterator[Contradiction]:
    """Name the terms of another kind of redemption: somebody meant something by them."""
    used = set(REDEMPTION[strategy.redemption].values())
    fields = {field.name: field for field in Strategy._meta.fields}
    for kind, table in REDEMPTION.items():
        for column in dict.fromkeys(table.values()):
            field = fields[column]
            value = getattr(strategy, column)
            if column in used or value in (None, "") or value == field.get_default():
                continue
            used.add(column)
            yield Contradiction(
                column,
                _("“%(term)s” says nothing with “%(redemption)s”: empty it, or choose “%(other)s”.")
                % {
                    "term": field.verbose_name,
                    "redemption": strategy.get_redemption_display(),
                    "other": Strategy.Redemption(kind).label,
                },
            )


def _dates(strategy: Strategy) -> Iterator[Contradiction]:
    start = strategy.knock_in_from
    if start and not strategy.struck_on <= start <= strategy.matures_on:
        yield Contradiction(
            "knock_in_from",
            _("The barrier is looked at from a day between strike date and maturity."),
        )


def _currencies(strategy: Strategy, members: Sequence[BasketMember]) -> Iterator[Contradiction]:
    composite = strategy.fx == Strategy.Fx.COMPOSITE
    for member in members:
        share, pair = member.underlying, member.fx_pair
        words = {
            "share": share, "currency": strategy.currency, "own": share.currency, "pair": pair,
        }  # fmt: skip
        if composite and share.currency != strategy.currency and pair is None:
            yield Contradiction(
                "underlyings",
                _("%(share)s is quoted in %(own)s: name the currency pair %(own)s%(currency)s.")
                % words,
            )
        elif pair is not None and not composite:
            yield Contradiction(
                "underlyings",
                _("%(share)s: a currency pair counts in composite baskets only; leave it empty.")
                % words,
            )
        elif pair is not None and pair.currency != strategy.currency:
            yield Contradiction(
                "underlyings",
                _("%(share)s: the rates of %(pair)s are not in %(currency)s.") % words,
            )


def _coupon(terms: TermSheet) -> Iterator[Contradiction]:
    counted = [one for one in terms.observations if one.inside is None]
    open_range = [one for one in counted if one.barrier is None and one.upper is None]
    if terms.coupon.kind is CouponKind.ACCRUAL and open_range:
        yield Contradiction(
            "coupon_barrier",
            _("Days are counted inside a corridor: give its barrier, or its top, or both."),
        )


def _call(terms: TermSheet) -> Iterator[Contradiction]:
    barriers = {
        one.number: one.call_barrier for one in terms.observations if one.call_barrier is not None
    }
    for number in sorted(terms.autocall.bonus.keys() - barriers.keys()):
        yield Contradiction(
            "bonuses",
            _("Observation %(number)d has a bonus but cannot call: take away the bonus, or give a "
              "call barrier.") % {"number": number},
        )  # fmt: skip
    if not barriers and terms.autocall.deferred:
        yield Contradiction(
            "call_deferred",
            _("No observation can call: take away the residual, or give a call barrier."),
        )
    if (
        terms.autocall.coupon is not CalledCoupon.IF_MET
        or terms.coupon.kind is not CouponKind.FIXED
    ):
        return
    alike = terms.autocall.basket == terms.basket and not terms.autocall.stock_memory
    for one in terms.observations if alike else ():
        call = barriers.get(one.number)
        unsure = one.rate and one.guaranteed < 1
        if call is not None and one.barrier is not None and unsure and call < one.barrier:
            yield Contradiction(
                "call_barrier",
                _("Observation %(number)d would call at %(call)s without a coupon, which needs "
                  "%(coupon)s: raise the call barrier, lower the coupon barrier, or pay the coupon "
                  "always when called.")
                % {
                    "number": one.number,
                    "call": _percent(call),
                    "coupon": _percent(one.barrier),
                },
            )  # fmt: skip
            return


def _percent(level: Fraction) -> str:
    return f"{number_format((Decimal(level.numerator) / level.denominator * 100).normalize())} %"


def _placed(refusal: str) -> Contradiction:
    """Say in the words of the form where the engine's reader stumbled."""
    path, _colon, reason = refusal.lstrip(".").partition(": ")
    listed = _IN_LIST.fullmatch(path)
    if listed is None:
        column = _column(path)
        return Contradiction(column, f"{_name(Strategy, column)}: {reason}")
    kind, place, term = listed.groups()
    model, table = (BasketMember, MEMBER) if kind == "underlyings" else (Observation, OBSERVATION)
    label = model._meta.verbose_name
    words = f"{label} {int(place) + 1}".capitalize()
    where = f", {_name(model, table[term])}" if term in table else ""
    return Contradiction(kind, f"{words}{where}: {reason}")


def _column(path: str) -> str:
    """Return the strategy's column of a term, or the first of a group of terms."""
    for table in (STRATEGY, *REDEMPTION.values()):
        for term, column in table.items():
            if term == path or term.startswith(f"{path}."):
                return column
    return path.split(".", maxsplit=1)[0]


def _name(model: type[Strategy | BasketMember | Observation], column: str) -> str:
    known = {field.name: field for field in model._meta.fields}
    return str(known[column].verbose_name) if column in known else column
