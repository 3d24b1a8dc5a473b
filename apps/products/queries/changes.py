"""What changed under a strategy: corrections, corporate actions and moved dates, for its holders."""

from collections.abc import Iterable, Iterator

from apps.products.models.calendars import ObservationMove
from apps.products.models.markets import CorporateAction
from apps.products.models.strategies import BasketMember, ObservationResult
from apps.products.queries.facts import Change, Correction, Move
from apps.products.terms.sheet import TermSheet


def corrections(replaced: Iterable[ObservationResult]) -> Iterator[Correction]:
    """Yield what was said before each correction, the newest correction first."""
    for before in replaced:
        after = before.superseded_by
        yield Correction(
            number=before.observation.number,
            day=before.observation.valuation_on,
            corrected_on=after.evaluated_at.date(),
            outcome=before.outcome,
            called=before.called,
            rate_paid=before.rate_paid,
            rate_remembered=before.rate_remembered,
            because=after.restatement.reason if after.restatement else "",
        )


def corporate(members: Iterable[BasketMember], terms: TermSheet) -> Iterator[Change]:
    """Yield the corporate actions that the term sheet has taken in, in the order of the basket."""
    factors = {(change.share, change.ex): change.factor for change in terms.changes}
    for member in members:
        share = member.underlying
        for action in sorted(share.corporate_actions.all(), key=lambda one: one.ex_on):
            factor = factors.get((share.ticker, action.ex_on))
            if factor is not None:
                number = action.ratio if _is_split(action) else action.amount
                yield Change(
                    ticker=share.ticker,
                    name=share.name,
                    kind=action.kind,
                    ex_on=action.ex_on,
                    number=number,
                    currency=share.currency,
                    factor=factor,
                    source=action.source,
                )


def moves(moved: Iterable[ObservationMove]) -> Iterator[Move]:
    """Yield the moves of valuation days, the oldest first."""
    for move in moved:
        yield Move(
            number=move.observation.number,
            from_on=move.from_on,
            to_on=move.to_on,
            because=move.because,
            moved_on=move.moved_at.date(),
        )


def _is_split(action: CorporateAction) -> bool:
    return action.kind == CorporateAction.Kind.SPLIT
