"""Calendars come from outside, are overridden by people, and observations follow them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time
from io import StringIO
from threading import Barrier

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from apps.events.models import Event
from apps.products.actions.calendars import (
    Calendar,
    CalendarError,
    override_day,
    store_calendar,
)
from apps.products.actions.evaluation.running import evaluate_due
from apps.products.imports.calendars import corrected, corrections
from apps.products.models.calendars import CalendarOverride, ObservationMove
from apps.products.models.markets import Exchange, TradingDay
from apps.products.models.strategies import Observation
from tests import factories

pytestmark = pytest.mark.django_db

AT = datetime(2020, 2, 25, 12, tzinfo=UTC)
THU, FRI, MON, TUE = date(2020, 2, 27), date(2020, 2, 28), date(2020, 3, 2), date(2020, 3, 3)
WEEK = (THU, FRI, MON, TUE)
Kind = CalendarOverride.Kind


def calendar(*days, early=None, first=THU, last=TUE):
    sessions = dict.fromkeys(days) | (early or {})
    return Calendar("XNYS", "XNYS", "America/New_York", time(16), first, last, sessions)


def known(code="XNYS"):
    rows = TradingDay.objects.filter(exchange__code=code).order_by("day")
    return list(rows.values_list("day", "closes_at"))


def days():
    return [day for day, _closes_at in known()]


def override(day, kind=Kind.CLOSED, *, reason="storm", closes_at=None):
    exchange = factories.exchange()
    return override_day(
        exchange.pk, day, kind, reason=reason, by=None, at=AT, closes_at=closes_at
    )  # fmt: skip


@pytest.fixture
def strategy():
    """A strategy observed on Friday, with two policies of one client and one of another."""
    made = factories.strategy(days=[FRI, date(2020, 5, 29)])
    factories.sessions(*WEEK, date(2020, 6, 30))
    one, other = factories.client(), factories.client()
    for holder in (one, one, other):
        factories.policy(holder, made)
    return made


def first(strategy):
    return strategy.observations.get(number=1)


# --- stored as published ---


def test_a_calendar_brings_its_exchange_and_its_half_days():
    stored = store_calendar(calendar(THU, early={FRI: time(13)}), at=AT)
    assert (stored.added, stored.changed, stored.removed) == (2, 0, 0)
    assert known() == [(THU, None), (FRI, time(13))]
    exchange = Exchange.objects.get()
    assert exchange.close_of(FRI) == datetime(2020, 2, 28, 18, tzinfo=UTC)
    assert exchange.close_of(THU) == datetime(2020, 2, 27, 21, tzinfo=UTC)


def test_the_same_calendar_twice_changes_nothing():
    store_calendar(calendar(THU, early={FRI: time(13)}), at=AT)
    rows = list(TradingDay.objects.values())
    stored = store_calendar(calendar(THU, early={FRI: time(13)}), at=AT)
    assert (stored.added, stored.changed, stored.removed) == (0, 0, 0)
    assert list(TradingDay.objects.values()) == rows


def test_a_newer_calendar_corrects_the_older_within_its_reach():
    store_calendar(calendar(THU, early={FRI: time(13)}, first=THU), at=AT)
    stored = store_calendar(calendar(FRI, MON, first=FRI), at=AT)
    assert (stored.added, stored.changed, stored.removed) == (1, 1, 0)
    assert known() == [(THU, None), (FRI, None), (MON, None)]
    assert Exchange.objects.get().half_days == {}
    assert store_calendar(calendar(MON), at=AT).removed == 2
    assert days() == [MON]


def test_sessions_of_files_stay_and_are_counted():
    factories.sessions(THU, FRI)
    TradingDay.objects.filter(day=FRI).update(closes_at=time(13))
    stored = store_calendar(calendar(FRI, MON), at=AT)
    assert (stored.added, stored.changed, stored.removed, stored.unknown) == (1, 0, 0, 1)
    assert known() == [(THU, None), (FRI, time(13)), (MON, None)]


def test_a_known_exchange_keeps_its_name_and_its_close():
    factories.exchange(name="Big Board", closes_at=time(16, 30))
    store_calendar(calendar(THU), at=AT)
    assert (Exchange.objects.get().name, Exchange.objects.get().closes_at) == (
        "Big Board", time(16, 30)
    )  # fmt: skip


def test_a_calendar_takes_few_queries_whatever_its_length(django_assert_max_num_queries):
    every = [date.fromordinal(THU.toordinal() + place) for place in range(2000)]
    with django_assert_max_num_queries(13):
        store_calendar(calendar(*every, last=every[-1]), at=AT)
    assert TradingDay.objects.count() == 2000


# --- overridden by people ---


def test_an_override_outlives_the_calendar_that_is_loaded_after_it():
    store_calendar(calendar(THU, FRI, MON), at=AT)
    override(FRI)
    override(MON, Kind.EARLY, closes_at=time(13))
    override(TUE, Kind.OPEN)
    stored = store_calendar(calendar(THU, FRI, MON), at=AT)
    assert (stored.added, stored.changed, stored.removed) == (0, 0, 0)
    assert known() == [(THU, None), (MON, time(13)), (TUE, None)]


def test_the_newest_word_on_a_day_counts_and_the_older_ones_are_kept():
    store_calendar(calendar(THU, FRI), at=AT)
    override(FRI)
    override(FRI, Kind.OPEN, reason="it opened at noon")
    assert days() == [THU, FRI]
    assert [each.reason for each in CalendarOverride.objects.order_by("pk")] == [
        "storm", "it opened at noon"
    ]  # fmt: skip
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        CalendarOverride.objects.update(reason="other")


@pytest.mark.parametrize(
    ("day", "kind", "said"),
    [
        (MON, Kind.CLOSED, "XNYS is closed on 2 Mar 2020 already."),
        (THU, Kind.OPEN, "XNYS trades so on 27 Feb 2020 already."),
    ],
)
def test_an_override_that_changes_nothing_is_refused(day, kind, said):
    store_calendar(calendar(THU, FRI), at=AT)
    with pytest.raises(CalendarError, match=said):
        override(day, kind)
    assert not CalendarOverride.objects.exists()


# --- observations follow ---


def test_an_ad_hoc_closure_moves_the_observation_and_tells_every_policy_once(strategy):
    _made, moved = override(FRI, reason="Storm over New York")
    assert moved == 1
    observation = first(strategy)
    assert (observation.valuation_on, observation.scheduled_on) == (MON, FRI)
    move = ObservationMove.objects.get()
    assert (move.observation, move.from_on, move.to_on, move.because, move.moved_at) == (
        observation, FRI, MON, "Storm over New York", AT
    )  # fmt: skip
    events = list(Event.objects.filter(kind="observation.moved"))
    assert len(events) == 3
    assert {event.subject for event in events} == {f"strategy:{strategy.pk}"}
    told = events[0].properties
    assert (told["from"], told["to"], told["because"]) == (
        "2020-02-28", "2020-03-02", "Storm over New York"
    )  # fmt: skip
    store_calendar(calendar(THU, FRI, MON, TUE), at=AT)
    assert Event.objects.filter(kind="observation.moved").count() == 3


def test_a_moved_observation_is_evaluated_on_its_new_day_alone(strategy):
    factories.quote("AAPL", FRI, "100")
    factories.quote("IBM", FRI, "100")
    override(FRI)
    assert evaluate_due(at=datetime(2020, 2, 28, 23, tzinfo=UTC)) == 0
    factories.quote("AAPL", MON, "70")
    factories.quote("IBM", MON, "100")
    assert evaluate_due(at=datetime(2020, 3, 2, 23, tzinfo=UTC)) == 1
    assert first(strategy).results.get().outcome == "SAVED"


def test_a_date_comes_back_with_its_session_and_both_moves_are_kept(strategy):
    override(FRI)
    override(FRI, Kind.OPEN, reason="it traded after all")
    assert first(strategy).valuation_on == FRI
    assert list(ObservationMove.objects.values_list("from_on", "to_on")) == [
        (FRI, MON), (MON, FRI)
    ]  # fmt: skip


def test_a_day_that_closes_twice_over_moves_step_by_step(strategy):
    override(FRI)
    override(MON, reason="still storm")
    assert first(strategy).valuation_on == TUE
    assert Event.objects.filter(kind="observation.moved").count() == 6


def test_a_counted_payment_day_moves_along_and_a_given_one_stays(strategy):
    observation = first(strategy)
    Observation.objects.filter(pk=observation.pk).update(pays_on=MON, pays_by_lag=False)
    override(FRI)
    assert first(strategy).pays_on == MON
    Observation.objects.filter(pk=observation.pk).update(pays_by_lag=True)
    override(MON)
    assert first(strategy).pays_on == TUE


def test_what_was_evaluated_keeps_its_day(strategy):
    factories.quote("AAPL", FRI, "100")
    factories.quote("IBM", FRI, "100")
    assert evaluate_due(at=datetime(2020, 2, 28, 23, tzinfo=UTC)) == 1
    assert override(FRI)[1] == 0
    assert first(strategy).valuation_on == FRI
    assert not ObservationMove.objects.exists()


def test_an_observation_that_waited_on_the_old_day_forgets_why(strategy):
    evaluate_due(at=datetime(2020, 2, 28, 23, tzinfo=UTC))
    assert first(strategy).state == Observation.State.WAITING
    override(FRI)
    assert (first(strategy).state, first(strategy).waiting_for) == ("planned", "")


def test_a_calendar_that_is_loaded_anew_moves_dates_too(strategy):
    TradingDay.objects.update(origin=TradingDay.Origin.CALENDAR)
    stored = store_calendar(calendar(THU, MON, TUE), at=AT)
    assert (stored.removed, stored.moved) == (1, 1)
    assert ObservationMove.objects.get().because == "28 Feb 2020 is no session"


def test_who_has_left_is_not_told(strategy):
    strategy.policies.update(state="surrendered", closed_on=THU)
    override(FRI)
    assert not Event.objects.filter(kind="observation.moved").exists()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_two_who_close_a_day_at_once_close_it_once():
    factories.sessions(THU, FRI)
    start = Barrier(2)

    def close(_place):
        start.wait()
        try:
            return override(FRI)
        except CalendarError:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert min(pool.map(close, range(2)), key=bool) is None
    assert CalendarOverride.objects.count() == 1


# --- the library and its corrections ---


def test_corrections_have_sources_and_apply_within_the_calendars_reach():
    assert all(each.source and each.change in {"open", "closed", "early"} for each in corrections())
    moscow = Calendar(
        "XMOS", "", "", time(18, 45), date(2022, 3, 1), date(2022, 3, 31),
        dict.fromkeys([date(2022, 3, 1), date(2022, 3, 24), date(2022, 3, 25)]),
    )  # fmt: skip
    assert corrected(moscow).sessions == {
        date(2022, 3, 24): time(14),
        date(2022, 3, 25): None,
    }


CLOSED = [
    ("XNYS", "2012-10-29"), ("XNYS", "2018-12-05"), ("XNYS", "2025-01-09"),
    ("XLON", "2022-09-19"), ("XLON", "2023-05-08"), ("XETR", "2024-12-24"),
    ("XHKG", "2023-07-17"), ("XHKG", "2023-09-01"), ("XHKG", "2023-09-08"), ("XHKG", "2024-09-06"),
    ("XPAR", "2024-05-01"), ("XMOS", "2022-02-28"), ("XMOS", "2022-03-23"), ("XMOS", "2020-06-24"),
]  # fmt: skip
OPEN = [
    ("XNYS", "2025-06-20", None), ("XNYS", "2024-07-03", time(13)), ("XLON", "2024-12-24", time(12, 30)),
    ("XPAR", "2024-12-24", time(14, 5)), ("XHKG", "2023-10-09", None), ("XETR", "2023-10-03", None),
    ("XMOS", "2022-02-25", None), ("XMOS", "2022-03-24", time(14)), ("XMOS", "2021-02-20", None),
    ("XMOS", "2018-12-29", None), ("XMOS", "2024-04-27", None), ("XMOS", "2025-11-01", None),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the library's own
@pytest.mark.slow
def test_the_command_loads_calendars_as_the_exchanges_published_them():
    said = StringIO()
    codes = sorted({code for code, *_rest in (*CLOSED, *OPEN)})
    call_command("load_calendars", *codes, "--from=2012-01-01", "--to=2027-12-31", stdout=said)
    assert said.getvalue().count(" added") == len(codes)
    known = {
        (session.exchange.code, session.day.isoformat()): session.closes_at
        for session in TradingDay.objects.select_related("exchange")
    }
    assert [each for each in CLOSED if each in known] == []
    assert [each for each in OPEN if known.get(each[:2], "closed") != each[2]] == []
    again = StringIO()
    call_command("load_calendars", "XMOS", "--from=2021-01-01", "--to=2022-12-31", stdout=again)
    assert again.getvalue().count("0 added, 0 changed, 0 removed") == 1


@pytest.mark.slow
def test_the_command_says_which_calendar_there_is_not():
    with pytest.raises(CommandError, match="QQQQ"):
        call_command("load_calendars", "QQQQ")
