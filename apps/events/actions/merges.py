"""Merges of clients, told on their timelines: profiles writes rows, since it knows no timeline."""

from datetime import datetime

from django.db import transaction

from apps.events.actions.recording import Fact, record
from apps.profiles.models import Merge

BATCH = 100


def record_merges(*, at: datetime) -> int:
    """Tell merges done and taken back since the last time; return how many events are new."""
    told = 0
    with transaction.atomic():
        new = Merge.objects.filter(is_untold=True, decided_at__lte=at).select_related("kept")
        merges = list(new.select_for_update(skip_locked=True, of=("self",)).order_by("pk")[:BATCH])
        for merge in merges:
            told += record(_facts(merge))
        Merge.objects.filter(pk__in=[merge.pk for merge in merges]).update(is_untold=False)
    return told


def _facts(merge: Merge) -> list[Fact]:
    standing = merge.kept.merged_into_id or merge.kept_id
    facts = []
    if merge.decided_at:
        rows = sum(len(pks) for *_rest, pks in merge.moved)
        facts.append(
            Fact(
                client_id=standing,
                kind="client.merged",
                subject=f"client:{merge.dropped_id}",
                occurred_at=merge.decided_at,
                source_key=f"merge:{merge.pk}",
                properties={"merge": merge.pk, "rows": rows},
            )
        )
    if merge.undone_at:
        facts += [
            Fact(
                client_id=client,
                kind="client.unmerged",
                subject=f"client:{other}",
                occurred_at=merge.undone_at,
                source_key=f"merge:{merge.pk}:undone:{client}",
                properties={"merge": merge.pk},
            )
            for client, other in (
                (merge.kept_id, merge.dropped_id),
                (merge.dropped_id, merge.kept_id),
            )
        ]
    return facts
