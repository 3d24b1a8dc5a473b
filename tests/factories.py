"""Rows that tests start from: each function makes one valid thing, whose fields may be given."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count

from apps.products.models.accounts import Account, Transaction
from apps.products.models.holdings import Policy
from apps.products.models.markets import Exchange, Quote, TradingDay, Underlying
from apps.products.models.strategies import BasketMember, Observation, Strategy
from apps.profiles.models import Channel, Client, ConsentRecord, ContactPoint, Purpose

NOON = datetime(2020, 3, 2, 12, tzinfo=UTC)
_serial = count(1)


def client(
    *, consents=((Purpose.SERVICE, Channel.SMS), (Purpose.SERVICE, Channel.EMAIL)), **fields
):
    """Make a client with a phone, an e-mail address and the given consents."""
    n = next(_serial)
    made = Client.objects.create(
        **{"first_name": "Test", "last_name": f"Client {n}", "created_at": NOON, **fields}
    )
    ContactPoint.objects.create(client=made, channel=Channel.SMS, address=f"+4477009{n:05d}")
    ContactPoint.objects.create(client=made, channel=Channel.EMAIL, address=f"c{n}@example.com")
    for purpose, channel in consents:
        consent(made, purpose, channel)
    return made


def consent(client, purpose, channel, *, granted=True, at=NOON - timedelta(days=400)):
    return ConsentRecord.objects.create(
        client=client,
        purpose=purpose,
        channel=channel,
        granted=granted,
        text_version="1",
        source="test",
        recorded_at=at,
    )


def exchange(code="XNYS", **fields):
    return Exchange.objects.get_or_create(
        code=code,
        defaults={
            "name": code,
            "time_zone": "America/New_York",
            "closes_at": time(16),
            **fields,
        },
    )[0]


def underlying(ticker="AAPL", **fields):
    return Underlying.objects.get_or_create(
        ticker=ticker,
        defaults={"name": ticker, "exchange": exchange(), "currency": "USD", **fields},
    )[0]


def sessions(*days, code="XNYS"):
    TradingDay.objects.bulk_create(
        [TradingDay(exchange=exchange(code), day=day) for day in days], ignore_conflicts=True
    )


def quote(ticker, day, close, **fields):
    """Make a confirmed close, received in the evening (UTC) of its day."""
    received = datetime.combine(day, time(22), tzinfo=UTC)
    return Quote.objects.create(
        underlying=underlying(ticker),
        day=day,
        close=Decimal(close),
        **{"source": "test", "received_at": received, "confirmed_at": received, **fields},
    )


def strategy(*, fixings=(("AAPL", "100"), ("IBM", "100")), days=None, **fields):
    """Make a published strategy: 75 % barrier, memory, 2.5 % a quarter, four observations."""
    n = next(_serial)
    made = Strategy.objects.create(
        **{
            "code": f"strategy-{n}",
            "name": f"Strategy {n}",
            "currency": "USD",
            "denomination": 100_00,
            "state": Strategy.State.PUBLISHED,
            "struck_on": date(2019, 11, 29),
            "matures_on": date(2020, 11, 30),
            "coupon_rate": Decimal("0.025"),
            "coupon_barrier": Decimal("0.75"),
            **fields,
        }
    )
    for ticker, fixing in fixings:
        BasketMember.objects.create(
            strategy=made, underlying=underlying(ticker), initial_fixing=Decimal(fixing)
        )
    days = days or (date(2020, 2, 28), date(2020, 5, 29), date(2020, 8, 31), date(2020, 11, 30))
    for number, day in enumerate(days, 1):
        Observation.objects.create(
            strategy=made, number=number, scheduled_on=day, valuation_on=day, pays_on=day
        )
        sessions(day)
    return made


def policy(client, strategy, **fields):
    n = next(_serial)
    return Policy.objects.create(
        client=client,
        strategy=strategy,
        **{
            "number": f"P-{n:06d}",
            "nominal": 1000_00,
            "premium": 1000_00,
            "starts_on": strategy.struck_on,
            "ends_on": strategy.matures_on,
            **fields,
        },
    )


def account(client, **fields):
    n = next(_serial)
    return Account.objects.create(
        client=client,
        **{
            "number": f"A-{n:06d}",
            "name": "Savings",
            "currency": "USD",
            "opened_on": date(2020, 1, 2),
            **fields,
        },
    )


def booked(account, kind, day, amount, units=None, ticker="AAPL"):
    """Book a transaction; the amount in minor units."""
    return Transaction.objects.create(
        account=account,
        reference=f"T-{next(_serial):08d}",
        kind=kind,
        day=day,
        underlying=underlying(ticker) if ticker else None,
        units=None if units is None else Decimal(units),
        amount=amount,
    )
