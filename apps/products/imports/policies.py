"""The file of policies: who holds what, for how much, from when to when."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet, prefetch_related_objects
from django.utils.translation import gettext as _

from apps.core import money
from apps.core.imports.columns import Currency, Day, Text
from apps.core.imports.resource import Row, Stored, TableResource
from apps.products.imports.amounts import Amount, minor_units
from apps.products.imports.markets import said, unknown
from apps.products.models.holdings import Policy, PolicyCoupon
from apps.products.models.strategies import Strategy
from apps.profiles.models import Client, Identifier

RUNNING = (Strategy.State.DRAFT, Strategy.State.PUBLISHED)


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

    key = ("number",)

    class Meta:
        model = Policy

    def look_up(self, rows: Sequence[Row]) -> None:
        self.clients = dict(
            Identifier.objects.filter(
                kind=Identifier.Kind.CORE_ID, value__in=said(rows, "core_id")
            ).values_list("value", "client_id")
        )
        self.strategies = {strategy.code: strategy for strategy in Strategy.objects.all()}
        self.with_coupons = _with_coupons(Policy.objects.filter(number__in=said(rows, "number")))

    def present(self, rows: Sequence[Row]) -> Iterable[Policy]:
        return Policy.objects.filter(number__in=said(rows, "number"))

    def stored(self, instances: Sequence[Policy]) -> Iterator[Stored]:
        prefetch_related_objects(instances, "strategy", "client__identifiers")
        for policy in instances:
            strategy = policy.strategy
            places = money.decimals(strategy.currency)
            yield Stored(
                policy,
                {
                    "number": policy.number,
                    "core_id": _core_id(policy.client),
                    "strategy": strategy.code,
                    "nominal": money.major_units(policy.nominal, places),
                    "premium": money.major_units(policy.premium, places),
                    "currency": strategy.currency,
                    "starts_on": policy.starts_on,
                    "ends_on": policy.ends_on,
                },
            )

    def check(self, row: Row) -> None:
        core_id, code = row.values.get("core_id"), row.values.get("strategy", "")
        if core_id and core_id not in self.clients:
            row.refuse("core_id", unknown(_("client"), core_id, ()))
        strategy = self.strategies.get(code)
        if strategy:
            self._check_amounts(row, strategy)
        elif code:
            row.refuse("strategy", unknown(_("strategy"), code, self.strategies))
        starts_on, ends_on = row.values.get("starts_on"), row.values.get("ends_on")
        if starts_on and ends_on and ends_on <= starts_on:
            row.refuse("ends_on", _("The policy must end after it starts."))
        if row.stored:
            self._check_changes(row)
        elif strategy and strategy.state not in RUNNING:
            row.refuse("strategy", _("%(strategy)s has ended.") % {"strategy": strategy})

    def _check_amounts(self, row: Row, strategy: Strategy) -> None:
        if row.values.get("currency", strategy.currency) != strategy.currency:
            row.refuse(
                "currency",
                _("%(strategy)s is in %(currency)s.")
                % {"strategy": strategy, "currency": strategy.currency},
            )
            return
        minor_units(row, "premium", strategy.currency)
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
            )

    def _check_changes(self, row: Row) -> None:
        policy: Policy = row.instance
        if "core_id" in row.changes:
            row.refuse("number", _("This policy already belongs to another client."))
        elif policy.state != Policy.State.ACTIVE:
            for column in row.changes:
                row.refuse(
                    column,
                    _("The policy is %(state)s; it no longer changes.")
                    % {"state": policy.get_state_display()},
                )
        elif policy.number in self.with_coupons:
            for column in row.changes - {"premium"}:
                row.refuse(column, _("The policy has coupons already; this no longer changes."))

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        known = Policy.objects.filter(pk__in=[row.instance.pk for row in rows if row.stored])
        # In the order of an evaluation, which holds the policies it pays: no deadlock.
        list(known.select_for_update(no_key=True).order_by("pk").values_list("pk"))
        paid_since = _with_coupons(known) - self.with_coupons
        for row in rows:
            if row.values["number"] in paid_since and row.changes - {"premium"}:
                row.refuse("number", _("The policy got a coupon a moment ago."))
                continue
            policy = row.instance = row.instance or Policy(number=row.values["number"])
            policy.client_id = self.clients[row.values["core_id"]]
            policy.strategy = self.strategies[row.values["strategy"]]
            for name in ("nominal", "premium"):
                setattr(policy, name, minor_units(row, name, policy.strategy.currency))
            policy.starts_on, policy.ends_on = row.values["starts_on"], row.values["ends_on"]
        Policy.objects.bulk_create([row.instance for row in rows if not row.stored], 1000)
        Policy.objects.bulk_create(
            [row.instance for row in rows if row.stored],
            1000,
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=["strategy", "nominal", "premium", "starts_on", "ends_on"],
        )


def _with_coupons(policies: QuerySet[Policy]) -> set[str]:
    """Return the numbers of those policies that have coupons."""
    return set(
        policies.filter(Exists(PolicyCoupon.objects.filter(policy=OuterRef("pk")))).values_list(
            "number", flat=True
        )
    )


def _core_id(client: Client) -> str | None:
    kind = Identifier.Kind.CORE_ID
    return next((each.value for each in client.identifiers.all() if each.kind == kind), None)
