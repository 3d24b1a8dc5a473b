"""What came too late: policies whose observation was over, and policies on strategies that ended."""

from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Least

from apps.products.models.holdings import Policy, PolicyCoupon
from apps.products.models.strategies import ObservationResult, Strategy

LOOK_BACK = timedelta(days=400)  # older ones are found on their strategy's page


def owed(result: ObservationResult) -> QuerySet[Policy]:
    """Return the active policies that a result concerns and that have no coupon of it."""
    observation = result.observation
    held_on = min(observation.scheduled_on, observation.valuation_on)
    return Policy.objects.filter(
        ~Exists(PolicyCoupon.objects.filter(result=result, policy=OuterRef("pk"))),
        strategy=observation.strategy_id,
        state=Policy.State.ACTIVE,
        starts_on__lte=observation.valuation_on,
        ends_on__gte=held_on,
    )


def late_policies(*, at: datetime) -> QuerySet[Policy]:
    """Return policies entered or issued after they began that lack an evaluated coupon."""
    missed = (
        ObservationResult.objects.current()
        .annotate(held_on=Least("observation__scheduled_on", "observation__valuation_on"))
        .filter(
            ~Exists(
                PolicyCoupon.objects.filter(result=OuterRef("pk"), policy=OuterRef(OuterRef("pk")))
            ),
            observation__strategy=OuterRef("strategy"),
            observation__valuation_on__gte=OuterRef("starts_on"),
            held_on__lte=OuterRef("ends_on"),
        )
    )
    since = (at - LOOK_BACK).date()
    entered = Q(entered_on__gte=since, entered_on__gt=F("starts_on"))
    issued = Q(issued_on__gte=since, issued_on__gt=F("starts_on"))
    return (
        Policy.objects.filter(entered | issued, Exists(missed), state=Policy.State.ACTIVE)
        .select_related("strategy", "client")
        .order_by("strategy", "pk")
    )


def stray_policies() -> QuerySet[Policy]:
    """Return active policies on strategies that have ended; those that are merely late are not."""
    ended = Strategy.objects.filter(
        pk=OuterRef("strategy"), state__in=[Strategy.State.CALLED, Strategy.State.MATURED]
    )
    called = Q(strategy__called_on__isnull=True) | Q(starts_on__gt=F("strategy__called_on"))
    return (
        Policy.objects.filter(Exists(ended), called, state=Policy.State.ACTIVE)
        .exclude(strategy__state=Strategy.State.MATURED, starts_on__lte=F("strategy__matures_on"))
        .select_related("strategy", "client")
        .order_by("strategy", "pk")
    )
