"""What the page says of an observation's reasons, of what may follow and of what has changed."""

from datetime import date
from decimal import Decimal

from apps.products.actions.restatement import restate_due
from apps.products.models.calendars import ObservationMove
from apps.products.models.markets import CorporateAction, Underlying
from tests.landing.conftest import TODAY
from tests.products.restating import corrected

SHOW = "show/"


def words(answer):
    return " ".join(answer.content.decode().replace("\xa0", " ").split())


def test_an_observation_says_which_share_decided_it_and_by_how_much(client, world):
    page = words(client.get(world.page))
    assert "AAPL 6.7% above its barrier, the closest" in page  # 80 against 75
    assert "AAPL 6.7% below its barrier" in page  # 70 against 75


def test_what_may_follow_is_told_in_percent_and_in_money_only_when_asked(client, world):
    page = words(client.get(world.page))
    assert "What the next observation can bring" in page
    assert "the weakest share at 75% of its start or above" in page
    assert "615.00" not in page
    client.post(world.page + SHOW)
    assert "615.00" in words(client.get(world.page))  # two coupons of 2.5 % on 12,300.00


def test_a_move_and_a_split_are_told_with_their_reasons(client, world):
    third = world.strategy.observations.get(number=3)
    ObservationMove.objects.create(
        observation=third, from_on=date(2020, 8, 28), to_on=date(2020, 8, 31), because="a typhoon"
    )
    CorporateAction.objects.create(
        underlying=Underlying.objects.get(ticker="AAPL"),
        kind=CorporateAction.Kind.SPLIT,
        ex_on=date(2020, 6, 8),
        ratio=Decimal(4),
        source="the exchange's notice",
    )
    page = words(client.get(world.page))
    assert "Observation 3 moved from 28 Aug 2020 to 31 Aug 2020: a typhoon" in page
    assert "split, 4 new shares for one, from 8 Jun 2020" in page
    assert "the exchange&#x27;s notice" in page


def test_a_correction_says_what_had_been_told_and_why_it_was_wrong(client, world):
    corrected("AAPL", date(2020, 2, 28), "74")
    restate_due(at=TODAY)
    page = words(client.get(world.page))
    assert "Observation 1 of 28 Feb 2020 was put right on 10 Jun 2020." in page
    assert "Before, we had said: Accrued; coupon 2.5%, remembered 0%." in page


def test_a_moved_date_says_why_in_the_language_of_the_page(client, world):
    third = world.strategy.observations.filter(number=3)
    third.update(valuation_on=date(2020, 9, 1), moved_because="31 Aug 2020 is no session")
    assert "moved from 31 Aug 2020: 31 Aug 2020 is no session" in words(client.get(world.page))
    russian = words(client.get(world.page + "?lang=ru"))
    assert "31.08.2020 — не торговый день" in russian
