"""What an adviser narrows the queue to."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RadioFilter

from apps.advisers.models import CallTask
from apps.core import clock


class DueFilter(RadioFilter):
    title = _("when")
    parameter_name = "when"

    def lookups(self, request: HttpRequest, page: Any) -> list[tuple[str, Any]]:
        return [
            ("now", _("to be called now")),
            ("overdue", _("overdue")),
            ("later", _("not before a moment to come")),
            ("ended", _("ended")),
        ]

    def queryset(self, request: HttpRequest, rows: QuerySet[CallTask]) -> QuerySet[CallTask]:
        at = clock.now()
        waits = Q(state__in=CallTask.UNFINISHED)
        chosen = {
            "now": waits & Q(call_after__lte=at),
            "overdue": waits & Q(due_at__lt=at),
            "later": waits & Q(call_after__gt=at),
            "ended": ~waits,
        }
        return rows.filter(chosen.get(self.value() or "", Q()))


class HandFilter(RadioFilter):
    title = _("in whose hand")
    parameter_name = "hand"

    def lookups(self, request: HttpRequest, page: Any) -> list[tuple[str, Any]]:
        return [("mine", _("mine")), ("free", _("nobody's")), ("others", _("others'"))]

    def queryset(self, request: HttpRequest, rows: QuerySet[CallTask]) -> QuerySet[CallTask]:
        mine, held = Q(taken_by=request.user.pk), Q(taken_by__isnull=False)
        chosen = {"mine": mine, "free": ~held, "others": held & ~mine}
        return rows.filter(chosen.get(self.value() or "", Q()))
