"""Changes of a contract by somebody's decision: from a day on, with their money and their history."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from apps.core import money
from apps.core.clock import issuer_day, issuer_moment
from apps.events.actions import Fact, record
from apps.products.actions.payments import cancel
from apps.products.models.holdings import Payment, Policy, PolicyCoupon
from apps.products.models.lifecycle import PolicyChange
from apps.products.models.strategies import Observation
from apps.products.queries.late import late_policies

Kind = PolicyChange.Kind
ENDS = {Kind.SURRENDER: Policy.State.SURRENDERED, Kind.LAPSE: Policy.State.LAPSED}
PAYS = {
    Kind.TOP_UP: Payment.Kind.TOP_UP,
    Kind.WITHDRAWAL: Payment.Kind.WITHDRAWAL,
    Kind.SURRENDER: Payment.Kind.SURRENDER,
}
TOLD = {
    Kind.TOP_UP: "policy.topped_up",
    Kind.WITHDRAWAL: "policy.withdrawn",
    Kind.SURRENDER: "policy.surrendered",
    Kind.LAPSE: "policy.lapsed",
}


class ChangeError(ValueError):
    """A contract cannot be changed so; the message says why, for a marketer."""


@dataclass(frozen=True)
class Wanted:
    """What is to change: `nominal` is how much of it is added or taken, `amount` the money moved."""

    policy_id: int
    kind: str
    on: date
    nominal: int = 0
    amount: int = 0
    reason: str = ""


@transaction.atomic
def issue(policy_id: int, *, on: date) -> bool:
    """Bring a contract that was applied for into force; False where it already was."""
    applied = Policy.objects.filter(pk=policy_id, state=Policy.State.APPLIED)
    return bool(applied.update(state=Policy.State.ACTIVE, issued_on=on, is_untold=True))


@transaction.atomic
def change_policy(wanted: Wanted, *, at: datetime) -> PolicyChange:
    """Top up, reduce or end an active contract from a day on, and plan the money that this moves.

    What was observed before that day was counted on the nominal of then, and stays. Raises
    ChangeError.
    """
    # An evaluation takes its observation first and the contracts after it; so do we.
    strategy_id = Policy.objects.values_list("strategy_id", flat=True).get(pk=wanted.policy_id)
    observations = Observation.objects.filter(strategy=strategy_id).order_by("pk")
    list(observations.select_for_update(no_key=True).values_list("pk"))
    policy = (
        Policy.objects.select_related("strategy")
        .select_for_update(no_key=True, of=("self",))
        .get(pk=wanted.policy_id)
    )
    if policy.state != Policy.State.ACTIVE:
        raise ChangeError(
            _("The policy is %(state)s; it no longer changes.")
            % {"state": policy.get_state_display()}
        )
    _check_day(policy, wanted.on, at=at)
    after = _nominal_after(policy, wanted)
    change = PolicyChange.objects.create(
        policy=policy,
        kind=wanted.kind,
        effective_on=wanted.on,
        nominal_before=policy.nominal,
        nominal_after=after,
        payment=_payment(policy, wanted),
        reason=wanted.reason,
        made_at=at,
    )
    if wanted.kind in ENDS:
        _end(policy, change, at=at)
    else:
        policy.nominal = after
        policy.save(update_fields=["nominal"])
    _tell(policy, change, wanted.amount, at=at)
    return change


def note_changes(policies: Iterable[Policy], *, at: datetime) -> int:
    """Tell the timelines that contracts now read otherwise; return how many were told."""
    return record(
        Fact(
            client_id=policy.client_id,
            kind="policy.changed",
            subject=f"policy:{policy.pk}",
            occurred_at=at,
            source_key=f"policy:{policy.pk}:changed:{at.isoformat()}",
            properties={
                "policy": policy.pk,
                "strategy": policy.strategy_id,
                "nominal": policy.nominal,
                "currency": policy.strategy.currency,
                "starts_on": policy.starts_on.isoformat(),
                "ends_on": policy.ends_on.isoformat(),
            },
        )
        for policy in policies
    )


def _check_day(policy: Policy, on: date, *, at: datetime) -> None:
    """Refuse days on which nothing can change any more, or not yet."""
    if on > issuer_day(at):
        raise ChangeError(
            _("Write it down on the day itself: %(day)s is still ahead.") % {"day": on}
        )
    if not policy.starts_on <= on <= policy.ends_on:
        raise ChangeError(
            _("The policy runs from %(first)s to %(last)s; choose a day between them.")
            % {"first": policy.starts_on, "last": policy.ends_on}
        )
    later = policy.changes.filter(effective_on__gt=on).order_by("effective_on").first()
    if later:
        raise ChangeError(
            _("A change from %(day)s on is recorded already; choose that day or a later one.")
            % {"day": later.effective_on}
        )
    counted = (
        PolicyCoupon.objects.filter(
            policy=policy, observation__valuation_on__gte=on, result__superseded_by=None
        )
        .order_by("-observation__valuation_on")
        .values_list("observation__valuation_on", flat=True)
        .first()
    )
    if counted:
        raise ChangeError(
            _("The coupon of %(day)s is counted already; choose a later day.") % {"day": counted}
        )
    waiting = (
        Observation.objects.filter(
            strategy=policy.strategy_id,
            state__in=Observation.OPEN,
            valuation_on__gte=policy.starts_on,
            valuation_on__lt=on,
        )
        .order_by("valuation_on")
        .first()
    )
    if waiting:
        raise ChangeError(
            _("The observation of %(day)s is not evaluated yet; it counts with what was before.")
            % {"day": waiting.valuation_on}
        )
    if late_policies(at=at).filter(pk=policy.pk).exists():
        raise ChangeError(
            _(
                "The policy came after an observation that concerns it; evaluate the late policies "
                "of its strategy first."
            )
        )


def _nominal_after(policy: Policy, wanted: Wanted) -> int:
    if wanted.kind in ENDS:
        return 0
    strategy = policy.strategy
    if wanted.nominal <= 0:
        raise ChangeError(_("Say by how much the nominal changes."))
    if strategy.denomination and wanted.nominal % strategy.denomination:
        places = money.decimals(strategy.currency)
        raise ChangeError(
            _("%(nominal)s is no multiple of one note, %(note)s.")
            % {
                "nominal": money.major_units(wanted.nominal, places),
                "note": money.major_units(strategy.denomination, places),
            }
        )
    up = wanted.kind == Kind.TOP_UP
    after = policy.nominal + (wanted.nominal if up else -wanted.nominal)
    if after <= 0:
        raise ChangeError(_("Nothing would be left; choose a surrender."))
    return after


def _payment(policy: Policy, wanted: Wanted) -> Payment | None:
    if wanted.kind not in PAYS or not wanted.amount:
        return None
    return Payment.objects.create(
        policy=policy, kind=PAYS[Kind(wanted.kind)], amount=wanted.amount, due_on=wanted.on
    )


def _end(policy: Policy, change: PolicyChange, *, at: datetime) -> None:
    """Close the contract; what its client would still have paid in falls away."""
    policy.state, policy.closed_on = ENDS[Kind(change.kind)], change.effective_on
    policy.save(update_fields=["state", "closed_on"])
    owed = policy.payments.filter(
        kind__in=Payment.INCOMING, state=Payment.State.PLANNED, due_on__gte=change.effective_on
    )
    because = _("The policy is %(state)s.") % {"state": policy.get_state_display()}
    cancel(list(owed.values_list("pk", flat=True)), because=because, on=change.effective_on, at=at)


def _tell(policy: Policy, change: PolicyChange, amount: int, *, at: datetime) -> None:
    fact = Fact(
        client_id=policy.client_id,
        kind=TOLD[Kind(change.kind)],
        subject=f"policy:{policy.pk}",
        occurred_at=issuer_moment(change.effective_on, at=at),
        source_key=f"change:{change.pk}",
        properties={
            "policy": policy.pk,
            "strategy": policy.strategy_id,
            "nominal": change.nominal_after,
            "before": change.nominal_before,
            "amount": amount,
            "currency": policy.strategy.currency,
            "on": change.effective_on.isoformat(),
            "reason": change.reason,
        },
    )
    record([fact])
