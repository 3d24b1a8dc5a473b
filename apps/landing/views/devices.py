"""Push on the client's page: his browser is taken up, and given up again."""

import json

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from apps.core import clock
from apps.landing.views.access import back, is_shown, language_of, personal, usable_link
from apps.messaging.actions.devices import Subscription, add_device, remove_device
from apps.messaging.models.devices import Device

SOURCE = "personal page"
LARGEST = 8_192  # bytes of what a browser says; it says six hundred


@csrf_exempt
@personal
@require_POST
def add(request: HttpRequest, token: str) -> HttpResponse:
    """Take up the browser that shows the page; only where the figures are shown."""
    link = usable_link(token)
    if link.is_for_staff or not is_shown(request, link):
        return HttpResponse(status=403)
    with translation.override(language_of(request, link)):
        try:
            add_device(link.client_id, subscription_of(request), source=SOURCE, at=clock.now())
        except ValidationError as error:
            return JsonResponse({"reason": " ".join(error.messages)}, status=422)
    return HttpResponse(status=204)


@csrf_exempt
@personal
@require_POST
def remove(request: HttpRequest, token: str) -> HttpResponse:
    """Give up a device, from whichever browser shows the figures."""
    link = usable_link(token)
    if not link.is_for_staff and is_shown(request, link):
        remove_device(link.client_id, request.POST.get("address", ""), at=clock.now())
    return back(request, token, fragment="push")


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """Give the script that shows what is pushed; it must lie where the pages lie."""
    response = render(request, "landing/worker.js", content_type="text/javascript")
    response["Cache-Control"] = "public, max-age=3600"
    return response


def subscription_of(request: HttpRequest) -> Subscription:
    """Read what the browser's `PushSubscription.toJSON()` wrote. Raises ValidationError."""
    agent = request.headers.get("User-Agent", "")
    try:
        said = json.loads(request.body[:LARGEST])
        given = {
            "endpoint": said["endpoint"], "p256dh": said["keys"]["p256dh"],
            "auth": said["keys"]["auth"],
        }  # fmt: skip
    except (ValueError, RecursionError, LookupError, TypeError):
        given = {}
    if not given or not all(isinstance(value, str) for value in given.values()):
        return Subscription(Device.Kind.WEB, "")
    return Subscription(Device.Kind.WEB, **given, name=browser_name(agent))


def browser_name(agent: str) -> str:
    """Name a browser and its system, so that a person knows which of his devices it is."""
    browsers = {"Edg/": "Edge", "OPR/": "Opera", "YaBrowser/": "Yandex", "SamsungBrowser/": "Samsung",
                "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}  # fmt: skip
    systems = {"Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows",
               "Mac OS": "macOS", "Linux": "Linux"}  # fmt: skip
    named = [
        next((name for mark, name in known.items() if mark in agent), "")
        for known in (browsers, systems)
    ]
    return ", ".join(filter(None, named))
