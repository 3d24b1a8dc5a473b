"""What the back office shows of messages, bounded so that it stays quick."""

from datetime import datetime, time, timedelta

from django.db.models import Count, Prefetch, QuerySet
from django.utils import timezone

from apps.messaging.models.links import Hit, Link
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.queue import DraftedNotice
from apps.products.models.restatements import Restatement
from apps.profiles.models import Client

REMEMBERED = timedelta(days=14)  # what failed before is history, not work


def midnight(at: datetime) -> datetime:
    """Return when the issuer's own day began that holds the moment."""
    zone = timezone.get_default_timezone()
    return datetime.combine(at.astimezone(zone).date(), time(), zone)


def messages_to(client: Client, limit: int = 20) -> list[tuple[Notice, list[Message]]]:
    """Return the client's newest notices, each with its messages; two queries."""
    to_devices = Message.objects.select_related("contact_point__device")
    notices = (
        client.notices.select_related("template")
        .prefetch_related(Prefetch("messages", to_devices.order_by("pk")))
        .order_by("-created_at", "-pk")[:limit]
    )
    return [(notice, list(notice.messages.all())) for notice in notices]


def decisions_on(client: Client, limit: int = 12) -> list[Notice]:
    """Return the client's newest notices with what the gate said of each; two queries."""
    return list(
        client.notices.select_related("template")
        .prefetch_related("verdicts")
        .order_by("-created_at", "-pk")[:limit]
    )


def broken_messages(state: str, *, at: datetime) -> QuerySet[Message]:
    """Return the messages of a state that calls for somebody, newest first; not old ones."""
    return (
        Message.objects.filter(state=state, queued_at__gte=at - REMEMBERED)
        .select_related("notice__client", "notice__template")
        .order_by("-queued_at", "-pk")
    )


def drafted_corrections() -> list[tuple[Restatement, int]]:
    """Return the restatements whose corrections wait for approval, with how many; two queries."""
    counts = (
        Notice.objects.filter(
            pk__in=DraftedNotice.objects.values("pk"),
            state=Notice.State.DRAFTED,
            source__startswith="restatement:",
        )
        .values_list("source")
        .annotate(count=Count("pk"))
        .order_by("source")
    )
    by_id = {int(source.partition(":")[2]): count for source, count in counts}
    restatements = Restatement.objects.filter(pk__in=by_id).order_by("pk")
    return [(restatement, by_id[restatement.pk]) for restatement in restatements]


def broken_notices(*, at: datetime) -> QuerySet[Notice]:
    """Return the notices that failed before there was a message, newest first; not old ones."""
    return (
        Notice.objects.filter(state=Notice.State.FAILED, created_at__gte=at - REMEMBERED)
        .select_related("client", "template")
        .order_by("-created_at", "-pk")
    )


def sent_today(*, at: datetime) -> dict[str, int]:
    """Return how many messages left today, by channel."""
    sent = Message.objects.filter(sent_at__gte=midnight(at), sent_at__lte=at)
    return dict(sent.values_list("channel").annotate(count=Count("pk")))


def opened_today(*, at: datetime) -> tuple[int, int]:
    """Return today's visits by people, and how many clients they were; staff do not count."""
    hits = Hit.objects.filter(
        verdict=Hit.Verdict.HUMAN, occurred_at__gte=midnight(at), occurred_at__lte=at
    ).exclude(link__subject__startswith=Link.STAFF)
    counts = hits.aggregate(visits=Count("pk"), clients=Count("link__client", distinct=True))
    return counts["visits"], counts["clients"]
