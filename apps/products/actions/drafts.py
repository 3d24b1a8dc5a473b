"""A term sheet in its JSON form becomes a draft strategy, whole or not at all."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from apps.core import money
from apps.products.actions.strategies import StrategyError
from apps.products.models.markets import Exchange, Underlying
from apps.products.models.strategies import BasketMember, Observation, Strategy
from apps.products.queries.contradictions import contradictions
from apps.products.queries.spec import (
    MEMBER,
    OBSERVATION,
    REDEMPTION,
    STRATEGY,
    columns_of,
)
from apps.products.terms.reading import read_spec


@transaction.atomic
def draft_strategy(spec: Mapping[str, Any], *, code: str, name: str) -> Strategy:
    """Save a term sheet as a draft strategy with its basket and observations.

    `spec` is one case's `spec`, as `replay_terms` reads it. Raises TermSheetError where the engine
    refuses it and StrategyError with every reason why it cannot become rows; then nothing is saved.
    Trading days and corporate actions stay those of the back office.
    """
    terms = {term: said for term, said in spec.items() if term != "actions"}
    kind = read_spec(terms).redemption.kind.value  # which other terms may name instead of a type
    strategy = _strategy(spec, kind, code, name)
    _cleaned(strategy, STRATEGY | REDEMPTION[strategy.redemption])
    members = _members(spec, strategy)
    observations = _observations(spec, strategy)
    if reasons := [each.sentence for each in contradictions(strategy, members, observations)]:
        raise StrategyError(" ".join(reasons))
    strategy.save()
    BasketMember.objects.bulk_create(members)
    Observation.objects.bulk_create(observations)
    return strategy


def _strategy(spec: Mapping[str, Any], kind: str, code: str, name: str) -> Strategy:
    columns = _chosen(columns_of(spec, STRATEGY | REDEMPTION[kind])) | {"redemption": kind}
    last = spec["observations"][-1]
    needed = {"currency": _("currency"), "struck_on": _("issue_date")}
    if missing := [str(term) for column, term in needed.items() if column not in columns]:
        raise StrategyError(
            _("A strategy needs %(terms)s as well: add it to the terms.")
            % {"terms": ", ".join(missing)}
        )
    columns.setdefault("matures_on", last.get("pay") or last["date"])
    columns.setdefault("memory", False)
    columns.setdefault("coupon_rate", Decimal(0))
    return Strategy(
        code=code,
        name=name,
        denomination=_denomination(spec),
        payment_calendar=_payment_calendar(spec),
        **columns,
    )


def _chosen(columns: dict[str, Any]) -> dict[str, Any]:
    """Write choices as the columns do; the engine's reader takes them however capital."""
    for field in Strategy._meta.fields:
        said = columns.get(field.name)
        if isinstance(said, str) and field.choices:
            known = {str(word).casefold(): word for word, _label in field.flatchoices}
            columns[field.name] = known.get(said.strip().casefold(), said)
    return columns


def _denomination(spec: Mapping[str, Any]) -> int | None:
    places = money.decimals(spec["currency"])
    if spec.get("ccy_dp", places) != places:
        raise StrategyError(
            _("ccy_dp: amounts in %(currency)s have %(places)d decimals in the back office.")
            % {"currency": spec["currency"], "places": places}
        )
    note = spec.get("denomination")
    return None if note is None else money.minor_units(Decimal(str(note)), places)


def _payment_calendar(spec: Mapping[str, Any]) -> Exchange | None:
    code = (spec.get("payment") or {}).get("calendar")
    if code is None:
        return None
    exchange = Exchange.objects.filter(code=code).first()
    if exchange is None:
        raise StrategyError(
            _("payment.calendar: there is no exchange “%(code)s”.") % {"code": code}
        )
    return exchange


def _members(spec: Mapping[str, Any], strategy: Strategy) -> list[BasketMember]:
    entries: Sequence[Mapping[str, Any]] = spec["underlyings"]
    tickers = [entry["id"] for entry in entries]
    shares = {
        share.ticker: share
        for share in Underlying.objects.filter(ticker__in=tickers).select_related("exchange")
    }
    if missing := [ticker for ticker in tickers if ticker not in shares]:
        raise StrategyError(
            _("There is no share %(tickers)s yet; import it first.")
            % {"tickers": ", ".join(missing)}
        )
    pairs = _pairs(strategy, shares.values()) if strategy.fx == Strategy.Fx.COMPOSITE else {}
    whole = sum(Decimal(str(entry.get("weight") or 0)) for entry in entries)
    members = []
    for entry in entries:
        share = shares[entry["id"]]
        member = BasketMember(
            strategy=strategy,
            underlying=share,
            fx_pair=pairs.get(share.currency),
            **columns_of(entry, MEMBER),
        )
        if member.weight is not None:  # in percent, perhaps
            member.weight = round(Decimal(str(member.weight)) / whole, 8)
        if member.fx_pair is None:  # its own currency is the strategy's: the rate is always 1
            member.fx_initial = None
        _cleaned(member, MEMBER, exclude=["strategy"])
        members.append(member)
    return members


def _pairs(strategy: Strategy, shares: Iterable[Underlying]) -> dict[str, Underlying]:
    """Return by currency the pair whose rates turn it into the strategy's."""
    currencies = {share.currency for share in shares} - {strategy.currency}
    pairs = Underlying.objects.filter(
        kind=Underlying.Kind.CURRENCY_PAIR,
        ticker__in=[f"{currency}{strategy.currency}" for currency in currencies],
    )
    return {pair.ticker[:3]: pair for pair in pairs}


def _observations(spec: Mapping[str, Any], strategy: Strategy) -> list[Observation]:
    bonuses = (spec.get("autocall") or {}).get("bonus") or {}
    observations = []
    for number, entry in enumerate(spec["observations"], 1):
        columns = columns_of(entry, OBSERVATION)
        calls = columns.get("call_barrier") is not False
        if not calls:
            del columns["call_barrier"]
        observation = Observation(
            strategy=strategy,
            number=number,
            valuation_on=entry["date"],
            bonus=bonuses.get(str(number)),
            calls=calls,
            **columns,
        )
        _cleaned(observation, OBSERVATION, exclude=["strategy"])
        observations.append(observation)
    return observations


def _cleaned(row: Model, table: Mapping[str, str], exclude: Iterable[str] = ()) -> None:
    """Turn what JSON said into the columns' own values; say of each term what does not fit."""
    try:
        row.full_clean(exclude=[*exclude])
    except ValidationError as error:
        terms = {column: term for term, column in table.items()}
        raise StrategyError(
            " ".join(
                f"{terms[column]}: {' '.join(said)}" if column in terms else " ".join(said)
                for column, said in error.message_dict.items()
            )
        ) from error
