"""The wish to restate, written with the fact that makes it needed; carried out strategy by strategy."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from apps.products.models.markets import Quote
from apps.products.models.restatements import RestatedStrategy, Restatement
from apps.products.models.strategies import Strategy
from apps.products.queries.due import spoken

State, Trigger = Restatement.State, Restatement.Trigger
LONGEST = 300  # characters of Restatement.reason
NAMED = 5  # closes that a reason names; of more it says how many


class RestatementError(ValueError):
    """A restatement cannot be ordered or decided on so; the message says why."""


@transaction.atomic
def restate(
    quote_ids: Sequence[int], *, at: datetime, by: AbstractBaseUser | None = None
) -> Restatement | None:
    """Order that everything computed from the closes that these replaced is computed again.

    Called with the ids of the new, confirmed quotes in the transaction that confirms them; the work
    itself follows by tick, a transaction a strategy. Returns None where no result used a close of
    those days or a later one: then there is nothing to put right.
    """
    quotes = list(
        Quote.objects.filter(pk__in=quote_ids)
        .select_related("underlying")
        .order_by("day", "underlying__ticker")
    )
    first: dict[int, date] = {}
    for quote in quotes:
        first.setdefault(quote.underlying_id, quote.day)
    since = concerned(first)
    if not since:
        return None
    restatement = Restatement.objects.create(
        trigger=Trigger.PRICE,
        reason=_reason(quotes),
        made_at=at,
        made_by_id=next((quote.brought_by_id for quote in quotes if quote.brought_by_id), None),
        decided_at=at,
        decided_by_id=by.pk if by else None,
    )
    restatement.quotes.set(quotes)
    _list(restatement, since)
    return restatement


@transaction.atomic
def propose_actions(
    first: Mapping[int, date], *, reason: str, at: datetime, by: AbstractBaseUser | None
) -> Restatement | None:
    """Propose to compute again what corporate actions entered, changed or removed late would change.

    `first` gives each share's earliest ex-date, before or after the change. A second person looks at
    the preview and decides. Returns None where no result is so young.
    """
    return _propose(Trigger.CORPORATE_ACTION, concerned(first), reason, at, by)


@transaction.atomic
def propose_disruption(
    first: Mapping[int, date], *, reason: str, at: datetime, by: AbstractBaseUser | None
) -> Restatement | None:
    """Propose to compute again what a disruption, declared or withdrawn late, would change."""
    return _propose(Trigger.DISRUPTION, concerned(first), reason, at, by)


@transaction.atomic
def propose_terms(
    strategy_id: int, *, since: date, reason: str, at: datetime, by: AbstractBaseUser | None
) -> Restatement | None:
    """Propose to compute a strategy again from a day on, since its terms were written down wrong."""
    seen = Strategy.objects.filter(pk=strategy_id, observations__results__isnull=False).exists()
    return _propose(Trigger.TERMS, {strategy_id: since} if seen else {}, reason, at, by)


@transaction.atomic
def confirm_restatement(restatement_id: int, *, by: AbstractBaseUser, at: datetime) -> bool:
    """Have a proposed restatement carried out; False where somebody else has decided on it.

    Raises RestatementError where who decides is who proposed it.
    """
    if Restatement.objects.filter(pk=restatement_id, made_by=by.pk).exists():
        raise RestatementError(_("You proposed this restatement: a second person must confirm it."))
    return _decide(restatement_id, State.QUEUED, by, at)


@transaction.atomic
def reject_restatement(restatement_id: int, *, by: AbstractBaseUser, at: datetime) -> bool:
    """Turn a proposed restatement away; False where somebody else has decided on it."""
    return _decide(restatement_id, State.REJECTED, by, at)


def _decide(restatement_id: int, state: str, by: AbstractBaseUser, at: datetime) -> bool:
    proposed = Restatement.objects.filter(pk=restatement_id, state=State.PROPOSED)
    return bool(proposed.update(state=state, decided_by=by.pk, decided_at=at))


def _propose(
    trigger: str,
    since: Mapping[int, date],
    reason: str,
    at: datetime,
    by: AbstractBaseUser | None,
) -> Restatement | None:
    if not since:
        return None
    restatement = Restatement.objects.create(
        trigger=trigger,
        reason=reason[:LONGEST],
        state=State.PROPOSED,
        made_at=at,
        made_by_id=by.pk if by else None,
    )
    _list(restatement, since)
    return restatement


def concerned(first: Mapping[int, date]) -> dict[int, date]:
    """Return since when each strategy may have used what changed of shares on or after a day.

    Named are strategies with a result of that day or later; what a result really used is found by
    evaluating it again.
    """
    since: dict[int, list[date]] = defaultdict(list)
    for share, day in first.items():
        used = Strategy.objects.filter(
            Q(basket_members__underlying=share) | Q(basket_members__fx_pair=share),
            observations__results__isnull=False,
            observations__valuation_on__gte=day,
        )
        for strategy in used.values_list("pk", flat=True).distinct():
            since[strategy].append(day)
    return {strategy: min(days) for strategy, days in since.items()}


def _list(restatement: Restatement, since: Mapping[int, date]) -> None:
    RestatedStrategy.objects.bulk_create(
        RestatedStrategy(restatement=restatement, strategy_id=strategy, since_on=day)
        for strategy, day in sorted(since.items())
    )


def _reason(quotes: Iterable[Quote]) -> str:
    """Say which closes were put right, in words that a client may read."""
    corrected = [f"{quote.underlying.name}, {spoken(quote.day)}" for quote in quotes]
    named = "; ".join(corrected[:NAMED])
    if len(corrected) > NAMED:
        words = {"named": named, "more": len(corrected) - NAMED}
        named = _("%(named)s and %(more)d more") % words
    return (_("closing price corrected: %(named)s") % {"named": named})[:LONGEST]
