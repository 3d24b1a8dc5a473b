"""Working out aside what a restatement would change: 400 strategies take 20 seconds, a page has one."""

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.core.cache import cache
from django.db.models import Q

from apps.products.actions.restatement.ordering import concerned
from apps.products.actions.restatement.preview import (
    Foreseen,
    Preview,
    Teller,
    preview_quotes,
    preview_restatement,
    proposed_of,
)
from apps.products.actions.restatement.replaying import Step
from apps.products.models.holdings import Policy
from apps.products.models.restatements import Foresight, Restatement
from apps.products.models.strategies import Observation, ObservationResult, Strategy

State = Foresight.State
# What is worked out at once: a strategy takes 45 ms, and 20,000 policies about as long as ten.
FEW, SMALL = 20, 20_000
FRESH = timedelta(minutes=15)  # what changes meanwhile is seen by whoever looks again
LOST = timedelta(hours=1)  # whoever has worked on it for so long is dead
KEY, KEPT = "products:foresight:%d", 3600  # seconds after the last sign of life
SAID = ("outcome", "called", "matured")

log = logging.getLogger(__name__)


def is_quick(strategies: Collection[int]) -> bool:
    """Say whether looking at strategies again takes no longer than a page may."""
    held = Policy.objects.filter(strategy__in=strategies)
    return len(strategies) <= FEW and held[: SMALL + 1].count() <= SMALL


def foresee_restatement(restatement: Restatement, *, at: datetime) -> Preview | Foresight:
    """Return what a restatement would change, at once or as it is worked out aside."""
    if is_quick(restatement.strategies.values_list("strategy", flat=True)):
        return preview_restatement(restatement, at=at)
    return asked(restatement, [], at=at)


def foresee_quotes(quote_ids: Sequence[int], *, at: datetime) -> Preview | Foresight:
    """Return what confirming closes would change, at once or as it is worked out aside."""
    if is_quick(concerned(dict(proposed_of(quote_ids).values_list("underlying", "day")))):
        return preview_quotes(quote_ids, at=at)
    return asked(None, sorted(quote_ids), at=at)


def asked(restatement: Restatement | None, quotes: list[int], *, at: datetime) -> Foresight:
    """Have something worked out, unless it was a moment ago or is on its way."""
    on_its_way = Q(state=State.ASKED) | Q(state=State.WORKING, begun_at__gt=at - LOST)
    known = Foresight.objects.filter(
        on_its_way | Q(state=State.DONE, begun_at__gt=at - FRESH),
        restatement=restatement,
        quotes=quotes,
    )
    return known.order_by("-pk").first() or Foresight.objects.create(
        restatement=restatement, quotes=quotes, asked_at=at
    )


def foresee_due(*, at: datetime) -> int:
    """Work out what nobody has begun with; return how many."""
    Foresight.objects.filter(asked_at__lt=at - timedelta(days=1)).delete()
    begun = 0
    for row in Foresight.objects.filter(state=State.ASKED).order_by("pk"):
        mine = Foresight.objects.filter(pk=row.pk, state=State.ASKED)
        if mine.update(state=State.WORKING, begun_at=at):
            work_out(row, at=at)
            begun += 1
    return begun


def work_out(row: Foresight, *, at: datetime) -> None:
    mine = Foresight.objects.filter(pk=row.pk, state=State.WORKING)
    tell: Teller = partial(note_progress, row.pk)
    look: Callable[..., Preview]
    if row.restatement:
        look = partial(preview_restatement, row.restatement)
    else:
        look = partial(preview_quotes, row.quotes)
    try:
        mine.update(state=State.DONE, found=written(look(at=at, tell=tell)))
    except Exception:
        log.exception("What a restatement would change cannot be worked out.")
        mine.update(state=State.FAILED)
    cache.delete(KEY % row.pk)


def note_progress(pk: int, done: int, total: int) -> None:
    """Tell others how far it is; in the cache, for rows of a running transaction nobody sees."""
    cache.set(KEY % pk, (done, total), KEPT)


def progress(row: Foresight) -> tuple[int, int]:
    """Return how many strategies were looked at, of how many; 0 of 0 where nobody has begun."""
    done, total = cache.get(KEY % row.pk) or (0, 0)
    return int(done), int(total)


def written(seen: Preview) -> dict[str, Any]:
    return {
        "changed": [_lines(one) for one in seen.changed],
        "waiting": [_lines(one) for one in seen.waiting],
        "checked": seen.checked,
    }


def _lines(one: Foreseen) -> list[Any]:
    steps = [[step.observation.number, _said(step.before), _said(step.after)] for step in one.steps]
    return [one.strategy.pk, steps, one.policies, one.difference, one.waiting_for]


def _said(result: ObservationResult) -> list[Any]:
    return [getattr(result, name) for name in SAID]


def read(found: dict[str, Any]) -> Preview:
    """Return what was worked out, as it was worked out."""
    lines = {name: found[name] for name in ("changed", "waiting")}
    known = Strategy.objects.in_bulk([line[0] for some in lines.values() for line in some])
    made = {
        name: tuple(_foreseen(known[line[0]], *line[1:]) for line in some if line[0] in known)
        for name, some in lines.items()
    }
    return Preview(made["changed"], made["waiting"], found["checked"])


def _foreseen(strategy: Strategy, steps: list[Any], *rest: Any) -> Foreseen:
    return Foreseen(strategy, tuple(_step(*step) for step in steps), *rest)


def _step(number: int, before: list[Any], after: list[Any]) -> Step:
    was, comes = (
        ObservationResult(**dict(zip(SAID, said, strict=True))) for said in (before, after)
    )
    return Step(Observation(number=number), was, comes, None)
