"""The clients' pages: a link opens them, nobody signs in.

A GET changes nothing and shows no name and no money; both appear after the client's own press of a
button, so that a forwarded or scanned link gives away no money.

The forms are exempt from Django's CSRF check. Under `Referrer-Policy: no-referrer` browsers send
`Origin: null` with a form, which that check refuses; and it would protect nothing here: whoever can
write the address of the form holds the token, which is the one secret there is.
"""

from datetime import timedelta

from django.conf import settings
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotModified,
    HttpResponseRedirect,
)
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core import clock
from apps.landing.actions.joining import FORGOTTEN, hash_cookie, new_cookie, note_visit
from apps.landing.actions.subscriptions import (
    Asked,
    ask_subscription,
    confirm_subscription,
    find_subscription,
    proves_browser,
)
from apps.landing.actions.visits import show_figures
from apps.landing.forms import EmailForm
from apps.landing.models import Visit, Visitor
from apps.landing.views.access import (
    COOKIE,
    SHOWN_FOR,
    SIGNER,
    VISITOR_COOKIE,
    back,
    cookie_of,
    is_shown,
    language_of,
    languages,
    personal,
    usable_link,
)
from apps.landing.views.hits import note_request
from apps.landing.views.messengers import offered
from apps.messaging.models.links import Hit, Link
from apps.messaging.queries.devices import application_key, devices_of
from apps.products.models.strategies import Strategy
from apps.products.queries.charts import StoredChart, stored_chart
from apps.products.queries.facts import Holding
from apps.products.queries.figures import portfolio
from apps.products.queries.wealth import courses, wealth
from apps.products.queries.wealth_facts import Veiled
from apps.products.terms.sheet import TermSheetError

DRAWN = timedelta(days=366)  # of an account's course
SAID = frozenset(Asked)  # what the page may say after a redirect


@personal
@gzip_page
@require_safe
def personal_page(request: HttpRequest, token: str) -> HttpResponse:
    link = usable_link(token)
    return _page(request, link, token, EmailForm())


@csrf_exempt
@personal
@require_POST
def show(request: HttpRequest, token: str) -> HttpResponse:
    """Show names and amounts to whoever pressed the button in this browser, for some hours."""
    link = usable_link(token)
    at, cookie = clock.now(), cookie_of(request) or new_cookie()
    show_figures(link, at=at)
    note_request(request, token, gesture=Hit.Gesture.PRESS)
    response = back(request, token)
    if note_visit(cookie, Visit.Deed.SHOWN, link=link, at=at):
        # Given by the press of a button, and read here alone: it says that a browser came back.
        response.set_cookie(
            VISITOR_COOKIE,
            cookie,
            max_age=FORGOTTEN,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    response.set_cookie(
        COOKIE,
        SIGNER.sign(str(link.pk)),
        max_age=SHOWN_FOR,
        path=reverse("landing:page", args=[token]),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


@csrf_exempt
@personal
@require_POST
def hide(request: HttpRequest, token: str) -> HttpResponse:
    """Take the amounts off the page again, for a screen that others see."""
    usable_link(token)
    response = back(request, token)
    response.delete_cookie(COOKIE, path=reverse("landing:page", args=[token]), samesite="Lax")
    return response


@csrf_exempt
@personal
@require_POST
def subscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for a letter to an address, by which the client then confirms that it is his."""
    link = usable_link(token)
    if link.is_for_staff or not is_shown(request, link):
        return back(request, token)
    form = EmailForm(request.POST)
    if not form.is_valid():
        return _page(request, link, token, form, status=422)
    visitor = Visitor.objects.filter(cookie_hash=hash_cookie(cookie_of(request))).first()
    address = form.cleaned_data["address"]
    said = ask_subscription(link, address, at=clock.now(), visitor=visitor)
    return back(request, token, said=said.value, fragment="subscribe")


@personal
@require_safe
def chart(request: HttpRequest, token: str, strategy: int) -> HttpResponse:
    """Give the chart's figure, compressed; it holds nothing about the client."""
    link = usable_link(token)
    with translation.override(language_of(request, link)):
        stored = _chart(_held_strategy(link, strategy))
    if request.headers.get("If-None-Match") == stored.etag:
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(stored.gzipped, content_type="application/json")
        response["Content-Encoding"] = "gzip"
    response["ETag"] = stored.etag
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


@personal
@gzip_page
@require_safe
def chart_table(request: HttpRequest, token: str, strategy: int) -> HttpResponse:
    """Give the chart's month ends as a table, for readers and without JavaScript."""
    link = usable_link(token)
    with translation.override(language_of(request, link)):
        held = _held_strategy(link, strategy)
        stored = _chart(held)
        context = {"strategy": held, "chart": stored, "token": token, **languages(request)}
        return render(request, "landing/chart_table.html", context)


@csrf_exempt
@personal
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Confirm an address by a press of a button: programs that look at letters only follow links."""
    at = clock.now()
    subscription = find_subscription(token, at=at)
    if subscription is None:
        raise Http404
    if request.method == "POST":
        confirm_subscription(subscription, at=at)
        if proves_browser(subscription, cookie_of(request)):
            note_visit(cookie_of(request), Visit.Deed.CONFIRMED, link=subscription.link, at=at)
        return HttpResponseRedirect(request.get_full_path(), status=303)
    asked = request.GET.get("lang", "")
    language = asked if asked in dict(settings.LANGUAGES) else subscription.client.language
    with translation.override(language):
        context = {"subscription": subscription, **languages(request)}
        return render(request, "landing/confirm.html", context)


def _page(
    request: HttpRequest, link: Link, token: str, form: EmailForm, status: int = 200
) -> HttpResponse:
    at = clock.now()
    shown = is_shown(request, link)
    said = request.GET.get("said", "")
    with translation.override(language_of(request, link)):
        found, owned = portfolio(link.client, at=at), wealth(link.client, at=at)
        # What is not shown does not reach the template, so that no template can give it away.
        holdings = found.holdings if shown else [holding.public() for holding in found.holdings]
        held = [one.account for one in owned.accounts] if shown else []
        drawn = courses(held, since=at.date() - DRAWN, at=at) if held else {}
        context = {
            "accounts": [
                (Veiled.of(one), one if shown else None, drawn.get(one.account.pk))
                for one in owned.accounts
            ],
            "credits": owned.credits if shown else (),
            "deadlines": owned.deadlines if shown else (),
            "owns": bool(owned),
            "client": link.client if shown else None,
            "token": token,
            "shown": shown,
            "holdings": sorted(holdings, key=lambda one: not _is_subject(link, one)),
            "refused": found.refused,
            "form": form,
            "messengers": offered() if shown and not link.is_for_staff else (),
            "devices": list(devices_of(link.client_id)) if shown else (),
            "push_key": application_key() if shown and not link.is_for_staff else "",
            "said": said if said in SAID else "",
            "at": at,
            **languages(request),
        }
        return render(request, "landing/page.html", context, status=status)


def _is_subject(link: Link, holding: Holding) -> bool:
    policies = {f"policy:{held.policy}" for held in holding.policies}
    return link.subject in policies | {f"strategy:{holding.strategy.pk}"}


def _held_strategy(link: Link, strategy: int) -> Strategy:
    held = Strategy.objects.filter(policies__client=link.client_id).distinct()
    return get_object_or_404(held, pk=strategy)


def _chart(strategy: Strategy) -> StoredChart:
    """Return the chart; none while the engine refuses the terms, which the page itself says."""
    try:
        return stored_chart(strategy, today=clock.now().date())
    except TermSheetError:
        raise Http404 from None
