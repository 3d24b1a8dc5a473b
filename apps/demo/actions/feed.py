"""What reaches the demo's world from outside: files, and the payments of coupons that are due."""

from collections import defaultdict
from datetime import date, datetime

from django.db import transaction
from django.db.models import Max

from apps.demo.models import World
from apps.demo.world import closes, files
from apps.demo.world.files import File
from apps.demo.world.timeline import fed
from apps.files.actions.bringing import bring
from apps.files.models import Batch
from apps.files.queries.reports import sentences
from apps.products.actions.payments import mark_paid
from apps.products.models.holdings import Payment
from apps.products.models.markets import Quote


class RefusedError(Exception):
    """A file of the demo was refused; the text is the import's report."""


def import_whole(file: File, *, at: datetime) -> None:
    """Import a file as a marketer would; raise RefusedError unless all of it is good."""
    batch = bring(
        file.content, kind=file.kind, filename=file.name, origin=Batch.Origin.FOLDER,
        confirmed=True, at=at,
    )  # fmt: skip
    if batch.state == Batch.State.REFUSED or batch.rejected:
        raise RefusedError("\n".join(sentences(batch, 10)))


@transaction.atomic
def receive_closes(*, at: datetime) -> int:
    """Import the closes of sessions that have ended since the last ones; return how many days.

    The moment is kept, too: the next start goes on from there.
    """
    world = World.objects.select_for_update().filter(loaded_at__isnull=False).first()
    if not world:
        return 0
    known = Quote.objects.filter(is_current=True).aggregate(last=Max("day"))["last"]
    over = [day for day in fed(known or date.min, at.date()) if closes.received_at(day) <= at]
    if over:
        import_whole(files.quotes(over), at=at)
    pay(at=at)
    world.reached_at = max(at, world.reached_at)
    world.save(update_fields=["reached_at"])
    return len(over)


def pay(*, at: datetime) -> int:
    """Mark payments as paid on the days on which they were due; return how many."""
    due: dict[date, list[int]] = defaultdict(list)
    for payment in Payment.objects.filter(state=Payment.State.PLANNED, due_on__lte=at.date()):
        due[payment.due_on].append(payment.pk)
    return sum(mark_paid(payments, on=day, at=at) for day, payments in due.items())
