"""Money that was paid out."""

from collections.abc import Sequence
from datetime import date

from apps.products.models.holdings import Payment


def mark_paid(ids: Sequence[int], *, on: date) -> int:
    """Mark planned payments as paid on a day; return how many were still planned."""
    return Payment.objects.filter(pk__in=ids, state=Payment.State.PLANNED).update(
        state=Payment.State.PAID, paid_on=on
    )
