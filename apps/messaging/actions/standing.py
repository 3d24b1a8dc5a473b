"""The one process that holds a provider's session: it delivers, and keeps what comes at any moment.

Nothing of this process must survive it. What it had claimed others give back or settle; what the
provider had brought and nobody answered, the provider brings again.
"""

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import astuple
from datetime import datetime
from functools import partial
from threading import Event

from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils.translation import gettext as _

from apps.messaging.actions import inbound, receipts
from apps.messaging.actions.delivery import close_connection, deliver_due
from apps.messaging.actions.providers import account_of, environments
from apps.messaging.actions.trying import carry_asked
from apps.messaging.channels import STANDING, Account, smpp
from apps.messaging.channels.options import OptionsError
from apps.messaging.channels.smpp.incoming import Incoming, Receipt
from apps.messaging.channels.smpp.incoming import Reply as Written
from apps.messaging.channels.smpp.link import DownError
from apps.messaging.channels.smpp.session import Session
from apps.messaging.models.providers import Provider
from apps.messaging.models.receipts import Receipt as Row

CLAIMED = 2_000  # messages a claim
LOOK = 0.5  # seconds between looks at an empty queue
BACK_OFF, LONGEST = 1.0, 60.0  # seconds before the next attempt to connect
STATES = {
    "DELIVRD": Row.State.DELIVERED,
    **dict.fromkeys(("EXPIRED", "DELETED", "UNDELIV", "REJECTD"), Row.State.FAILED),
    **dict.fromkeys(("ACCEPTD", "ENROUTE", "UNKNOWN"), Row.State.ACCEPTED),
}
DATABASE_GONE = (OperationalError, InterfaceError)
Clock = Callable[[], datetime]
log = logging.getLogger(__name__)


class AbsentError(Exception):
    """There is no such provider for this process; the text says why."""


def serve(name: str, *, clock: Clock, stopped: Event) -> None:
    """Hold the session of a provider, and open it again when it breaks, until told to stop.

    Raises AbsentError.
    """
    failures = 0
    keep = partial(keep_incoming, name, clock)
    while not stopped.is_set():
        try:
            account = account_to_hold(name)
            with smpp.bound(account, keep, leave=close_connection) as session:
                failures = 0
                deliver(session, account, clock=clock, stopped=stopped)
                continue
        except DownError as error:
            said = "no answer" if error.status is None else f"0x{error.status:08X}"
            log.warning("The message centre of %s does not let us in: %s", name, said)
        except OptionsError as error:
            log.warning("The options of %s cannot be used: %s", name, error)
        except DATABASE_GONE:
            log.exception("The database does not answer")
            close_connection()
        failures += 1
        stopped.wait(wait_after(failures))


def account_to_hold(name: str) -> Account:
    """Load what a provider's session needs. Raises AbsentError."""
    found = Provider.objects.filter(name=name, environment__in=environments(), kind__in=STANDING)
    if (provider := found.first()) is None:
        raise AbsentError(
            _("No provider “%(name)s” of this environment needs a process of its own.")
            % {"name": name}
        )
    return account_of(provider)


def deliver(session: Session, account: Account, *, clock: Clock, stopped: Event) -> None:
    """Deliver while the session stands and its provider is described as before."""
    while session.is_up and not stopped.is_set():
        try:
            carry_asked(account.name, at=clock())
            if deliver_due(at=clock(), limit=CLAIMED, provider=account.name):
                continue
            if account_to_hold(account.name) != account:
                return
        except DATABASE_GONE:
            log.exception("The database does not answer; receipts wait meanwhile")
            close_connection()
        stopped.wait(LOOK)


def keep_incoming(name: str, clock: Clock, found: Sequence[Incoming]) -> None:
    """Keep what a provider brought: a STOP first."""
    close_old_connections()
    at = clock()
    written = [
        inbound.Said(one.sender, one.text, part=astuple(one.part) if one.part else None)
        for one in found
        if isinstance(one, Written)
    ]
    words = [word_of(one) for one in found if isinstance(one, Receipt)]
    if written:
        inbound.receive(name, "sms", written, at=at)
    if words:
        receipts.receive(name, words, at=at)


def word_of(receipt: Receipt) -> receipts.Word:
    """Say in our words what became of a message."""
    state = STATES.get(receipt.stat, Row.State.ACCEPTED)
    reason = ""
    if state == Row.State.FAILED:
        said = {"stat": receipt.stat, "code": receipt.code or "–"}
        reason = _("The network did not deliver it: %(stat)s, code %(code)s.") % said
    return receipts.Word(state, receipt.provider_id, receipt.key, reason=reason)


def wait_after(failures: int) -> float:
    """Return the seconds before the next attempt; those that fell together do not rise together."""
    longest = min(LONGEST, BACK_OFF * 2.0 ** min(failures, 10))
    return longest * random.uniform(0.5, 1)  # noqa: S311 (no secret)
