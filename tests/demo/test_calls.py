"""The demo's calls: through the product's own actions, once, and such as may be made."""

from apps.advisers.models import CallTask
from apps.advisers.queries import objection_to
from apps.demo.actions.calls import ask_for_calls
from tests import factories
from tests.messaging.world import DAY, noticed


def test_the_demos_advisers_have_calls_to_make_and_no_call_twice(db):
    for language in ("en", "ru"):
        noticed(factories.client(language=language), "strategy.called")
    for _ in range(2):
        ask_for_calls(at=DAY)
    tasks = CallTask.objects.select_related("contact_point").order_by("pk")
    assert [objection_to(task) for task in tasks] == [None] * 4
    assert {"«US Technology»: досрочный отзыв", "US Technology has ended early"} <= {
        task.title for task in tasks
    }
    assert all(task.script or task.asked for task in tasks)
