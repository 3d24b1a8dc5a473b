"""Where e-mail providers tell what became of letters: https://user:password@host/mail/<provider>."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.core import clock
from apps.messaging.actions.returns import hear_provider


@csrf_exempt  # a provider has no cookie; it shows its secret
@require_POST
def hear(request: HttpRequest, provider: str) -> HttpResponse:
    if hear_provider(provider, request, at=clock.now()) is None:
        return HttpResponse(status=403)
    return HttpResponse(status=204)
