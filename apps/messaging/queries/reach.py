"""Which states products can reach, and so which occasions need their words."""

from django.db.models import Q

from apps.products.models.strategies import Strategy

ALWAYS_REACHED = {"coupon.accrued", "strategy.matured", "result.corrected"}
# What clients of a coupon strategy may hear of it; published together, for each can come next.
STATES = (
    "coupon.accrued",
    "coupon.saved",
    "coupon.lost",
    "strategy.called",
    "strategy.matured",
    "result.corrected",
)


def reachable_states() -> set[str]:
    """Name the states that a strategy on offer can reach by its terms; one query."""
    live = Strategy.objects.filter(state=Strategy.State.PUBLISHED)
    missable = Q(guaranteed=False)
    kinds = {
        "coupon.saved": missable & Q(memory=True),
        "coupon.lost": missable & (Q(memory=False) | Q(memory_end=Strategy.MemoryEnd.LOST)),
        "strategy.called": Q(call_barrier__isnull=False)
        | Q(observations__call_barrier__isnull=False),
    }
    found = {code for code, terms in kinds.items() if live.filter(terms).exists()}
    return found | ALWAYS_REACHED if live.exists() else set()
