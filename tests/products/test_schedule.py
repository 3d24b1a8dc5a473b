from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.products.schedule import (
    Reason,
    Sessions,
    Valuation,
    payment_day,
    valuation_days,
    year_fraction,
)
from apps.products.terms.sheet import DayCount, DisruptionScope, PaymentLag, Roll, Schedule

WEEKDAYS = [
    day for day in (date(2020, 8, 1) + timedelta(days=n) for n in range(150)) if day.weekday() < 5
]  # 2020-08-03 (Monday) to 2020-12-28
LABOR_DAY = date(2020, 9, 7)
NEW_YORK = Sessions.of(set(WEEKDAYS) - {LABOR_DAY})
LONDON = Sessions.of(set(WEEKDAYS) - {date(2020, 8, 31)})
SUNDAY, MONDAY = date(2020, 8, 30), date(2020, 8, 31)
LATER = date(2020, 12, 1)


def on(day: int, month: int = 9) -> date:
    return date(2020, month, day)


@pytest.mark.parametrize(
    ("scheduled", "rule", "day"),
    [
        (on(2), Roll.FOLLOWING, on(2)),
        (on(5), Roll.FOLLOWING, on(8)),  # Saturday, then Labor Day
        (on(5), Roll.MODIFIED_FOLLOWING, on(8)),
        (on(5), Roll.PRECEDING, on(4)),
        (on(5), Roll.NONE, on(5)),
        (on(31, 10), Roll.FOLLOWING, on(2, 11)),
        (on(31, 10), Roll.MODIFIED_FOLLOWING, on(30, 10)),  # November is another month
        (on(1, 8), Roll.PRECEDING, None),  # no session is known before it
        (on(28, 12), Roll.PRECEDING, on(28, 12)),
        (on(29, 12), Roll.FOLLOWING, None),  # the calendar ends on the 28th
        (on(29, 12), Roll.PRECEDING, None),  # the 29th may still be a session
        (on(29, 12), Roll.MODIFIED_FOLLOWING, None),
    ],
)
def test_a_scheduled_date_rolls_to_a_session_or_waits_for_the_calendar(scheduled, rule, day):
    assert NEW_YORK.rolled(scheduled, rule) == day


def test_modified_following_goes_back_once_the_month_is_known_to_be_over():
    friday = on(30, 10)
    assert Sessions.of([friday]).rolled(on(31, 10), Roll.MODIFIED_FOLLOWING) is None
    over = Sessions.of([friday], known_until=on(31, 10))
    assert over.rolled(on(31, 10), Roll.MODIFIED_FOLLOWING) == friday


@given(st.dates(date(2020, 8, 3), date(2020, 12, 25)), st.sampled_from(Roll))
def test_a_rolled_day_is_a_session_on_the_right_side(scheduled, rule):
    day = NEW_YORK.rolled(scheduled, rule)
    assert day is not None
    assert rule is Roll.NONE or day in NEW_YORK.days
    assert rule is not Roll.FOLLOWING or day >= scheduled
    assert rule is not Roll.PRECEDING or day <= scheduled
    assert rule is not Roll.MODIFIED_FOLLOWING or day.month == scheduled.month


def days(schedule=None, *, without=None, as_of=LATER, scheduled=SUNDAY, **more):
    """Value a New York and a London share; `without` names days that lack a close."""
    sessions = {"N": NEW_YORK, "L": LONDON}
    missing = without or {}
    closes = {share: set(own.days) - set(missing.get(share, ())) for share, own in sessions.items()}
    return valuation_days(scheduled, schedule or Schedule(), sessions, closes, as_of, **more)


def test_common_sessions_move_both_shares_past_either_holiday():
    assert days() == {share: Valuation(on(1), Reason.ROLLED) for share in "NL"}


def test_individual_sessions_move_each_share_alone():
    assert days(Schedule(common=False)) == {
        "N": Valuation(MONDAY, Reason.ROLLED),
        "L": Valuation(on(1), Reason.ROLLED),
    }


def test_a_session_needs_no_rolling():
    assert days(scheduled=on(2))["N"] == Valuation(on(2), Reason.SCHEDULED)


def test_disruption_moves_only_the_share_that_it_hits():
    found = days(without={"N": [on(1), on(2)]})
    assert found == {
        "N": Valuation(on(3), Reason.DISRUPTED),
        "L": Valuation(on(1), Reason.ROLLED),
    }


def test_disruption_moves_all_shares_to_the_first_day_that_values_them_all():
    everyone = Schedule(disruption_scope=DisruptionScope.ALL)
    found = days(everyone, without={"N": [on(1)], "L": [on(2)]})
    assert found == {share: Valuation(on(3), Reason.DISRUPTED) for share in "NL"}


def test_disrupted_days_follow_common_sessions():
    gap = {"N": [day for day in WEEKDAYS if on(1) <= day <= on(4)]}
    assert days(without=gap)["N"].day == on(8)  # the 7th is Labor Day
    assert days(Schedule(common=False), without=gap, scheduled=on(1))["N"].day == on(8)


@pytest.mark.parametrize(
    ("limit", "found"),
    [
        (8, Valuation(on(28, 8), Reason.LAST_KNOWN_CLOSE, on(14))),
        (9, Valuation(on(15), Reason.DISRUPTED)),
    ],
)
def test_after_the_longest_disruption_the_last_known_close_counts(limit, found):
    # No New York close from 31 August on; 1 September and the eight sessions after it end on the
    # 14th, the ninth is the 15th.
    gap = {"N": [day for day in WEEKDAYS if MONDAY <= day <= on(14)]}
    assert days(Schedule(max_disruption=limit), without=gap)["N"] == found


