"""What keeps a person from being erased: live contracts, and the time for which a law wants the rest."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from apps.core.imports.kinds import of_people
from apps.files.models import Batch
from apps.privacy.manifest.rules import Erasure as What
from apps.privacy.manifest.rules import Rule
from apps.privacy.manifest.tables import READING
from apps.privacy.queries.trail import model_of, persons, rows_of
from apps.products.models.accounts import Account, Transaction
from apps.products.models.holdings import Payment, Policy
from apps.products.models.instalments import CreditAccount
from apps.profiles.models import Client

LIVE = (Policy.State.APPLIED, Policy.State.ACTIVE)


@dataclass(frozen=True)
class Part:
    """What erasure does to some fields of a table."""

    table: str
    count: int
    fields: str
    what: str | Promise
    waits: bool


@dataclass(frozen=True)
class Preview:
    """What an erasure would do, and what stands against it."""

    refusals: list[str]
    waits_until: date | None
    parts: list[Part] = field(default_factory=list)


def preview(client: Client, *, today: date) -> Preview:
    ids = persons(client.pk)
    until = retained_until(ids)
    return Preview(
        refusals=list(refusals(client, ids)),
        waits_until=until if until and until > today else None,
        parts=list(_parts(ids, waits=bool(until and until > today))),
    )


def refusals(client: Client, ids: list[int]) -> Iterator[str]:
    """Yield the sentences that say why he cannot be erased now, and what to do."""
    if client.merged_into_id:
        yield _("He was merged into № %d: erase that client.") % client.merged_into_id
    for policy in Policy.objects.filter(client__in=ids, state__in=LIVE).order_by("ends_on"):
        yield _(
            "Policy %(number)s runs until %(day)s and cannot be kept without its holder. Ask again"
            " when it has ended."
        ) % {"number": policy.number, "day": date_format(policy.ends_on, "SHORT_DATE_FORMAT")}
    owed = Payment.objects.filter(policy__client__in=ids, state__in=[*Payment.OPEN, "held"])
    if count := owed.exclude(policy__state__in=LIVE).count():
        yield _("%d payments are still to come. Ask again when they are paid or cancelled.") % count
    for model in (Account, CreditAccount):
        for number in model.objects.filter(client__in=ids, closed_on=None).values_list(
            "number", flat=True
        ):
            yield _("Account %s is open. Ask again when it is closed.") % number
    coming = Batch.objects.filter(state__in=Batch.OPEN).filter(kind__in=of_people())
    if file := coming.first():
        yield _("The file %s may bring him back: let it land, or throw it away, and ask again.") % (
            file.filename
        )


def retained_until(ids: list[int]) -> date | None:
    """Return the day until which the law wants his contracts kept; None where he never had one."""
    rows: list[tuple[Any, str, dict[str, Any]]] = [
        (Policy, "closed_on", {"client__in": ids}),
        (Policy, "ends_on", {"client__in": ids, "closed_on": None}),
        (Account, "closed_on", {"client__in": ids}),
        (CreditAccount, "closed_on", {"client__in": ids}),
        (Payment, "paid_on", {"policy__client__in": ids}),
        (Transaction, "day", {"account__client__in": ids}),
    ]
    ends = [
        model.objects.filter(**of).aggregate(last=Max(name))["last"] for model, name, of in rows
    ]
    last = max((end for end in ends if end), default=None)
    # The time runs from the end of the year in which the last of them ended.
    return date(last.year + settings.RETENTION_YEARS, 12, 31) if last else None


def _parts(ids: list[int], *, waits: bool) -> Iterator[Part]:
    for table in READING:
        count = rows_of(table, ids).count()
        if not count:
            continue
        meta = model_of(table)._meta
        names = {each.name: str(each.verbose_name) for each in meta.concrete_fields}
        by_end: dict[tuple[What, bool], list[str]] = {}
        for name, rule in table.fields.items():
            if rule.erasure is not What.KEEP:
                by_end.setdefault((rule.erasure, waits and rule.waits), []).append(names[name])
        for (what, later), fields in by_end.items():
            title = capfirst(str(meta.verbose_name_plural))
            yield Part(title, count, ", ".join(fields), what.value, later)


def goes(rule: Rule, *, limited: bool) -> bool:
    """Say whether the values of a field are taken out now."""
    return rule.erasure not in {What.KEEP, What.SEAL} and not (limited and rule.waits)
