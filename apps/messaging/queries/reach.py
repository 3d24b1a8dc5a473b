"""Which states products can reach, and so which occasions need their words."""

from django.contrib.postgres.aggregates import BoolOr
from django.db.models import Count, Q

from apps.messaging.models.content import TemplateVersion, Variant
from apps.products.models.strategies import Strategy
from apps.profiles.models import Channel

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
    told = live.aggregate(
        **{code.replace(".", "_"): BoolOr(terms) for code, terms in kinds.items()},
        some=Count("pk"),
    )
    found = {code for code in kinds if told[code.replace(".", "_")]}
    return found | ALWAYS_REACHED if told["some"] else set()


def unworded() -> dict[tuple[str, str], list[str]]:
    """Return which reached states have no words, by the channel and language that have some."""
    published = TemplateVersion.objects.filter(
        template__code__in=STATES, state=TemplateVersion.State.PUBLISHED, variant=Variant.PLAIN
    ).exclude(channel=Channel.CALL)  # people are called where a cascade says so
    worded = set(published.values_list("template__code", "channel", "language"))
    reached = reachable_states()
    pairs = sorted({(channel, language) for _code, channel, language in worded})
    lacking = {
        pair: [code for code in STATES if code in reached and (code, *pair) not in worded]
        for pair in pairs
    }
    return {pair: codes for pair, codes in lacking.items() if codes}
