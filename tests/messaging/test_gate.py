"""The gate's verdicts as tables: consent, address, deadline, quiet hours, the clock's changes."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from apps.messaging.gate import Frequency, Limit, Quiet, Refusal, Rival, Verdict, Wish, decide

MOSCOW = ZoneInfo("Europe/Moscow")
NIGHT = Quiet(time(21), time(9), MOSCOW)
NOON = datetime(2020, 3, 2, 12, tzinfo=MOSCOW)
WISH = Wish(consented=True, reachable=True, quiet=NIGHT)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({}, None),
        ({"consented": False}, Refusal.NO_CONSENT),
        ({"reachable": False}, Refusal.NO_ADDRESS),
        ({"consented": False, "reachable": False}, Refusal.NO_CONSENT),
        ({"consented": False, "urgent": True}, None),
        ({"suppressed": True}, Refusal.SUPPRESSED),
        ({"suppressed": True, "consented": False}, Refusal.NO_CONSENT),
        ({"suppressed": True, "urgent": True}, Refusal.SUPPRESSED),
        ({"reachable": False, "urgent": True}, Refusal.NO_ADDRESS),
        ({"suppressed": True, "up_to_date": False}, Refusal.SUPPRESSED),
        ({"up_to_date": False, "held": True}, Refusal.OUT_OF_DATE),
        ({"hold_out": "spring"}, Refusal.HELD_OUT),
        ({"hold_out": "spring", "urgent": True}, None),
        ({"hold_out": "spring", "deadline": NOON - timedelta(days=9)}, Refusal.TOO_LATE),
        ({"stopped": True, "deadline": NOON - timedelta(days=9)}, Refusal.TOO_LATE),
        ({"worded": False}, Refusal.NO_WORDING),
        ({"worded": False, "reachable": False}, Refusal.NO_ADDRESS),
        ({"deadline": NOON}, None),
        ({"deadline": NOON - timedelta(seconds=1)}, Refusal.TOO_LATE),
        ({"deadline": NOON - timedelta(days=9), "urgent": True}, Refusal.TOO_LATE),
    ],
)
def test_a_wish_is_granted_now_or_refused_with_its_reason(change, refusal):
    granted = Verdict(send_at=NOON)
    expected = Verdict(refusal=refusal) if refusal else granted
    assert decide(replace(WISH, **change), at=NOON) == expected


@pytest.mark.parametrize(
    ("change", "refusal", "hours"),
    [
        ({"stopped": True, "consented": False}, Refusal.STOPPED, 1 / 12),
        ({"held": True}, Refusal.HELD, 1),
        ({"closed": True, "worded": False}, Refusal.CLOSED, 1 / 12),
        ({"held": True, "deadline": NOON + timedelta(hours=1)}, Refusal.HELD, 1),
    ],
)
def test_a_stop_a_price_in_doubt_and_a_closed_provider_pass(change, refusal, hours):
    verdict = decide(replace(WISH, **change), at=NOON)
    assert verdict == Verdict(refusal=refusal, ask_after=NOON + timedelta(hours=hours))


TODAY = NOON.date()


def rival(days=0, priority=100, *, is_movable=True):
    return Rival(1, TODAY - timedelta(days=days), priority, is_movable)


@pytest.mark.parametrize(
    ("rivals", "limits", "refusal"),
    [
        ([], [Limit(1, 2)], None),
        ([rival(priority=100)], [], Refusal.DAY_TAKEN),
        ([rival(priority=99)], [], None),
        ([rival(priority=99, is_movable=False)], [], Refusal.DAY_TAKEN),
        ([rival(1, 999)], [], None),
        ([rival(1)], [Limit(1, 2)], Refusal.TOO_OFTEN),
        ([rival(2)], [Limit(1, 2)], None),
        ([rival(6), rival(1)], [Limit(3, 7), Limit(2, 7)], Refusal.TOO_OFTEN),
        ([rival(7), rival(1)], [Limit(3, 7), Limit(2, 7)], None),
        ([rival(-1), rival(1)], [Limit(2, 7)], None),
        ([rival(), rival(1)], [Limit(1, 7)], Refusal.DAY_TAKEN),
    ],
)
def test_an_offer_needs_a_day_of_its_own_and_room_under_the_limits(rivals, limits, refusal):
    frequency = Frequency(100, tuple(rivals), tuple(limits))
    assert decide(replace(WISH, frequency=frequency), at=NOON).refusal == refusal


@pytest.mark.parametrize(
    ("begins", "ends", "at", "send_at"),
    [
        ("21:00", "09:00", "20:59", "20:59"),
        ("21:00", "09:00", "21:00", "09:00+1"),
        ("21:00", "09:00", "23:59", "09:00+1"),
        ("21:00", "09:00", "00:00", "09:00"),
        ("21:00", "09:00", "08:59", "09:00"),
        ("21:00", "09:00", "09:00", "09:00"),
        ("13:00", "15:00", "12:59", "12:59"),
        ("13:00", "15:00", "13:00", "15:00"),
        ("13:00", "15:00", "15:00", "15:00"),
        ("00:00", "08:00", "00:00", "08:00"),
        ("00:00", "08:00", "23:59", "23:59"),
        ("22:00", "00:00", "22:30", "00:00+1"),
        ("22:00", "00:00", "00:00", "00:00"),
    ],
)
def test_quiet_hours_put_a_message_off_to_their_end(begins, ends, at, send_at):
    def moment(text):
        clock, _, days = text.partition("+")
        day = NOON.date() + timedelta(int(days or 0))
        return datetime.combine(day, time.fromisoformat(clock), tzinfo=MOSCOW)

    quiet = Quiet(time.fromisoformat(begins), time.fromisoformat(ends), MOSCOW)
    assert decide(replace(WISH, quiet=quiet), at=moment(at)) == Verdict(send_at=moment(send_at))


def test_what_the_client_urgent_comes_at_night():
    night = NOON.replace(hour=23)
    assert decide(replace(WISH, urgent=True), at=night) == Verdict(send_at=night)


def test_news_that_would_be_old_after_the_quiet_hours_is_not_sent():
    night = NOON.replace(hour=23)
    wish = replace(WISH, deadline=night + timedelta(hours=9))
    assert decide(wish, at=night) == Verdict(refusal=Refusal.TOO_LATE)


@pytest.mark.parametrize(
    ("zone", "at", "send_at"),
    [
        ("Asia/Tokyo", "2020-03-01T13:00Z", "2020-03-02T00:00Z"),
        ("America/New_York", "2020-03-02T03:00Z", "2020-03-02T14:00Z"),
        ("America/New_York", "2020-03-08T03:00Z", "2020-03-08T13:00Z"),  # summer time begins
        ("America/New_York", "2020-11-01T03:00Z", "2020-11-01T14:00Z"),  # and ends
        ("Asia/Kathmandu", "2020-03-01T16:00Z", "2020-03-02T03:15Z"),
        ("Pacific/Apia", "2011-12-30T08:00Z", "2011-12-30T19:00Z"),  # a day that never was
    ],
)
def test_quiet_hours_are_the_clients_own(zone, at, send_at):
    quiet = Quiet(time(21), time(9), ZoneInfo(zone))
    verdict = decide(replace(WISH, quiet=quiet), at=datetime.fromisoformat(at))
    assert verdict == Verdict(send_at=datetime.fromisoformat(send_at))


@pytest.mark.parametrize(
    ("at", "send_at"),
    [
        # 2020-03-08 in New York: 02:00 becomes 03:00, so that 02:30 counts as 03:30.
        ("2020-03-08T06:59Z", "2020-03-08T07:30Z"),
        ("2020-03-08T07:00Z", "2020-03-08T07:00Z"),
        # 2020-11-01: 02:00 becomes 01:00 again; 01:30 comes twice.
        ("2020-11-01T05:00Z", "2020-11-01T05:30Z"),
        ("2020-11-01T05:45Z", "2020-11-01T05:45Z"),
        ("2020-11-01T06:15Z", "2020-11-01T06:30Z"),
    ],
)
def test_an_end_that_the_clock_skips_or_shows_twice_is_still_one_moment(at, send_at):
    ends = time(2, 30) if at.startswith("2020-03") else time(1, 30)
    quiet = Quiet(time(21), ends, ZoneInfo("America/New_York"))
    verdict = decide(replace(WISH, quiet=quiet), at=datetime.fromisoformat(at))
    assert verdict == Verdict(send_at=datetime.fromisoformat(send_at))


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"])
def test_a_planned_moment_is_never_in_quiet_hours_and_never_in_the_past(zone):
    edges = [time(0), time(1, 30), time(2), time(2, 30), time(3), time(12)]
    start = datetime.fromisoformat("2020-03-01T00:00Z")
    for begins, ends in product(edges, edges):
        if begins == ends:
            continue
        quiet = Quiet(begins, ends, ZoneInfo(zone))
        for hours in range(0, 24 * 60, 5):
            at = start + timedelta(hours=hours, minutes=10)
            send_at = decide(replace(WISH, quiet=quiet), at=at).send_at
            assert at <= send_at <= at + timedelta(hours=48)
            assert not quiet.holds(send_at)
