"""What messaging gives the advisers' desk: the gate's word, and what a client was told lately."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.advisers.admin.calls import asked_before_calls
from apps.advisers.models import CallTask
from apps.advisers.queries import Objection
from apps.core import clock
from apps.core.admin.display import moment, pill
from apps.core.admin.pages import panel
from apps.messaging.actions.calling import objection
from apps.messaging.admin.outbox import SENT
from apps.messaging.models.outbox import Message

LATELY = timedelta(days=30)
SHOWN = 20


@asked_before_calls
def gate_of(task: CallTask, at: datetime) -> Objection | None:
    return objection(task, at=at)


@panel(
    CallTask, _("What he was told in the last 30 days"), permission="advisers.view_calltask",
    wide=True, order=20,
)  # fmt: skip
def told_lately(_request: HttpRequest, task: CallTask) -> dict[str, Any]:
    rows = (
        Message.objects.filter(notice__client=task.client, sent_at__gte=clock.now() - LATELY)
        .exclude(key__in=[task.key] if task.source.startswith("message:") else [])
        .select_related("notice__template")
        .order_by("-sent_at", "-pk")[:SHOWN]
    )
    return {
        "headers": [_("when"), _("what"), _("channel"), _("state"), _("text")],
        "rows": [
            [
                moment(message.sent_at),
                message.notice.template,
                message.get_channel_display(),
                pill(message.get_state_display(), SENT[message.state]),
                message.body,
            ]
            for message in rows
        ],
        "empty": _("Nothing."),
    }
