"""Over how many clients a sending needs approval: one person lowers that, two raise it."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.messaging.models.approvals import ApprovalLimit
from apps.messaging.models.sendings import Unapproved

State = ApprovalLimit.State

# Nobody lowers it while somebody else compares; it is read on.
ALONE = "LOCK TABLE messaging_approvallimit IN SHARE ROW EXCLUSIVE MODE"
NOW_OVER = """
UPDATE messaging_sending AS sending SET state = 'waiting', reason = %(reason)s
WHERE state = 'running' AND size > %(clients)s AND NOT EXISTS (
    SELECT FROM messaging_approval
    WHERE sending_id = sending.id AND state = 'approved'
        AND (edition, text_edition) = (sending.edition, sending.text_edition)
) AND EXISTS (
    SELECT FROM messaging_notice
    WHERE sending_id = sending.id AND state IN ('drafted', 'queued', 'planned')
)
"""


class LimitError(Exception):
    """Why a limit cannot be raised like this; the text is for people."""


@transaction.atomic
def set_limit(clients: int, *, reason: str, by: AbstractBaseUser, at: datetime) -> ApprovalLimit:
    """Say over how many clients a sending needs approval: at once, or asked for where that is more.

    What is under way and over a lower limit waits, and nobody's wish to raise it outlasts it.
    """
    alone()
    standing = limit()
    raises = standing is not None and clients > standing.clients
    made = ApprovalLimit.objects.create(
        clients=clients,
        reason=reason,
        state=State.ASKED if raises else State.SET,
        set_by_id=by.pk,
        set_at=at,
    )
    if not raises:
        decline_others(made, by=by, at=at)
        with connection.cursor() as cursor:
            cursor.execute(NOW_OVER, {"clients": clients, "reason": Unapproved.OVER_LIMIT.value})
    return made


@transaction.atomic
def confirm_limit(limit_id: int, *, by: AbstractBaseUser, at: datetime) -> bool:
    """Raise the limit as the second person; False where that is decided.

    Raises LimitError for the person who asked.
    """
    alone()
    asked = ApprovalLimit.objects.filter(pk=limit_id, state=State.ASKED)
    if not asked.exclude(set_by=by.pk).update(state=State.SET, decided_at=at, decided_by=by.pk):
        if asked.exists():
            raise LimitError(_("You asked to raise it: a second person must confirm that."))
        return False
    decline_others(ApprovalLimit.objects.get(pk=limit_id), by=by, at=at)
    return True


def decline_limit(limit_id: int, *, by: AbstractBaseUser, at: datetime) -> bool:
    """Leave the limit as it is, as anybody may, who asked too; False where that is decided."""
    asked = ApprovalLimit.objects.filter(pk=limit_id, state=State.ASKED)
    return asked.update(state=State.DECLINED, decided_at=at, decided_by=by.pk) == 1


def limit() -> ApprovalLimit | None:
    """Return the limit that holds."""
    return ApprovalLimit.objects.filter(state=State.SET).order_by("-pk").first()


def decline_others(row: ApprovalLimit, *, by: AbstractBaseUser, at: datetime) -> None:
    others = ApprovalLimit.objects.filter(state=State.ASKED).exclude(pk=row.pk)
    others.update(state=State.DECLINED, decided_at=at, decided_by=by.pk)


def alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute(ALONE)
