"""What every request passes: the audit trail learns who asked, and through which door."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.core import audit, clock
from apps.core.models import Change

DESK = "/admin/"
DOORS = {DESK: Change.Channel.ADMIN, "/api/": Change.Channel.API}


def audited(get_response: Callable[[HttpRequest], HttpResponse]) -> object:
    """Have what a request changes recorded as done by its user; the API adds whose key it was."""

    def answer(request: HttpRequest) -> HttpResponse:
        path = request.path
        door = next((DOORS[start] for start in DOORS if path.startswith(start)), None)
        # Asked for there alone: elsewhere a session would make every answer vary by its cookie.
        user = request.user if path.startswith(DESK) else None
        with audit.context(by=user, channel=door or Change.Channel.CLIENT, at=clock.now()):
            return get_response(request)

    return answer
