"""What every page of a client begins and ends with: its link, its browser, its language."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.conf import settings
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation

from apps.core import clock
from apps.landing import visitors
from apps.landing.actions.joining import note_visit
from apps.landing.models import Visit
from apps.messaging.actions.links import find_link
from apps.messaging.models.links import Link

COOKIE = "figures"
VISITOR_COOKIE = "visitor"
SHOWN_FOR = timedelta(hours=4)
SIGNER = signing.TimestampSigner(salt="landing.figures")

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def personal(view: View[P]) -> View[P]:
    """Keep a page out of caches and search engines, and its address out of other sites' logs."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except Http404:
            # The same page for tokens that never were, were revoked or have passed.
            if is_person(request):
                note_visit(cookie_of(request), Visit.Deed.OPENED, link=None, at=clock.now())
            response = render(request, "landing/gone.html", languages(request), status=404)
        response.headers.setdefault("Cache-Control", "no-store")
        response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        response["Referrer-Policy"] = "no-referrer"
        return response

    return cast("View[P]", wrapper)


def is_person(request: HttpRequest) -> bool:
    agent, purpose = (request.headers.get(name, "") for name in ("User-Agent", "Sec-Purpose"))
    return visitors.is_person(request.method or "", agent, purpose)


def cookie_of(request: HttpRequest) -> str:
    """Return what makes a browser known, "" where nobody pressed a button in it yet."""
    return request.COOKIES.get(VISITOR_COOKIE, "")


def usable_link(token: str) -> Link:
    link = find_link(token)
    if link is None:
        raise Http404
    return link


def is_shown(request: HttpRequest, link: Link) -> bool:
    """Say whether this browser pressed the button of this link, not too long ago."""
    try:
        return SIGNER.unsign(request.COOKIES.get(COOKIE, ""), max_age=SHOWN_FOR) == str(link.pk)
    except signing.BadSignature:
        return False


def language_of(request: HttpRequest, link: Link) -> str:
    """Return the client's own language, unless the reader asks for another."""
    asked = request.GET.get("lang", "")
    return asked if asked in dict(settings.LANGUAGES) else link.client.language


def languages(request: HttpRequest) -> dict[str, object]:
    asked = request.GET.get("lang", "")
    names = [
        (code, translation.get_language_info(code)["name_local"])
        for code in dict(settings.LANGUAGES)
    ]
    return {
        "issuer": settings.ISSUER_NAME,
        "languages": names,
        "query": f"?lang={asked}" if asked in dict(settings.LANGUAGES) else "",
    }


def back(request: HttpRequest, token: str, said: str = "", fragment: str = "") -> HttpResponse:
    asked = request.GET.get("lang", "")
    query = {"lang": asked if asked in dict(settings.LANGUAGES) else "", "said": said}
    address = reverse(
        "landing:page", args=[token], query={key: value for key, value in query.items() if value}
    )
    return HttpResponseRedirect(address + (f"#{fragment}" if fragment else ""), status=303)
