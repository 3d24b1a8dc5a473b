"""The kill switch: anyone on duty stops, two persons together let go."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.messaging.models.stops import Stop


class StopError(Exception):
    """Why a stop cannot be lifted like this; the text is for people."""


def stop(scope: str, value: str = "", *, reason: str, by: AbstractBaseUser, at: datetime) -> bool:
    """Let nothing more go out that the scope covers; False where that is so already.

    What a provider has been handed when this commits still arrives; nothing is handed over half
    a second later. Raises ValidationError.
    """
    row = Stop(scope=scope, value=value, reason=reason, set_at=at, set_by_id=by.pk)
    row.full_clean(validate_unique=False, validate_constraints=False)
    if (scope == Stop.Scope.GLOBAL) == bool(value):
        raise ValidationError(_("Say which channel or issuer is stopped."))
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return False
    return True


def ask_release(stop_id: int, *, by: AbstractBaseUser, at: datetime) -> bool:
    """Ask to go on; False where somebody asked already, or nothing is stopped any more."""
    standing = Stop.objects.filter(pk=stop_id, released_at=None, asked_at=None)
    return standing.update(asked_at=at, asked_by=by.pk) == 1


def release(stop_id: int, *, by: AbstractBaseUser, at: datetime) -> bool:
    """Let messages go out again, as the second person; False where that is so already.

    Raises StopError for the person who asked, or where nobody did.
    """
    asked = Stop.objects.filter(pk=stop_id, released_at=None, asked_at__isnull=False)
    if asked.exclude(asked_by=by.pk).update(released_at=at, released_by=by.pk):
        return True
    standing = Stop.objects.filter(pk=stop_id, released_at=None).first()
    if standing is None:
        return False
    if standing.asked_at is None:
        raise StopError(_("First somebody must ask to go on; then a second person lets go."))
    raise StopError(_("You asked to go on: a second person must let messages go out again."))


def keep_stopped(stop_id: int) -> bool:
    """Decline to go on; False where nobody asks."""
    asked = Stop.objects.filter(pk=stop_id, released_at=None, asked_at__isnull=False)
    return asked.update(asked_at=None, asked_by=None) == 1
