"""Short links and what tells of them: nothing here asks the database before it answers.

A GET of a link leads on, whether the link is good or not: the page says that. It is noted as a machine's;
a person's it becomes by the gesture of which the page's script tells.
"""

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from apps.core import clock
from apps.landing import visitors
from apps.landing.actions.joining import note_visit
from apps.landing.models import Visit
from apps.landing.views.access import cookie_of
from apps.messaging.actions.hits import Seen, note
from apps.messaging.actions.links import find_link, hash_token
from apps.messaging.models.links import Hit

CAMPAIGN = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
PASSED = (*CAMPAIGN, "lang")
LONGEST = 100  # of a campaign's names
PRIVATE = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Referrer-Policy": "no-referrer",
}
# An image of one transparent point.
DOT = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
GESTURES = frozenset(Hit.Gesture.values) - {Hit.Gesture.PRESS}


@require_safe
def short_link(request: HttpRequest, token: str) -> HttpResponse:
    """Note who followed a link and lead on to the page, with what the address says of a campaign."""
    note_request(request, token)
    address = f"{settings.PUBLIC_URL if settings.SHORT_URL else ''}/p/{token}/"
    if request.META.get("QUERY_STRING"):
        asked = request.GET.copy()
        for name in set(asked) - set(PASSED):
            del asked[name]
        address += f"?{asked.urlencode()}" if asked else ""
    return HttpResponse(status=302, headers={**PRIVATE, "Location": address})


@csrf_exempt
@require_POST
def gesture(request: HttpRequest, token: str) -> HttpResponse:
    """Note that a person is on the page, as its script says by a gesture; once a visit."""
    said = request.POST.get("gesture", "")
    if said not in GESTURES:
        return HttpResponseBadRequest()
    note_request(request, token, gesture=said)
    if cookie := cookie_of(request):
        link = find_link(token)
        if link is not None:
            note_visit(cookie, Visit.Deed.OPENED, link=link, at=clock.now())
    return HttpResponse(status=204, headers=PRIVATE)


@require_safe
def opening(request: HttpRequest, key: UUID) -> HttpResponse:
    """Give an e-mail its image and note that it was asked for; nothing depends on that."""
    agent = request.META.get("HTTP_USER_AGENT", "")
    note(Seen(b"", clock.now(), agent, message_key=str(key)))
    return HttpResponse(DOT, content_type="image/gif", headers=PRIVATE)


def note_request(request: HttpRequest, token: str, *, gesture: str = "") -> None:
    headers = request.META
    agent = headers.get("HTTP_USER_AGENT", "")
    signs = visitors.signs(
        "GET" if gesture else request.method or "",
        agent,
        headers.get("HTTP_SEC_PURPOSE", ""),
        headers.get("HTTP_ACCEPT_LANGUAGE", ""),
    )
    campaign = {}
    if headers.get("QUERY_STRING"):
        asked = request.GET
        campaign = {name: asked[name][:LONGEST] for name in CAMPAIGN if asked.get(name)}
    note(Seen(hash_token(token), clock.now(), agent, signs, gesture, campaign))
