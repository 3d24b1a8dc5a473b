"""What the page shows that puts two clients side by side."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, time
from typing import Any

from django.utils.formats import time_format
from django.utils.translation import gettext as _

from apps.core.admin.display import day, money, pill
from apps.profiles.models import (
    Channel,
    Client,
    Conflict,
    ContactPoint,
    Duplicate,
    Merge,
    Purpose,
)
from apps.profiles.queries.merging import Money, Preview

REACHED = {"valid": "good", "unconfirmed": "wait", "unreachable": "bad", "bounced": "bad"}


def pair_context(look: Preview) -> dict[str, Any]:
    pair = (look.kept, look.dropped)
    between = {"first__in": pair, "second__in": pair}
    claims = Conflict.objects.filter(claimant__in=pair, holder__in=pair).select_related(
        "claimant", "holder", "proposed_by"
    )
    return {
        "look": look,
        "rows": [*_known(look), *_reached(look), *_identified(look), _held(look)],
        "tables": [table for table in look.tables if table.moves or table.stays],
        "withdrawn": [
            f"{Purpose(purpose).label} / {Channel(channel).label}"
            for purpose, channel in look.withdrawn
        ],
        "duplicate": Duplicate.objects.filter(**between).first(),
        "conflicts": claims.filter(state__in=Conflict.OPEN_STATES).order_by("pk"),
        "proposed": Merge.objects.filter(
            kept__in=pair, dropped__in=pair, state=Merge.State.PROPOSED
        ).first(),
        "gone": [client for client in pair if client.merged_into_id],
    }


Lines = list[list[object]]  # a text and a mark beside it


def _row(name: object, kept: Lines, dropped: Lines, after: Lines, tone: str = "") -> dict[str, Any]:
    return {"name": name, "kept": kept, "dropped": dropped, "after": after, "tone": tone}


def _known(look: Preview) -> Iterable[Any]:
    for value in look.values:
        both = value.kept and value.dropped
        tone = "differs" if both and value.differs else "same" if both else ""
        yield _row(
            value.name, _written(value.kept), _written(value.dropped), _written(value.result), tone
        )


def _written(value: Any) -> Lines:
    if value in (None, ""):
        return []
    if isinstance(value, time):
        return [[time_format(value), ""]]
    return [[day(value) if isinstance(value, date) else str(value), ""]]


def _reached(look: Preview) -> Iterable[Any]:
    mine, his = (_live(client) for client in (look.kept, look.dropped))
    for channel in Channel:
        kept, dropped = mine.get(channel, []), his.get(channel, [])
        if kept or dropped:
            shared = {each.address for each in kept} & {each.address for each in dropped}
            after: Lines = [
                [address, ""] for address in sorted({each.address for each in (*kept, *dropped)})
            ]
            tone = "same" if shared else ""
            yield _row(channel.label, _addresses(kept), _addresses(dropped), after, tone)


def _live(client: Client) -> dict[str, list[ContactPoint]]:
    found = defaultdict(list)
    for point in client.contact_points.exclude(state=ContactPoint.State.REMOVED).order_by("pk"):
        found[point.channel].append(point)
    return found


def _addresses(points: Iterable[ContactPoint]) -> Lines:
    return [
        [point.address, pill(point.get_state_display(), REACHED.get(point.state, ""))]
        for point in points
    ]


def _identified(look: Preview) -> Iterable[Any]:
    mine, his = (_identifiers(client) for client in (look.kept, look.dropped))
    if mine or his:
        yield _row(_("identifiers"), mine, his, [*mine, *his])


def _identifiers(client: Client) -> Lines:
    return [
        [each.value, each.get_kind_display()]
        for each in client.identifiers.order_by("kind", "value")
    ]


def _held(look: Preview) -> Any:
    kept, dropped = look.money
    both = {code: kept.get(code, 0) + dropped.get(code, 0) for code in {**kept, **dropped}}
    tone = "differs" if look.mixes_money else ""
    return _row(_("money"), _sums(kept), _sums(dropped), _sums(both), tone)


def _sums(held: Money) -> Lines:
    return [[money(amount, code), ""] for code, amount in sorted(held.items())]
