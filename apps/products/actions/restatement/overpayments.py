"""Money that waits for a person: paid too much, or capital beside money that was taken out."""

from collections.abc import Sequence
from datetime import date

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.products.models.holdings import Payment

State = Payment.State


def ask_back(ids: Sequence[int], *, by: AbstractBaseUser, on: date) -> int:
    """Have overpayments settled: they are planned, below zero; return how many still waited."""
    return _overpaid(ids).update(state=State.PLANNED, due_on=on, because=_decided(by))


def leave(ids: Sequence[int], *, by: AbstractBaseUser) -> int:
    """Leave overpayments to the clients for good; return how many still waited."""
    return _overpaid(ids).update(state=State.WAIVED, because=_decided(by))


def pay_out(ids: Sequence[int], *, by: AbstractBaseUser) -> int:
    """Have capital paid although money was taken out since; return how many still waited."""
    return _doubtful(ids).update(state=State.PLANNED, because=_decided(by))


def drop(ids: Sequence[int], *, by: AbstractBaseUser) -> int:
    """Cancel capital for which money was taken out instead; return how many still waited."""
    return _doubtful(ids).update(state=State.CANCELLED, because=_decided(by))


def _overpaid(ids: Sequence[int]) -> QuerySet[Payment]:
    return _held(ids).filter(amount__lt=0)


def _doubtful(ids: Sequence[int]) -> QuerySet[Payment]:
    return _held(ids).filter(amount__gt=0)


def _held(ids: Sequence[int]) -> QuerySet[Payment]:
    return Payment.objects.filter(pk__in=ids, state=State.HELD)


def _decided(by: AbstractBaseUser) -> str:
    return _("decided by %(name)s") % {"name": by.get_username()}