def test_all_shares_wait_together_and_the_undisrupted_one_is_valued_on_the_last_day():
    everyone = Schedule(disruption_scope=DisruptionScope.ALL, max_disruption=1)
    gap = {"N": [day for day in WEEKDAYS if day >= MONDAY]}
    assert days(everyone, without=gap) == {
        "N": Valuation(on(28, 8), Reason.LAST_KNOWN_CLOSE, on(2)),
        "L": Valuation(on(2), Reason.DISRUPTED),
    }


def test_a_day_in_the_future_is_waited_for():
    assert days(as_of=MONDAY)["N"] == Valuation(None, Reason.FUTURE, on(1))
    gap = {"N": [on(1)]}
    assert days(as_of=on(1), without=gap)["N"] == Valuation(None, Reason.FUTURE, on(2))


def test_a_calendar_that_ends_too_early_is_said():
    assert days(scheduled=on(30, 12))["N"] == Valuation(None, Reason.CALENDAR_ENDS)


def test_a_share_that_never_had_a_close_is_not_guessed():
    found = days(without={"N": WEEKDAYS})
    assert found["N"] == Valuation(None, Reason.CLOSE_MISSING, on(14))
    assert found["L"].day == on(1)


def test_a_late_feed_is_waited_for_and_only_a_declared_disruption_moves_the_day():
    gap = {"N": [on(1)]}
    late = days(without=gap, wait_for_missing=True)
    assert late["N"] == Valuation(None, Reason.CLOSE_MISSING, on(1))
    assert late["L"].day == on(1)
    declared = days(without=gap, wait_for_missing=True, disrupted={"N": {on(1)}})
    assert declared["N"] == Valuation(on(2), Reason.DISRUPTED)


def test_a_close_of_a_disrupted_day_is_not_used():
    assert days(disrupted={"L": {on(1)}})["L"] == Valuation(on(2), Reason.DISRUPTED)


@given(
    st.sets(st.sampled_from(WEEKDAYS[15:40])),
    st.sets(st.sampled_from(WEEKDAYS[15:40])),
    st.dates(date(2020, 8, 25), date(2020, 10, 10)),
    st.sampled_from(Roll),
    st.booleans(),
    st.sampled_from(DisruptionScope),
    st.integers(0, 4),
)
def test_a_valuation_day_once_known_never_changes(
    new_york, london, today, rule, common, scope, most
):
    schedule = Schedule(rule, common, most, scope)
    gaps = {"N": new_york, "L": london}
    then = days(schedule, without=gaps, as_of=today)
    now = days(schedule, without=gaps)
    for share, found in then.items():
        if found.day is not None:
            assert found.day <= today
            assert now[share] == found


@pytest.mark.parametrize(
    ("payment", "day"),
    [
        (PaymentLag(), on(4)),
        (PaymentLag(2), on(8)),  # Friday: Monday, Tuesday
        (PaymentLag(2, "NY"), on(9)),  # Monday is Labor Day
        (PaymentLag(0, "OTHER"), on(8)),  # a payment is made on a session of its calendar
        (PaymentLag(500, "NY"), None),
        (PaymentLag(1, "unknown"), None),
    ],
)
def test_payment_follows_after_its_lag(payment, day):
    calendars = {"NY": NEW_YORK, "OTHER": Sessions.of([on(8)])}
    assert payment_day(on(4), payment, calendars) == day


@pytest.mark.parametrize(
    ("start", "end", "convention", "fraction"),
    [
        (date(2007, 1, 15), date(2007, 7, 15), DayCount.THIRTY_360, Fraction(1, 2)),
        (date(2007, 1, 31), date(2007, 3, 31), DayCount.THIRTY_360, Fraction(60, 360)),
        (date(2007, 1, 30), date(2007, 3, 31), DayCount.THIRTY_360, Fraction(60, 360)),
        (date(2007, 1, 29), date(2007, 3, 31), DayCount.THIRTY_360, Fraction(62, 360)),
        (date(2007, 1, 29), date(2007, 3, 31), DayCount.THIRTY_E_360, Fraction(61, 360)),
        (date(2007, 2, 28), date(2007, 8, 31), DayCount.THIRTY_E_360, Fraction(182, 360)),
        (date(2020, 1, 1), date(2020, 7, 1), DayCount.ACT_360, Fraction(182, 360)),
        (date(2020, 1, 1), date(2020, 7, 1), DayCount.ACT_365, Fraction(182, 365)),
        (date(2020, 1, 1), date(2021, 1, 1), DayCount.ACT_ACT, Fraction(1)),
        (
            date(2003, 11, 1),
            date(2004, 5, 1),
            DayCount.ACT_ACT,
            Fraction(61, 365) + Fraction(121, 366),  # ISDA's own example
        ),
    ],
)
def test_days_are_counted_by_convention(start, end, convention, fraction):
    assert year_fraction(start, end, convention) == fraction


def test_a_period_is_no_count_of_days():
    with pytest.raises(ValueError, match="PERIOD"):
        year_fraction(on(1), on(2), DayCount.PERIOD)
