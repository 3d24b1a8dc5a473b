"""Policies, payments, accounts, bookings and instalments by HTTP, as their files have them."""

from collections.abc import Callable, Sequence

from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from ninja import Router

from apps.core.api.keys import Key
from apps.core.api.routes import Served, serve
from apps.profiles.models import Identifier

router = Router()

policies = (
    Key("policies:read", _("read policies")),
    Key("policies:write", _("bring policies")),
)
payments = (
    Key("payments:read", _("read payments")),
    Key("payments:write", _("bring payments")),
)
holdings = (
    Key("holdings:read", _("read accounts, bookings, instalments and their figures")),
    Key("holdings:write", _("bring accounts, bookings and instalments")),
)


def one_of(column: str) -> Callable[[Sequence[str]], Q]:
    return lambda values: Q(**{f"{column}__in": values})


def of_clients(path: str) -> Callable[[Sequence[str]], Q]:
    """Return how rows are found by the core ids of their clients."""

    def found(core_ids: Sequence[str]) -> Q:
        known = Identifier.objects.filter(kind=Identifier.Kind.CORE_ID, value__in=core_ids)
        return Q(**{f"{path}__in": known.values("client_id")})

    return found


for served in (
    Served(
        "policies", "/policies", "Policy", *policies,
        {"number": one_of("number"), "core_id": of_clients("client_id"),
         "strategy": one_of("strategy__code"), "state": one_of("state")},
    ),
    Served(
        "payments", "/payments", "Payment", *payments,
        {"reference": one_of("reference"), "policy": one_of("policy__number"),
         "core_id": of_clients("policy__client_id"), "state": one_of("state")},
    ),
    Served(
        "accounts", "/accounts", "Account", *holdings,
        {"number": one_of("number"), "core_id": of_clients("client_id")},
    ),
    Served(
        "transactions", "/transactions", "Transaction", *holdings,
        {"reference": one_of("reference"), "account": one_of("account__number"),
         "core_id": of_clients("account__client_id")},
    ),
    Served(
        "instalment_accounts", "/instalment-accounts", "InstalmentAccount", *holdings,
        {"number": one_of("number"), "core_id": of_clients("client_id")},
    ),
    Served(
        "instalments", "/instalments", "Instalment", *holdings,
        {"account": one_of("account__number"), "core_id": of_clients("account__client_id")},
    ),
):  # fmt: skip
    serve(router, served)
