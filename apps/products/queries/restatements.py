"""What restatements changed, in sums for the back office; the lines are `Correction`."""

from dataclasses import dataclass

from django.db.models import Count, F, QuerySet, Sum

from apps.products.models.corrections import Correction
from apps.products.models.holdings import Payment
from apps.products.models.restatements import RestatedStrategy, Restatement


@dataclass(frozen=True, slots=True)
class Total:
    """What a restatement changed in one currency; amounts in minor units."""

    currency: str
    policies: int
    observations: int
    before: int
    after: int

    @property
    def difference(self) -> int:
        return self.after - self.before


def totals(restatement: Restatement) -> list[Total]:
    """Return a restatement's sums by currency; one query."""
    sums = (
        Correction.objects.filter(restatement=restatement)
        .values(currency=F("policy__strategy__currency"))
        .annotate(
            policies=Count("policy", distinct=True),
            observations=Count("observation", distinct=True),
            before=Sum(F("amount_before") + F("capital_before")),
            after=Sum(F("amount") + F("capital")),
        )
        .order_by("currency")
    )
    return [Total(**row) for row in sums]


def waiting_for_second_person() -> QuerySet[Restatement]:
    return Restatement.objects.filter(state=Restatement.State.PROPOSED).order_by("pk")


def stuck_strategies() -> QuerySet[RestatedStrategy]:
    """Return the strategies of restatements that lack something."""
    return (
        RestatedStrategy.objects.filter(
            state=RestatedStrategy.State.QUEUED, restatement__state=Restatement.State.QUEUED
        )
        .exclude(waiting_for="")
        .select_related("strategy", "restatement")
        .order_by("pk")
    )


def overpayments() -> QuerySet[Payment]:
    """Return what clients were paid too much and nobody has decided on."""
    return _waiting().filter(amount__lt=0)


def doubtful_capital() -> QuerySet[Payment]:
    """Return capital beside money taken out, of which nobody has decided which is owed."""
    return _waiting().filter(amount__gt=0)


def _waiting() -> QuerySet[Payment]:
    return (
        Payment.objects.filter(state=Payment.State.HELD)
        .select_related("policy__client", "policy__strategy")
        .order_by("-due_on", "pk")
    )
