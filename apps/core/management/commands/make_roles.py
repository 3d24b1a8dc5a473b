"""Make the usual groups of staff; each may do its own work and no more."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from apps.core import audit, clock

CLIENTS = "client identifier contactpoint consentrecord suppression"
WHO_IS_WHO = "duplicate conflict merge"
MARKETS = (
    "exchange tradingday calendaroverride disruption observationmove underlying quote "
    "corporateaction feed"
)
HOLDINGS = (
    "policy policycoupon payment paymentplan policychange milestone restatement restatedstrategy"
    " correction foresight"
)
ACCOUNTS = (
    "fund modelportfolio portfolioweight account transaction creditaccount instalment deadline"
)
MOVES = "moverule moveday holdingmove underlyingmove"
PRODUCTS = (
    f"{MARKETS} strategy basketmember observation observationresult {HOLDINGS} {ACCOUNTS} {MOVES}"
)
MESSAGES = (
    "template templateversion notice message link hit digest correctionverdict verdict"
    " frequencypolicy holdout reservation stop snippet snippettext disclaimer disclaimertext leadin"
    " seedaddress reply receipt numbercheck opening provider sending cascadestep approval invitation"
    " approvallimit reaction"
)
REQUESTS = "personexport erasure"

READING = {
    "profiles": {"view": f"{CLIENTS} {WHO_IS_WHO}"},
    "events": {"view": "event stray"},
    "webhooks": {"view": "endpoint delivery attempt"},
    "advisers": {"view": "calltask"},
    "products": {"view": PRODUCTS},
    "messaging": {"view": MESSAGES},
    "landing": {"view": "emailsubscription visitor visit"},
    "files": {"view": "batch mapping folder"},
}
# Who may not see people reads dots in place of names, addresses and birthdays.
# Nobody but a superuser deletes, and nobody at all changes what is written once.
OWN_WORK: dict[str, dict[str, dict[str, str]]] = {
    "Marketer": {
        "profiles": {
            "add change": "client identifier contactpoint",
            "add": "suppression",
            "change": WHO_IS_WHO,
            "export": "lists",
            "see": "personal",
        },
        "advisers": {"reassign": "calltask"},
        "products": {
            "add change": (
                "strategy basketmember observation policy paymentplan moverule deadline"
            ),
            "change": "milestone",
        },
        "messaging": {
            "add change": (
                "template templateversion frequencypolicy holdout snippet snippettext disclaimer"
                " disclaimertext leadin seedaddress"
            ),
            "add": "stop",
            "change": "reply sending",
        },
        "files": {"release": "batch", "change": "mapping"},
    },
    "Operations": {
        "profiles": {"change": WHO_IS_WHO},
        "advisers": {"reassign": "calltask"},
        "webhooks": {"add change": "endpoint"},
        "products": {
            "add change": f"exchange tradingday underlying quote corporateaction feed {ACCOUNTS}",
            "add": "calendaroverride disruption",
            "change": "disruption observation payment restatement",
        },
        "messaging": {
            "add change": "provider cascadestep",
            "add": "stop",
            "release": "stop",
            "approve": "sending",
            "change": "reply sending invitation",
        },
        "files": {"release": "batch", "add change": "folder", "change": "mapping"},
    },
    "Compliance": {
        "core": {"view": "change signin"},
        "profiles": {"add change": "suppression", "export": "lists", "see": "personal"},
        "privacy": {"view": REQUESTS, "confirm": "erasure"},
        "products": {"change": "restatement"},
        "messaging": {
            "change": "link reply sending invitation",
            "add": "correctionverdict stop approvallimit",
            "release": "stop",
            "approve": "sending",
            "confirm": "limit",
        },
        "files": {"release": "batch"},
    },
    "Adviser": {
        "advisers": {"view take": "calltask"},
        "profiles": {"see": "personal"},
    },
    "Data protection": {
        "core": {"view": "change signin"},
        "profiles": {"export": "lists", "see": "personal"},
        "privacy": {"view add": REQUESTS, "export": "person", "confirm": "erasure"},
    },
}


# Who calls clients sees the queue and the figures of whom he calls, and nothing else of anybody.
NARROW = {"Adviser"}


class Command(BaseCommand):
    help = "Make or renew the groups Marketer, Operations, Compliance, Adviser and Data protection."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        with audit.context(channel="command", name="make_roles", at=clock.now()):
            for name, work in OWN_WORK.items():
                group, _made = Group.objects.get_or_create(name=name)
                reading = {} if name in NARROW else READING
                group.permissions.set([*permissions(reading), *permissions(work)])
                self.stdout.write(f"{name}: {group.permissions.count()} rights")


def permissions(rights: dict[str, dict[str, str]]) -> list[Permission]:
    """Return the permissions that are written as app: verbs: models."""
    known = {
        f"{one.content_type.app_label}.{one.codename}": one
        for one in Permission.objects.select_related("content_type")
    }
    wanted = [
        f"{app}.{verb}_{model}"
        for app, by_verbs in rights.items()
        for verbs, models in by_verbs.items()
        for verb in verbs.split()
        for model in models.split()
    ]
    if missing := [right for right in wanted if right not in known]:
        raise CommandError(f"There is no right {missing[0]}; migrate first.")
    return [known[right] for right in wanted]
