"""What the tests of restatements start from: a price that was wrong and is put right."""

from datetime import timedelta
from decimal import Decimal

from django.contrib.auth import get_user_model

from apps.products.actions.quotes import QuoteRow, confirm_quotes, record_quotes
from apps.products.actions.restatement import restate_due
from apps.products.models.holdings import Payment, PolicyCoupon
from apps.products.models.markets import Quote
from apps.products.models.strategies import ObservationResult
from tests.products.observing import evening

LATER = timedelta(days=400)


def person(name="second"):
    users = get_user_model().objects
    return users.filter(username=name).first() or users.create_user(name)


def corrected(ticker, day, close, *, at=None):
    """Bring another close of a day and confirm it, as two people do; return its quote."""
    at = at or evening(day) + LATER
    record_quotes([QuoteRow(ticker, day, Decimal(close))], source="correction", at=at)
    held = Quote.objects.get(underlying__ticker=ticker, day=day, state=Quote.State.HELD)
    confirm_quotes([held.pk], by=person(), at=at)
    return held


def restated(ticker, day, close, *, at=None):
    """Put a close right and carry out what follows."""
    at = at or evening(day) + LATER
    corrected(ticker, day, close, at=at)
    return restate_due(at=at)


def counting(strategy):
    """Return the outcomes that count, in order."""
    results = ObservationResult.objects.filter(
        observation__strategy=strategy, superseded_by__isnull=True
    )
    return list(results.order_by("observation__number").values_list("outcome", flat=True))


def coupons(policy):
    """Return what the policy's coupons that count bring and keep, in order."""
    found = PolicyCoupon.objects.filter(policy=policy, result__superseded_by__isnull=True)
    return list(found.order_by("observation__number").values_list("amount", "remembered"))


def money(policy):
    """Return kind, amount and state of every payment, cancelled ones left out."""
    kept = policy.payments.exclude(state=Payment.State.CANCELLED)
    return list(
        kept.order_by("result__observation__number", "pk").values_list("kind", "amount", "state")
    )


def settles(policy):
    """Say whether all payments together are what the results that count say."""
    owed = 0
    for coupon in PolicyCoupon.objects.filter(policy=policy, result__superseded_by__isnull=True):
        owed += coupon.amount + (coupon.redemption or 0) + (coupon.residual or 0)
    return owed == sum(amount for _kind, amount, state in money(policy) if state != "waived")
