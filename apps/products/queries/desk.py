"""What the back office shows of strategies and holdings, bounded so that it stays quick."""

from datetime import date, datetime, timedelta

from django.db.models import QuerySet

from apps.products.models.holdings import Payment, Policy
from apps.products.models.markets import Quote
from apps.products.models.strategies import Observation, ObservationResult, Strategy
from apps.profiles.models import Client

AGENDA = timedelta(days=14)


def results_newest_first(observation: Observation) -> list[ObservationResult]:
    """Return the observation's results, newest first."""
    return list(
        observation.results.select_related("worst__underlying").order_by("-evaluated_at", "-pk")
    )


def observations_with_results(
    strategy: Strategy,
) -> list[tuple[Observation, ObservationResult | None]]:
    """Return the strategy's observations in order, each with the result that counts; two queries."""
    results = {
        result.observation_id: result
        for result in ObservationResult.objects.current()
        .filter(observation__strategy=strategy)
        .select_related("worst__underlying")
    }
    observations = strategy.observations.order_by("number")
    return [(observation, results.get(observation.pk)) for observation in observations]


def held_quotes() -> QuerySet[Quote]:
    """Return the prices that wait for a second look, restatements too, newest first."""
    return (
        Quote.objects.filter(state=Quote.State.HELD)
        .select_related("underlying")
        .order_by("-day", "underlying__ticker")
    )


def coming_observations(*, at: datetime, limit: int = 30) -> list[Observation]:
    """Return what live strategies observe in the coming days, soonest first."""
    today = at.date()
    return list(
        Observation.objects.filter(
            state__in=Observation.OPEN,
            strategy__state=Strategy.State.PUBLISHED,
            valuation_on__range=(today, today + AGENDA),
        )
        .select_related("strategy")
        .order_by("valuation_on", "pk")[:limit]
    )


def policies_held(client: Client, limit: int = 20) -> list[Policy]:
    """Return the client's newest policies."""
    return list(client.policies.select_related("strategy").order_by("-starts_on", "-pk")[:limit])


def overdue_payments(payments: QuerySet[Payment], *, today: date) -> QuerySet[Payment]:
    """Keep what should have been paid, in or out, before today."""
    return payments.filter(state=Payment.State.PLANNED, due_on__lt=today)
