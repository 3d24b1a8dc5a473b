"""The file of policies: who holds what, for how much, from when to when."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, QuerySet, prefetch_related_objects
from django.utils.translation import gettext as _

from apps.core import money
from apps.core.clock import issuer_day
from apps.core.imports.columns import Choice, Currency, Day, Text
from apps.core.imports.resource import Row, Stored, TableResource
from apps.products.actions.payments import write_plans
from apps.products.actions.policies import note_changes
from apps.products.imports.amounts import Amount, minor_units
from apps.products.imports.markets import said, unknown
from apps.products.imports.owned import contradictions, core_id, same_owner
from apps.products.models.holdings import Policy, PolicyCoupon
from apps.products.models.lifecycle import PaymentPlan
from apps.products.models.strategies import Strategy
from apps.profiles.actions.conflicts import hold_claims
from apps.profiles.actions.locks import hold_identities
from apps.profiles.imports.newcomers import contract_of_erased
from apps.profiles.models import Identifier
from apps.profiles.queries.suppressions import erased_identifiers

RUNNING = (Strategy.State.DRAFT, Strategy.State.PUBLISHED)
NEW = (Policy.State.APPLIED, Policy.State.ACTIVE)
PLAN = ("plan_amount", "plan_frequency", "plan_first_on", "plan_last_on")
# What may change although coupons were counted.
FREE = {"premium", "issued_on", "waiting_until", *PLAN}
FIELDS = ["strategy", "nominal", "premium", "starts_on", "ends_on", "issued_on", "waiting_until",
          "state", "is_untold"]  # fmt: skip


class PolicyResource(TableResource):
    """One row a policy; amounts in whole units of the strategy's currency, like 1500.00."""

    number = Text(40, required=True)
    core_id = Text(200, required=True)
    strategy = Text(40, required=True)
    nominal = Amount(required=True)
    premium = Amount(required=True)
    currency = Currency(required=True)
    starts_on = Day(required=True)
    ends_on = Day(required=True)
    state = Choice(Policy.State.values)
    issued_on = Day()
    waiting_until = Day()
    plan_amount = Amount()
    plan_frequency = Choice(PaymentPlan.Frequency.values)
    plan_first_on = Day()
    plan_last_on = Day()

    key = ("number",)

    class Meta:
        model = Policy

    def look_up(self, rows: Sequence[Row]) -> None:
        hold_identities()
        self.clients = dict(
            Identifier.objects.filter(
                kind=Identifier.Kind.CORE_ID, value__in=said(rows, "core_id")
            ).values_list("value", "client_id")
        )
        numbers = said(rows, "number")
        self.erased = erased_identifiers(Identifier.Kind.CONTRACT, numbers)
        self.strategies = {strategy.code: strategy for strategy in Strategy.objects.all()}
        self.with_coupons = _with_coupons(Policy.objects.filter(number__in=numbers))

    def present(self, rows: Sequence[Row]) -> Iterable[Policy]:
        return Policy.objects.filter(number__in=said(rows, "number"))

    def stored(self, instances: Sequence[Policy]) -> Iterator[Stored]:
        prefetch_related_objects(instances, "strategy", "client__identifiers", "plans")
        for policy in instances:
            strategy = policy.strategy
            places = money.decimals(strategy.currency)
            yield Stored(
                policy,
                {
                    "number": policy.number,
                    "core_id": core_id(policy.client),
                    "strategy": strategy.code,
                    "nominal": money.major_units(policy.nominal, places),
                    "premium": money.major_units(policy.premium, places),
                    "currency": strategy.currency,
                    "starts_on": policy.starts_on,
                    "ends_on": policy.ends_on,
                    "state": policy.state,
                    "issued_on": policy.issued_on,
                    "waiting_until": policy.waiting_until,
                    **_planned(policy, places),
                },
            )

    def settle(self, row: Row) -> None:
        same_owner(row, self.clients)

    def hold(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        hold_claims(contradictions(rows, self.clients, filename), at=at)

    def check(self, row: Row) -> None:
        core_id, code = row.values.get("core_id"), row.values.get("strategy", "")
        if core_id and core_id not in self.clients:
            row.refuse("core_id", unknown(_("client"), core_id, ()), "unknown_client")
        strategy = self.strategies.get(code)
        if strategy:
            self._check_amounts(row, strategy)
        elif code:
            row.refuse(
                "strategy", unknown(_("strategy"), code, self.strategies), "unknown_strategy"
            )
        starts_on, ends_on = row.values.get("starts_on"), row.values.get("ends_on")
        if starts_on and ends_on and ends_on <= starts_on:
            row.refuse("ends_on", _("The policy must end after it starts."), "days_out_of_order")
        self._check_plan(row)
        if row.stored:
            self._check_changes(row)
            return
        self._check_new(row, strategy)

    def _check_new(self, row: Row, strategy: Strategy | None) -> None:
        if row.values.get("number") in self.erased:
            self.ask(row, "number", contract_of_erased(), "erased_person")
        if row.values.get("state", Policy.State.ACTIVE) not in NEW:
            row.refuse("state", _("A new policy is applied or active."), "not_for_files")
        if strategy and strategy.state not in RUNNING:
            row.refuse(
                "strategy",
                _("%(strategy)s has ended.") % {"strategy": strategy},
                "no_longer_changes",
            )

    def _check_amounts(self, row: Row, strategy: Strategy) -> None:
        if row.values.get("currency", strategy.currency) != strategy.currency:
            row.refuse(
                "currency",
                _("%(strategy)s is in %(currency)s.")
                % {"strategy": strategy, "currency": strategy.currency},
                "other_currency",
            )
            return
        minor_units(row, "premium", strategy.currency)
        minor_units(row, "plan_amount", strategy.currency)
        nominal = minor_units(row, "nominal", strategy.currency)
        note = strategy.denomination
        if nominal and note and nominal % note:
            row.refuse(
                "nominal",
                _("%(nominal)s is no multiple of one note, %(note)s.")
                % {
                    "nominal": self.fields["nominal"].write(row.values["nominal"]),
                    "note": money.major_units(note, money.decimals(strategy.currency)),
                },
                "no_multiple",
            )

    def _check_plan(self, row: Row) -> None:
        known = {**(row.stored.values if row.stored else {}), **row.values}
        missing = [name for name in PLAN if known.get(name) is None]
        if {fault.column for fault in row.faults} & {*PLAN}:
            return
        if missing and len(missing) < len(PLAN):
            row.refuse(
                missing[0],
                _("A plan needs its amount, frequency, first and last day."),
                "missing_value",
            )
        elif not missing:
            plan = PaymentPlan(
                frequency=known["plan_frequency"],
                first_on=known["plan_first_on"],
                last_on=known["plan_last_on"],
            )
            try:
                plan.clean()
            except ValidationError as error:
                row.refuse("plan_last_on", " ".join(error.messages), "contradiction")
            if plan.last_on < plan.first_on:
                row.refuse(
                    "plan_last_on",
                    _("The last payment cannot lie before the first."),
                    "days_out_of_order",
                )

    def _check_changes(self, row: Row) -> None:
        policy: Policy = row.instance
        if "core_id" in row.changes:
            row.wait("number", _("This policy already belongs to another client."), code="conflict")
        elif policy.state not in NEW:
            for column in row.changes:
                row.refuse(
                    column,
                    _("The policy is %(state)s; it no longer changes.")
                    % {"state": policy.get_state_display()},
                    "no_longer_changes",
                )
        elif "state" in row.changes and (policy.state, row.values["state"]) != NEW:
            row.refuse(
                "state",
                _("A file brings a policy that was applied for into force, no more."),
                "not_for_files",
            )
        elif policy.number in self.with_coupons:
            for column in row.changes - FREE:
                row.refuse(
                    column,
                    _("The policy has coupons already; this no longer changes."),
                    "no_longer_changes",
                )

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        known = Policy.objects.filter(pk__in=[row.instance.pk for row in rows if row.stored])
        # In the order of an evaluation, which holds the policies it pays: no deadlock.
        list(known.select_for_update(no_key=True).order_by("pk").values_list("pk"))
        paid_since = _with_coupons(known) - self.with_coupons
        for row in rows:
            if row.values["number"] in paid_since and row.changes - FREE:
                row.refuse(
                    "number", _("The policy got a coupon a moment ago."), "changed_meanwhile"
                )
                continue
            policy = row.instance = row.instance or Policy(number=row.values["number"])
            policy.client_id = self.clients[row.values["core_id"]]
            policy.strategy = self.strategies[row.values["strategy"]]
            for name in ("nominal", "premium"):
                setattr(policy, name, minor_units(row, name, policy.strategy.currency))
            for name in ("starts_on", "ends_on", "issued_on", "waiting_until", "state"):
                setattr(policy, name, row.values.get(name, getattr(policy, name)))
        Policy.objects.bulk_create([row.instance for row in rows if not row.stored], 1000)
        self._tell(rows, at=at)
        Policy.objects.bulk_create(
            [row.instance for row in rows if row.stored],
            1000,
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=FIELDS,
        )
        self._plan([row for row in rows if row.changes & {*PLAN}], at=at)

    def _tell(self, rows: Sequence[Row], *, at: datetime) -> None:
        """Have new dates told; where the timeline knows other ones, say that they changed."""
        changed = [row.instance for row in rows if row.stored and row.changes - {"premium", *PLAN}]
        note_changes([policy for policy in changed if not policy.is_untold], at=at)
        for policy in changed:
            policy.is_untold = True

    def _plan(self, rows: Sequence[Row], *, at: datetime) -> None:
        plans = []
        for row in rows:
            policy: Policy = row.instance
            known = {**(row.stored.values if row.stored else {}), **row.values}
            amount = known["plan_amount"]
            plans.append(
                PaymentPlan(
                    policy=policy,
                    kind=PaymentPlan.Kind.PREMIUM,
                    amount=money.minor_units(amount, money.decimals(policy.strategy.currency)),
                    frequency=known["plan_frequency"],
                    first_on=known["plan_first_on"],
                    last_on=known["plan_last_on"],
                )
            )
        PaymentPlan.objects.bulk_create(
            plans,
            1000,
            update_conflicts=True,
            unique_fields=["policy", "kind"],
            update_fields=["amount", "frequency", "first_on", "last_on"],
        )
        written = PaymentPlan.objects.filter(
            policy__in=[plan.policy_id for plan in plans], kind=PaymentPlan.Kind.PREMIUM
        )
        write_plans(list(written.values_list("pk", flat=True)), on=issuer_day(at), at=at)


def _planned(policy: Policy, places: int) -> dict[str, Any]:
    """Return the cells of the plan by which the premium is paid, empty where there is none."""
    plans = [plan for plan in policy.plans.all() if plan.kind == PaymentPlan.Kind.PREMIUM]
    if not plans:
        return dict.fromkeys(PLAN)
    (plan,) = plans
    amount = money.major_units(plan.amount, places)
    return dict(zip(PLAN, (amount, plan.frequency, plan.first_on, plan.last_on), strict=True))


def _with_coupons(policies: QuerySet[Policy]) -> set[str]:
    """Return the numbers of those policies that have coupons."""
    return set(
        policies.filter(Exists(PolicyCoupon.objects.filter(policy=OuterRef("pk")))).values_list(
            "number", flat=True
        )
    )
