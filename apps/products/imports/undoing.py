"""What was built on the rows of a file without referring to them: results, and news on timelines."""

from datetime import date
from typing import Any

from django.db import connection
from django.db.models import F
from django.utils.translation import gettext as _

from apps.core.imports.kinds import Brought
from apps.products.actions.restatement.ordering import concerned
from apps.products.models.holdings import Payment
from apps.products.models.markets import CorporateAction, Quote
from apps.products.models.strategies import Strategy

NAMED = 3  # things that a sentence names; of more it says how many

TOLD = """
SELECT policy.number, count(*) OVER () FROM products_policy AS policy
WHERE policy.id = ANY(%(policies)s) AND EXISTS (
    SELECT FROM events_event AS event
    WHERE event.client_id = policy.client_id AND event.subject = 'policy:' || policy.id
        AND (policy.id = ANY(%(added)s) OR event.occurred_at >= %(since)s))
ORDER BY policy.number LIMIT %(named)s
"""


def results_of_prices(brought: Brought) -> list[str]:
    """Name the strategies whose results may have used the prices or corporate actions of a file."""
    first: dict[int, date] = {}
    for label, model, day in (
        ("products.Quote", Quote, F("day")),
        ("products.CorporateAction", CorporateAction, F("ex_on")),
    ):
        ids = [*brought.added.get(label, ()), *brought.changed.get(label, ())]
        rows = model.objects.filter(pk__in=ids).values_list("underlying_id", day)
        for share, on in rows:
            first[share] = min(on, first.get(share, on))
    built = Strategy.objects.filter(pk__in=concerned(first)).order_by("code")
    codes = list(built.values_list("code", flat=True)[:NAMED])
    if not codes:
        return []
    reason = _("Results of %(count)d strategies were computed from it, such as %(names)s.")
    return [reason % {"count": built.count(), "names": ", ".join(codes)}]


def news_of_policies(brought: Brought) -> list[str]:
    """Name the policies of which something stands on timelines since the file landed."""
    added = list(brought.added.get("products.Policy", ()))
    policies = {*added, *brought.changed.get("products.Policy", ())}
    payments = [
        *brought.added.get("products.Payment", ()),
        *brought.changed.get("products.Payment", ()),
    ]
    policies |= set(Payment.objects.filter(pk__in=payments).values_list("policy_id", flat=True))
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {
            "policies": list(policies),
            "added": added,
            "since": brought.since,
            "named": NAMED,
        }
        cursor.execute(TOLD, asked)
        found = cursor.fetchall()
    if not found:
        return []
    reason = _("Timelines tell of %(count)d of its policies, such as %(names)s.")
    return [reason % {"count": found[0][1], "names": ", ".join(number for number, _count in found)}]
