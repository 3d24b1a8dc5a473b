"""Links by which staff look at a client's page: on record, short-lived, and no visit of the client."""

from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from apps.events.actions import Fact, record
from apps.messaging.actions.links import make_link
from apps.messaging.models.links import Link
from apps.profiles.models import Client

OPEN_FOR = timedelta(minutes=15)  # long enough for one look or one call, too short to pass on


@transaction.atomic
def open_for_staff(client: Client, *, by: AbstractBaseUser, at: datetime) -> str:
    """Return the token of a short-lived link to the client's page; an earlier one ends.

    The client's timeline tells who looked. The caller has checked that he may.
    """
    subject = f"{Link.STAFF}{by.pk}"
    Link.objects.filter(client=client, subject=subject, revoked_at=None).update(revoked_at=at)
    link, token = make_link(client, subject=subject, at=at)
    looked = Fact(
        client_id=client.pk,
        kind="page.opened_by_staff",
        subject=f"link:{link.pk}",
        occurred_at=at,
        source_key=f"link:{link.pk}:staff",
        properties={"staff": by.pk, "name": by.get_username()},
    )
    record([looked])
    return token


def revoke_staff_links(*, at: datetime) -> int:
    """End the staff's links that have been open long enough; return how many."""
    open_too_long = Link.objects.filter(
        subject__startswith=Link.STAFF, revoked_at=None, created_at__lte=at - OPEN_FOR
    )
    return open_too_long.update(revoked_at=at)
