"""What clients were paid too much: a person decides whether it is asked back or left to them."""

from collections.abc import Sequence
from datetime import date

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.products.models.holdings import Payment

State = Payment.State


def ask_back(ids: Sequence[int], *, by: AbstractBaseUser, on: date) -> int:
    """Have overpayments settled: they are planned, below zero; return how many still waited."""
    return _held(ids).update(state=State.PLANNED, due_on=on, because=_decided(by))


def leave(ids: Sequence[int], *, by: AbstractBaseUser) -> int:
    """Leave overpayments to the clients for good; return how many still waited."""
    return _held(ids).update(state=State.WAIVED, because=_decided(by))


def _held(ids: Sequence[int]) -> QuerySet[Payment]:
    return Payment.objects.filter(pk__in=ids, state=State.HELD)


def _decided(by: AbstractBaseUser) -> str:
    return _("decided by %(name)s") % {"name": by.get_username()}
