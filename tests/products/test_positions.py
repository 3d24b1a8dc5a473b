"""The gains of many clients in SQL are those of one in Python, to the last minor unit."""

import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import connection

from apps.core import money
from apps.products.models.accounts import Account, Transaction
from apps.products.queries.positions import GAINS, Span, gains_params
from apps.products.queries.wealth import booking
from apps.products.returns import Price, gain, gain_between, value_on
from tests import factories

pytestmark = pytest.mark.django_db

START, SINCE, UNTIL = date(2020, 1, 2), date(2020, 3, 2), date(2020, 6, 1)
CURRENCIES = ("USD", "JPY", "KWD")


def day(dice):
    return START + timedelta(dice.randrange((UNTIL - START).days + 20))


def ledger(dice, tickers):
    """Book what a careless core system might: on every day, around splits, after the end."""
    client = factories.client()
    for _ in range(40):
        account = factories.account(client, currency=dice.choice(CURRENCIES))
        for _ in range(dice.randrange(8)):
            kind = dice.choice(["buy", "buy", "sell", "dividend", "fee"])
            units = Decimal(dice.randrange(1, 10**9)).scaleb(-6) if kind in "buysell" else None
            loose = kind == "fee" and dice.random() < 0.5
            ticker = None if loose else dice.choice(tickers)
            factories.booked(account, kind, day(dice), dice.randrange(1, 10**7), units, ticker)
    factories.booked(factories.account(client, closed_on=UNTIL), "fee", SINCE, 1_00, None, None)


def span(dice, since, *, priced):
    splits = tuple(
        sorted(
            (day(dice), Fraction(Decimal(ratio)))
            for ratio in dice.sample(["4", "0.1", "1.5", "0.3333333333"], dice.randrange(3))
        )
    )

    def price(by):
        worth = Fraction(Decimal(dice.randrange(1, 10**8)).scaleb(-4))
        return Price(by - timedelta(dice.randrange(9)), worth)

    return Span(price(UNTIL) if priced else None, since, price(SINCE) if since else None, splits)


def in_python(spans, fees_since):
    found = {}
    for account in Account.objects.filter(closed_on__isnull=True):
        held = defaultdict(list)
        for row in account.transactions.all():
            held[row.underlying_id].append(booking(row))
        places = money.decimals(account.currency)
        for pk, bookings in held.items():
            if not any(one.day <= UNTIL for one in bookings):
                continue
            if pk is None:
                since = fees_since or date.min
                fees = sum(one.paid_in for one in bookings if since < one.day <= UNTIL)
                gained = gain(before=0, paid_in=fees, paid_out=0, after=0)
                found[account.pk, pk] = (0, gained.base, gained.amount)
                continue
            one = spans[pk]
            gained = gain_between(
                bookings, one.splits, places,
                since=one.since, before=one.before, until=UNTIL, after=one.after,
            )  # fmt: skip
            worth = value_on(bookings, one.splits, UNTIL, one.after, places)
            found[account.pk, pk] = (worth, gained and gained.base, gained and gained.amount)
    return found


@pytest.mark.parametrize("since", [None, SINCE])
@pytest.mark.parametrize("seed", range(4))
def test_many_clients_gain_what_each_of_them_gains(seed, since):
    dice = random.Random(seed)
    tickers = ["AAPL", "IBM", "MSFT", "FB"]
    ledger(dice, tickers)
    spans = {
        factories.underlying(ticker).pk: span(dice, since, priced=ticker != "FB")
        for ticker in tickers
    }
    with connection.cursor() as cursor:
        cursor.execute(
            GAINS.format(accounts="true"), gains_params(spans, until=UNTIL, fees_since=since)
        )
        rows = cursor.fetchall()
    found = {
        (account, pk): (worth, base, amount)
        for _c, account, pk, _m, worth, base, amount, _seen in rows
    }
    expected = in_python(spans, since)
    assert found.keys() == expected.keys()
    assert any(base is None for _worth, base, _amount in expected.values())
    for key, (worth, base, amount) in expected.items():
        if base is None:
            assert (found[key][0], found[key][2]) == (worth, None)
        else:
            assert found[key] == (worth, base, amount)
    assert Transaction.objects.count() > len(found) > 40
