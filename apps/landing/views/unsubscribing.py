"""The page behind “unsubscribe”: mail programs post to it by themselves, people press its button.

A GET changes nothing, since scanners follow every link of a letter.
"""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from apps.core import clock
from apps.landing.views.access import languages, personal
from apps.messaging.actions.unsubscribing import (
    find_unsubscribed,
    has_unsubscribed,
    unsubscribe,
)


# Exempt like every form of a client's page, and because a mail program has no cookie (RFC 8058).
@csrf_exempt
@personal
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribing(request: HttpRequest, token: str) -> HttpResponse:
    message = find_unsubscribed(token)
    if message is None:
        raise Http404
    if request.method == "POST":
        unsubscribe(message, at=clock.now())
        if request.POST.get("List-Unsubscribe") != "One-Click":
            return HttpResponseRedirect(request.get_full_path(), status=303)
    asked = request.GET.get("lang", "")
    client = message.notice.client
    with translation.override(asked if asked in dict(settings.LANGUAGES) else client.language):
        context = {
            "is_done": has_unsubscribed(message),
            "purpose": message.notice.template.get_purpose_display(),
            **languages(request),
        }
        return render(request, "landing/unsubscribe.html", context)
