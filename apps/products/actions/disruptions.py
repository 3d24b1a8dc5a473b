"""A disrupted session: declared by a person, withdrawn where that was wrong; open dates follow."""

from datetime import date, datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from apps.products.actions.restatement.ordering import propose_disruption
from apps.products.actions.rolling import roll_again
from apps.products.models.disruptions import Disruption
from apps.products.models.markets import Underlying


class DisruptionError(ValueError):
    """A disruption that is declared or withdrawn already; the message says so."""


@transaction.atomic
def declare_disruption(
    *,
    day: date,
    reason: str,
    by: AbstractBaseUser | None,
    at: datetime,
    underlying_id: int | None = None,
    exchange_id: int | None = None,
) -> Disruption:
    """Declare a session disrupted, for one share or for a whole exchange; open observations follow.

    Each share's valuation goes to its next session, at most the strategy's number of them, then to
    the last known close before. Holders' timelines tell of days that move. What is evaluated already
    stays until a second person confirms the restatement that this proposes. Raises DisruptionError where it is declared already, and
    ValidationError where it is of no share and no exchange or has no reason.
    """
    disruption = Disruption(
        underlying_id=underlying_id,
        exchange_id=exchange_id,
        day=day,
        reason=reason.strip(),
        made_by_id=by.pk if by else None,
        made_at=at,
    )
    disruption.full_clean(validate_unique=False, validate_constraints=False)
    disruption.validate_constraints()
    disruption.save()
    roll_again([_exchange(disruption)], at=at, because=disruption.reason)
    _propose(disruption, by=by, at=at)
    return disruption


@transaction.atomic
def withdraw_disruption(
    disruption_id: int, *, by: AbstractBaseUser | None, at: datetime
) -> Disruption:
    """Take back what was declared by mistake; open observations go back to where they belong."""
    standing = Disruption.objects.filter(pk=disruption_id, withdrawn_at__isnull=True)
    if not standing.update(withdrawn_at=at, withdrawn_by_id=by.pk if by else None):
        raise DisruptionError(_("This disruption is withdrawn already."))
    disruption = Disruption.objects.select_related("underlying").get(pk=disruption_id)
    roll_again([_exchange(disruption)], at=at)
    _propose(disruption, by=by, at=at)
    return disruption


def _propose(disruption: Disruption, *, by: AbstractBaseUser | None, at: datetime) -> None:
    """Propose to look again at what was evaluated without this declaration or withdrawal."""
    shares = Underlying.objects.filter(
        Q(pk=disruption.underlying_id) | Q(exchange=disruption.exchange_id)
    )
    first = dict.fromkeys(shares.values_list("pk", flat=True), disruption.day)
    words = {"disruption": disruption}
    said = (
        _("disruption withdrawn: %(disruption)s")
        if disruption.withdrawn_at
        else _("disruption declared: %(disruption)s")
    )
    propose_disruption(first, reason=said % words, at=at, by=by)


def _exchange(disruption: Disruption) -> int:
    share = disruption.underlying
    found = share.exchange_id if share else disruption.exchange_id
    if found is None:
        raise DisruptionError(_("Name a share or an exchange, one of them."))
    return found
