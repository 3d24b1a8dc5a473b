"""Nobody is written to in his night: every zone of the world, through both changes of its clock."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pytest

from apps.messaging.queries.zones import country_of, quiet_hours, zones_by_country

YEAR = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(minutes=30)
QUIET = (time(21), time(9))


def offsets(name, moments):
    zone = ZoneInfo(name)
    return np.array([moment.astimezone(zone).utcoffset().total_seconds() for moment in moments])


def clocks():
    """Return one zone of each that keep the same time in 2026, with the hours around its changes."""
    hours = [YEAR + timedelta(hours=6 * n) for n in range(4 * 365)]
    found = {}
    for name in sorted(available_timezones()):
        kept = offsets(name, hours[::12])
        found.setdefault(kept.tobytes(), name)
    for name in found.values():
        kept = offsets(name, hours)
        changes = [hours[place] for place in np.flatnonzero(np.diff(kept))] or [YEAR]
        yield name, changes


@pytest.mark.slow
def test_no_moment_that_is_planned_is_quiet_in_any_zone_through_the_clock_changes_of_a_year():
    seen = 0
    for name, changes in clocks():
        quiet = quiet_hours(name, "", *QUIET)
        asked = [change + STEP * n for change in changes for n in range(-48, 60)]
        planned = [quiet.opens(at) for at in asked]
        local = np.array([moment.timestamp() for moment in planned]) + offsets(name, planned)
        minutes = local / 60 % 1440
        assert ((minutes >= 9 * 60) & (minutes < 21 * 60)).all(), name
        waits = np.array([(to - at).total_seconds() for to, at in zip(planned, asked, strict=True)])
        assert ((waits >= 0) & (waits <= 14 * 3600)).all(), name
        seen += len(asked)
    assert seen > 5_000  # as many clocks as the machine's zones tell apart


@pytest.mark.parametrize(
    ("phone", "country"),
    [
        ("+79161234567", "RU"),
        ("+77011234567", "KZ"),
        ("+12125551234", "US"),
        ("+14165551234", "CA"),
        ("+380501234567", "UA"),
        ("+7916", "RU"),  # too short for a number: what its code is mostly
        ("", "RU"),  # the issuer's own
        ("+99912345678901", "RU"),
    ],
)
def test_the_country_is_that_of_the_phone(phone, country):
    assert country_of(phone) == country


def test_without_a_zone_it_is_day_in_all_of_his_country_or_nothing_is_sent():
    night = datetime(2026, 3, 2, 20, tzinfo=UTC)
    for country, zones in zones_by_country().items():
        phone = {"RU": "+79161234567", "US": "+12125551234", "DE": "+4930123456"}.get(country)
        if phone is None:
            continue
        moment = quiet_hours("", phone, *QUIET).opens(night)
        local = [moment.astimezone(ZoneInfo(zone)).time() for zone in zones]
        assert all(time(9) <= clock < time(21) for clock in local), country
    assert quiet_hours("", "+79161234567", time(18), time(12)).opens(night) is None
