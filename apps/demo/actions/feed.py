"""What reaches the demo's world from outside: files, and the payments of coupons that are due."""

from collections import defaultdict
from datetime import date, datetime

from django.db import transaction
from django.db.models import Max

from apps.core.imports.resource import import_file
from apps.demo.models import World
from apps.demo.world import closes, files
from apps.demo.world.files import File
from apps.demo.world.timeline import fed
from apps.products.actions.payments import mark_paid
from apps.products.imports.accounts import AccountResource, TransactionResource
from apps.products.imports.deadlines import DeadlineResource
from apps.products.imports.instalments import CreditAccountResource, InstalmentResource
from apps.products.imports.markets import (
    CorporateActionResource,
    TradingDayResource,
    UnderlyingResource,
)
from apps.products.imports.policies import PolicyResource
from apps.products.imports.quotes import QuoteResource
from apps.products.imports.strategies import StrategyResource
from apps.products.models.holdings import Payment
from apps.products.models.markets import Quote
from apps.profiles.imports.clients import ClientResource

RESOURCES = {
    "accounts": AccountResource,
    "clients": ClientResource,
    "corporate_actions": CorporateActionResource,
    "deadlines": DeadlineResource,
    "instalment_accounts": CreditAccountResource,
    "instalments": InstalmentResource,
    "policies": PolicyResource,
    "quotes": QuoteResource,
    "strategies": StrategyResource,
    "trading_days": TradingDayResource,
    "transactions": TransactionResource,
    "underlyings": UnderlyingResource,
}


class RefusedError(Exception):
    """A file of the demo was refused; the text is the import's report."""


def import_whole(file: File, *, at: datetime) -> None:
    """Import a file as a marketer would; raise RefusedError unless it lands whole."""
    report = import_file(RESOURCES[file.kind], file.content, filename=file.name, at=at)
    if not report.ok:
        raise RefusedError(str(report))


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
