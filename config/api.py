"""The HTTP API: one version, its routes from the apps, and how it refuses."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI, Swagger
from ninja.errors import AuthenticationError

from apps.core.api import ExactParser, TooManyRequestsError
from apps.products.api import router as quotes

api = NinjaAPI(
    title="Tidings",
    version="1",
    urls_namespace="api",
    parser=ExactParser(),
    docs=Swagger(settings={"persistAuthorization": False}),
)
api.add_router("", quotes)


@api.exception_handler(AuthenticationError)
def who_are_you(request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    answer = api.create_response(request, {"detail": _("Send a good key.")}, status=401)
    answer["WWW-Authenticate"] = "Bearer"
    return answer


@api.exception_handler(TooManyRequestsError)
def come_back_later(request: HttpRequest, error: TooManyRequestsError) -> HttpResponse:
    answer = api.create_response(
        request, {"detail": _("Too many requests; come back later.")}, status=429
    )
    answer["Retry-After"] = str(error.wait)
    return answer
