"""What evaluation leaves behind, made by hand: results, coupons, events."""

from datetime import UTC, datetime
from decimal import Decimal

from apps.events.actions import Fact, record
from apps.messaging.actions.notices import queue_notice
from apps.messaging.actions.planning import plan_messages
from apps.messaging.models.outbox import Message
from apps.products.models.holdings import PolicyCoupon
from apps.products.models.strategies import Observation, ObservationResult
from apps.profiles.models import Channel, Purpose
from tests import factories

DAY = datetime(2020, 3, 2, 12, tzinfo=UTC)  # a Monday noon; nobody's quiet hours


def evaluated(strategy, *, outcome="ACCRUED", average="1.1", number=1, paid_back=None, **fields):
    """Make the result of an observation and a coupon of 25.00 a policy, paid or remembered."""
    observation = strategy.observations.get(number=number)
    result = ObservationResult.objects.create(
        observation=observation,
        **{
            "outcome": outcome,
            "rate_paid": "0.025",
            "rate_remembered": 0,
            "worst": strategy.basket_members.last(),
            "worst_level": Decimal("0.83"),
            "average_level": Decimal(average),
            "levels": [],
            "carried": {},
            "formula_version": 1,
            **fields,
        },
    )
    Observation.objects.filter(pk=observation.pk).update(state="evaluated")
    paid = 25_00 if outcome in {"ACCRUED", "GUARANTEED", "PARTIAL"} else 0
    PolicyCoupon.objects.bulk_create(
        PolicyCoupon(
            policy=policy,
            observation=observation,
            result=result,
            outcome=outcome,
            amount=paid,
            remembered=25_00 if outcome == "SAVED" else 0,
            redemption=paid_back,
        )
        for policy in strategy.policies.all()
    )
    return result


def happened(result, policies, *, kind="coupon.accrued", at=DAY):
    """Record one event a policy, as evaluation does."""
    return record(
        Fact(
            client_id=policy.client_id,
            kind=kind,
            subject=f"policy:{policy.pk}",
            occurred_at=at,
            source_key=f"result:{result.pk}:policy:{policy.pk}",
            properties={
                "strategy": policy.strategy_id,
                "observation": result.observation_id,
                "result": result.pk,
                "policy": policy.pk,
                "outcome": result.outcome,
            },
        )
        for policy in policies
    )


VALUES = {
    "strategy": "US Technology",
    "amount": {"money": 25_00, "currency": "USD"},
    "remembered": {"money": 25_00, "currency": "USD"},
    "observed_on": {"date": "2020-02-28"},
    "pays_on": {"date": "2020-03-06"},
    "next_on": {"date": "2020-05-29"},
    "worst": "IBM",
    "worst_level": {"percent": "0.83"},
}


def noticed(client, code="coupon.accrued", *, key=None, values=VALUES, at=DAY, **options):
    """Queue a notice for a client."""
    key = key or f"{code}:{client.pk}"
    queue_notice(
        client, code, values=values, dedupe_key=key, at=at, subject="strategy:5", **options
    )
    return client.notices.get(dedupe_key=key)


def planned(*clients, at=DAY, **options):
    """Queue and plan a notice for each client; return the messages."""
    notices = [noticed(client, at=at, **options) for client in clients]
    plan_messages(at=at, limit=1_000)
    return list(Message.objects.filter(notice__in=notices).order_by("notice_id", "pk"))


def by_sms(**fields):
    return factories.client(consents=[(Purpose.SERVICE, Channel.SMS)], **fields)


def by_email(**fields):
    return factories.client(consents=[(Purpose.SERVICE, Channel.EMAIL)], **fields)


def fresh(message):
    return Message.objects.select_related("notice").get(pk=message.pk)
