"""Messengers on the client's page: he is led into a conversation with us."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.core import clock
from apps.landing.views.access import (
    back,
    is_shown,
    language_of,
    languages,
    personal,
    usable_link,
)
from apps.messaging.actions.invitations import invite, messengers
from apps.messaging.messengers import invitation_url

NAMES = {"telegram": "Telegram", "viber": "Viber", "whatsapp": "WhatsApp"}


def offered() -> list[tuple[str, str]]:
    """Return the messengers in which clients may be told: how we and how they call them."""
    return [
        (provider.name, NAMES[provider.kind])
        for provider in messengers().order_by("preference", "pk")
        if invitation_url(provider.kind, provider.options, "")
    ]


@csrf_exempt
@personal
@require_POST
def connect(request: HttpRequest, token: str) -> HttpResponse:
    """Make an invitation and show where it leads; only where the figures are shown."""
    link = usable_link(token)
    if link.is_for_staff or not is_shown(request, link):
        return back(request, token)
    provider = get_object_or_404(messengers(), name=request.POST.get("messenger", ""))
    invited = invite(link.client_id, provider, at=clock.now())
    with translation.override(language_of(request, link)):
        context = {
            "messenger": NAMES[provider.kind],
            "url": invitation_url(provider.kind, provider.options, invited),
            "by_phone": provider.kind == "telegram",
            "token": token,
            **languages(request),
        }
        return render(request, "landing/messenger.html", context)
