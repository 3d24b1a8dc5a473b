"""The file of payments: what was paid in or out, or is to be, known by the reference of a bank."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from django.db.models import Q, prefetch_related_objects
from django.utils.translation import gettext as _

from apps.core import money
from apps.core.clock import issuer_day
from apps.core.imports.columns import Choice, Currency, Day, Text
from apps.core.imports.resource import Row, Stored, TableResource
from apps.products.actions.payments import cancel, mark_failed, mark_paid
from apps.products.imports.amounts import Amount, minor_units
from apps.products.imports.markets import said, unknown
from apps.products.models.holdings import Payment, Policy

Kind, State = Payment.Kind, Payment.State
# What a file may bring by itself; coupons and what is paid back are counted here and only settled.
BROUGHT = (Kind.PREMIUM, Kind.INSTALMENT, Kind.TOP_UP, Kind.WITHDRAWAL, Kind.SURRENDER)
STATES = (State.PLANNED, State.PAID, State.FAILED, State.CANCELLED)
MOVES = {
    (State.PLANNED, State.PAID), (State.FAILED, State.PAID), (State.PLANNED, State.FAILED),
    (State.PAID, State.FAILED), (State.PLANNED, State.CANCELLED), (State.FAILED, State.CANCELLED),
}  # fmt: skip
LEAST = date(1990, 1, 1)
OWN = re.compile(r"T-([1-9][0-9]{0,17})")  # how we name a payment that nobody else has named


class PaymentResource(TableResource):
    """One row a payment; amounts in whole units of the policy's currency, like 1500.00."""

    reference = Text(60, required=True)
    policy = Text(40, required=True)
    kind = Choice(Kind.values, required=True)
    amount = Amount(required=True)
    currency = Currency(required=True)
    due_on = Day(required=True)
    state = Choice(State.values, required=True)
    paid_on = Day()
    because = Text(200)

    key = ("reference",)

    class Meta:
        model = Payment

    def look_up(self, rows: Sequence[Row]) -> None:
        self.policies = {
            policy.number: policy
            for policy in Policy.objects.filter(number__in=said(rows, "policy")).select_related(
                "strategy"
            )
        }
        self.waiting: dict[tuple[Any, ...], list[Payment]] = defaultdict(list)
        for payment in Payment.objects.filter(
            policy__in=self.policies.values(), reference="", state__in=Payment.OPEN
        ).order_by("-pk"):
            self.waiting[_what(payment)].append(payment)

    def present(self, rows: Sequence[Row]) -> Iterable[Payment]:
        references = said(rows, "reference")
        own = [match[1] for each in references if (match := OWN.fullmatch(each))]
        return Payment.objects.filter(Q(reference__in=references) | Q(reference="", pk__in=own))

    def stored(self, instances: Sequence[Payment]) -> Iterator[Stored]:
        prefetch_related_objects(instances, "policy__strategy")
        for payment in instances:
            currency = payment.policy.strategy.currency
            yield Stored(
                payment,
                {
                    "reference": payment.reference or f"T-{payment.pk}",
                    "policy": payment.policy.number,
                    "kind": payment.kind,
                    "amount": money.major_units(payment.amount, money.decimals(currency)),
                    "currency": currency,
                    "due_on": payment.due_on,
                    "state": payment.state,
                    "paid_on": payment.paid_on,
                    "because": payment.because or None,
                },
            )

    def check(self, row: Row) -> None:
        number = row.values.get("policy", "")
        policy = self.policies.get(number)
        if policy is None:
            if number:
                row.refuse("policy", unknown(_("policy"), number, ()), "unknown_policy")
            return
        currency = policy.strategy.currency
        if row.values.get("currency", currency) != currency:
            row.refuse(
                "currency",
                _("%(policy)s is in %(currency)s.") % {"policy": policy, "currency": currency},
                "other_currency",
            )
            return
        minor_units(row, "amount", currency)
        self._check_state(row)
        if row.stored:
            self._check_changes(row)
        elif not row.faults:
            self._find(row, policy)

    def _check_state(self, row: Row) -> None:
        said_state = row.values.get("state")
        if said_state == State.PAID and "paid_on" not in row.values:
            row.refuse("paid_on", _("Say on which day it was paid."), "missing_value")
        if said_state != State.PAID and "paid_on" in row.values:
            row.refuse("paid_on", _("Only what is paid has a day of payment."), "not_paid_yet")
        if "state" in row.changes and said_state not in STATES:
            row.refuse(
                "state",
                _("“%(cell)s” is not for a file to say.") % {"cell": said_state},
                "not_for_files",
            )

    def _check_changes(self, row: Row) -> None:
        payment: Payment = row.instance
        if row.changes & {"policy", "kind", "amount", "currency", "due_on"}:
            row.refuse(
                "reference", _("This reference already names another payment."), "known_otherwise"
            )
        elif "state" in row.changes and (payment.state, row.values["state"]) not in MOVES:
            row.refuse(
                "state",
                _("It is %(state)s, and does not become this any more.")
                % {"state": payment.get_state_display()},
                "no_longer_changes",
            )
        elif "paid_on" in row.changes and "state" not in row.changes:
            row.refuse(
                "paid_on",
                _("It was paid on %(day)s.") % {"day": payment.paid_on},
                "known_otherwise",
            )

    def _find(self, row: Row, policy: Policy) -> None:
        """Take the open payment that the row settles, if there is one; else it is a new one."""
        kind, due_on = row.values["kind"], row.values["due_on"]
        amount = minor_units(row, "amount", policy.strategy.currency)
        found = self.waiting.get((policy.pk, kind, amount, due_on))
        if OWN.fullmatch(row.values["reference"]):
            row.refuse("reference", _("We have no payment of this name."), "unknown_payment")
        elif found:
            row.instance = found.pop()
        elif kind not in BROUGHT:
            row.refuse(
                "amount",
                _("No open %(kind)s of this amount is due on that day; it is counted here.")
                % {"kind": Kind(kind).label},
                "unknown_payment",
            )

    def save(self, rows: Sequence[Row], *, at: datetime, filename: str) -> None:
        today = issuer_day(at)
        for row in rows:
            if row.values.get("paid_on", LEAST) > today:
                row.refuse("paid_on", _("That day is still ahead."), "day_in_future")
        new = [row for row in rows if row.instance is None]
        found = [row for row in rows if row.instance and row.stored is None]
        for row in new:
            policy = self.policies[row.values["policy"]]
            row.instance = Payment(
                policy=policy,
                kind=row.values["kind"],
                amount=minor_units(row, "amount", policy.strategy.currency) or 0,
                due_on=row.values["due_on"],
                reference=row.values["reference"],
            )
        Payment.objects.bulk_create([row.instance for row in new], 1000)
        for row in found:
            row.instance.reference = row.values["reference"]
        Payment.objects.bulk_update([row.instance for row in found], ["reference"], 1000)
        self._move(rows, today=today, at=at)

    def _move(self, rows: Sequence[Row], *, today: date, at: datetime) -> None:
        """Bring the payments into the states that the file says, those of a day together."""
        alike: dict[tuple[str, date, str], list[Row]] = defaultdict(list)
        for row in rows:
            after, on = row.values["state"], row.values.get("paid_on", today)
            if after != row.instance.state:
                alike[after, on, row.values.get("because", "")].append(row)
        for (after, on, because), those in alike.items():
            ids = [row.instance.pk for row in those]
            if after == State.PAID:
                moved = mark_paid(ids, on=on, at=at)
            elif after == State.FAILED:
                moved = mark_failed(ids, because=because, on=on, at=at)
            else:
                moved = cancel(ids, because=because, on=on, at=at)
            if moved != len(ids):
                those[0].refuse(
                    "state",
                    _("Somebody changed a payment of this file just now."),
                    "changed_meanwhile",
                )


def _what(payment: Payment) -> tuple[Any, ...]:
    return payment.policy_id, payment.kind, payment.amount, payment.due_on
