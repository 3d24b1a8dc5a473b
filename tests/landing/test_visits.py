from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from apps.events.models import Event
from apps.landing.actions.visits import show_figures


def test_each_day_has_its_own_event(world, today):
    assert show_figures(world.link, at=today) is True
    assert show_figures(world.link, at=today + timedelta(minutes=1)) is False
    assert show_figures(world.link, at=today + timedelta(days=1)) is True
    assert Event.objects.filter(kind="page.figures_shown").count() == 2


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_two_presses_at_once_are_one_event(world, today):
    def press(seconds):
        try:
            return show_figures(world.link, at=today + timedelta(seconds=seconds))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(press, range(4))) == [False, False, False, True]
    assert Event.objects.filter(kind="page.figures_shown").count() == 1
