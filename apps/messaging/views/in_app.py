"""Notices in the issuer's own site and app: fetched, shown, answered; see docs/in_app.md.

Pages of other origins ask here, each by a token of its own client: no cookie counts, and only the
origins that the site's row names are answered. Nothing personal stands in an address.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import wraps
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from pydantic import Field, ValidationError

from apps.core import clock
from apps.core.api.bodies import Body, parse, read
from apps.core.api.keys import WINDOW, granted
from apps.core.api.problems import RefusedError, problem
from apps.messaging.actions import in_app
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider
from apps.messaging.models.reactions import Reaction
from apps.messaging.models.receipts import Receipt

LARGEST = 1_024  # bytes; a digest takes eighty
REQUESTS_A_MINUTE = 60  # of one client; a page makes three
PREFLIGHT_FOR = "600"  # seconds; Chromium keeps it for two hours at most

NOTED = {"shown": Receipt.State.DELIVERED, "seen": Receipt.State.SEEN}
DEEDS = {str(deed): deed for deed in Reaction.Deed}


@dataclass(frozen=True)
class Reader:
    """Who is signed in, where and when."""

    site: Provider
    core_id: str
    at: datetime


class Reacted(Body):
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


View = Callable[..., HttpResponse]


def signed(method: str) -> Callable[[View], View]:
    """Serve pages of the site's own origins, and apps, to whoever the issuer vouches for."""

    def decorate(view: View) -> View:
        @csrf_exempt  # no cookie counts here
        @wraps(view)
        def serve(request: HttpRequest, provider: str, **captured: Any) -> HttpResponse:
            site = in_app.find_site(provider)
            answer = answered(view, method, request, site, captured)
            return opened_to(request, site, method, answer)

        return serve

    return decorate


def answered(
    view: View, method: str, request: HttpRequest, site: Provider | None, captured: dict[str, Any]
) -> HttpResponse:
    if request.method == "OPTIONS":
        return HttpResponse(status=204)
    if request.method != method:
        return problem(405, _("Here one may %(methods)s.") % {"methods": method},
                       headers={"Allow": f"{method}, OPTIONS"})  # fmt: skip
    try:
        return view(request, reader_of(request, site, at=clock.now()), **captured)
    except RefusedError as error:
        return problem(error.status, error.detail, error.errors, error.headers)
    except Message.DoesNotExist:
        return problem(404, _("There is nothing here."))


def reader_of(request: HttpRequest, site: Provider | None, *, at: datetime) -> Reader:
    """Tell who is signed in; the refusal never says what was wrong with the token."""
    origin = request.headers.get("Origin", "")
    if origin and (site is None or origin not in in_app.origins(site)):
        raise RefusedError(403, _("Pages of this origin may not ask."))
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    core_id = ""
    if site is not None and scheme.lower() == "bearer":
        core_id = in_app.signed_in(site, token.strip(), at=at)
    if site is None or not core_id:
        raise RefusedError(
            401, _("The token is not signed as it must be, or too old."),
            headers={"WWW-Authenticate": "Bearer"},
        )  # fmt: skip
    second = int(at.timestamp())
    name = f"in-app:{site.pk}:{core_id}"
    if not granted(name, second // WINDOW, 1, most=REQUESTS_A_MINUTE):
        raise RefusedError(
            429, _("Too many requests; come back later."),
            headers={"Retry-After": str(WINDOW - second % WINDOW)},
        )  # fmt: skip
    return Reader(site, core_id, at)


def opened_to(
    request: HttpRequest, site: Provider | None, method: str, answer: HttpResponse
) -> HttpResponse:
    """Let pages of the site's origins read the answer, and nobody keep it."""
    answer["Cache-Control"] = "no-store"
    patch_vary_headers(answer, ["Origin"])
    origin = request.headers.get("Origin", "")
    if site is not None and origin and origin in in_app.origins(site):
        answer["Access-Control-Allow-Origin"] = origin
        if request.method == "OPTIONS":
            answer["Access-Control-Allow-Methods"] = method
            answer["Access-Control-Allow-Headers"] = "authorization, content-type"
            answer["Access-Control-Max-Age"] = PREFLIGHT_FOR
    return answer


@signed("GET")
def notices(_request: HttpRequest, reader: Reader) -> HttpResponse:
    """List what waits for the client; to fetch it changes nothing."""
    hung = in_app.hung(reader.site, reader.core_id, at=reader.at)
    return JsonResponse({"notices": [asdict(each) for each in hung]})


@signed("POST")
def here(_request: HttpRequest, reader: Reader) -> HttpResponse:
    """Note that the client uses the site or app; the answer is the same for one nobody knows."""
    in_app.present(reader.site, reader.core_id, at=reader.at)
    return HttpResponse(status=204)


@signed("POST")
def done(request: HttpRequest, reader: Reader, key: UUID, deed: str) -> HttpResponse:
    """Note that a notice was shown or seen, or what the client did with it; again changes nothing."""
    if deed in NOTED:
        in_app.note(reader.site, reader.core_id, key, NOTED[deed], at=reader.at)
    elif deed in DEEDS:
        digest = digest_in(request)
        try:
            in_app.react(
                reader.site, reader.core_id, key, DEEDS[deed], digest, at=reader.at
            )  # fmt: skip
        except in_app.ReactionError as error:
            raise RefusedError(409, str(error)) from error
    else:
        raise RefusedError(404, _("There is nothing here."))
    return HttpResponse(status=204)


def digest_in(request: HttpRequest) -> str:
    try:
        return Reacted.model_validate(parse(read(request, LARGEST))).digest
    except ValidationError as error:
        raise RefusedError(
            422, _("Say by “digest” which text the client had before him.")
        ) from error
