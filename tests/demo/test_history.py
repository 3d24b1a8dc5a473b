"""The past is lived through the product's own actions, with real peers, and once."""

from datetime import date, timedelta

import pytest

from apps.advisers.models import CallTask
from apps.demo.actions.history import begin_world, load_world, stop_clock, wind_clock
from apps.demo.models import Letter
from apps.demo.world import timeline
from apps.messaging.models.outbox import Message, Notice
from apps.products.models.holdings import Payment, Policy, PolicyCoupon
from apps.products.models.strategies import Observation, ObservationResult

BEGINNING = timeline.past()[:3]  # the first strategy, up to the split on its second observation
Outcome = ObservationResult.Outcome


def load(real, folder, say=lambda _: None, steps=BEGINNING):
    return load_world(steps, now=lambda: real, port=8000, folder=folder, say=say)


def traces():
    return {
        model.__name__: model.objects.count()
        for model in (Letter, Message, Notice, ObservationResult, Payment, Policy, PolicyCoupon)
    }


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_past_goes_through_files_evaluation_and_real_peers(mailbox, real, tmp_path):
    world = load(real, tmp_path)
    split = ObservationResult.objects.get(observation__valuation_on=date(2005, 2, 28))
    assert split.outcome == Outcome.ACCRUED
    # Apple closed at 44.86 after a 2-for-1 split, fixed at 34.49 before it.
    assert float(split.levels["AAPL"]["level"]) == pytest.approx(44.86 * 2 / 34.49)
    sent = Message.objects.filter(state=Message.State.SENT)
    assert sent.count() == Letter.objects.count() > 0
    assert {letter.received_at.year for letter in Letter.objects.all()} == {2004, 2005}
    assert min(path.name for path in tmp_path.iterdir()) == "001-underlyings.csv"
    assert (world.reached_at, world.loaded_at) == (timeline.PRESENT, real)
    assert CallTask.objects.filter(source__startswith="reply:").count() == 2


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_it_goes_on_and_tells_nobody_twice(mailbox, real, tmp_path):
    def interrupt(_):
        raise KeyboardInterrupt

    for _ in BEGINNING[:2]:
        with pytest.raises(KeyboardInterrupt):
            load(real, tmp_path, say=interrupt)
    load(real, tmp_path)
    resumed = traces()
    assert Observation.objects.filter(state="evaluated").count() == 2
    assert resumed["Letter"] == Message.objects.filter(state=Message.State.SENT).count() > 0
    world = load(real + timedelta(hours=1), tmp_path)
    assert traces() == resumed
    assert world.loaded_at == real


@pytest.mark.django_db
def test_the_clock_stands_still_while_nobody_runs_the_world(real):
    world = begin_world(port=8000)
    wind_clock(world, real=real)
    stop_clock(world, real=real + timedelta(hours=2))
    world.refresh_from_db()
    wind_clock(world, real=real + timedelta(days=30))
    assert world.moment(real + timedelta(days=30)) == timeline.DAWN + timedelta(hours=2)
