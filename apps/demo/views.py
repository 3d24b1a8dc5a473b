"""The demo's own pages: where to look, and what phones and inboxes received."""

from collections.abc import Callable
from functools import wraps

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp_replace, csp_update
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from apps.core import clock
from apps.demo import queries
from apps.demo.actions.issuer import SITE, hang, sign_in
from apps.demo.models import Letter
from apps.messaging.actions.links import short_url, token_of
from apps.messaging.models.content import Display

View = Callable[..., HttpResponse]


def in_demo(view: View) -> View:
    @wraps(view)
    def checked(request: HttpRequest, **captured: object) -> HttpResponse:
        if not settings.DEMO:
            raise Http404
        return view(request, **captured)

    return never_cache(checked)


def demo_only(view: View) -> View:
    """Serve the page, in the demo and nowhere else: it shows what others must not read."""
    return require_safe(in_demo(view))


@demo_only
def start(request: HttpRequest) -> HttpResponse:
    here = queries.world()
    links = queries.shown_links(here) if here else {}
    return render(
        request,
        "demo/start.html",
        {
            "world": here,
            "now": clock.now(),
            "links": [
                (kind, link.client, short_url(token_of(link))) for kind, link in links.items()
            ],
            "letters": queries.letters_by_channel(),
            "offers": queries.offers(),
        },
    )


@csp_update({"frame-src": [SELF]})
@demo_only
def mailbox(request: HttpRequest) -> HttpResponse:
    about = request.GET.get("about", "").strip()
    page = request.GET.get("page", "1")
    sms = queries.letters("sms", about=about, page=page)
    email = queries.letters("email", about=about, page=page)
    longer = max(sms, email, key=lambda page: page.paginator.num_pages)
    return render(
        request,
        "demo/mailbox.html",
        {"about": about, "sms": sms, "email": email, "longer": longer, "now": clock.now()},
    )


@xframe_options_sameorigin
@csp_replace(
    {
        "default-src": [NONE],
        "script-src": [NONE],
        "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
        "style-src": [UNSAFE_INLINE],  # how e-mails are styled
        "img-src": ["data:"],
        "frame-ancestors": [SELF],
    }
)
@demo_only
def email_body(_: HttpRequest, *, letter_id: int) -> HttpResponse:
    """Serve an e-mail's HTML for the frame that shows it, with nothing allowed but its looks."""
    letter = get_object_or_404(Letter, pk=letter_id, channel="email")
    return HttpResponse(f'<base target="_blank">{letter.html}')


@demo_only
def issuer(request: HttpRequest) -> HttpResponse:
    """Show a page as the issuer's own site would have it, with our script on it."""
    person = queries.signed_in(queries.world())
    return render(
        request,
        "demo/issuer.html",
        {
            "person": person,
            "displays": Display.choices,
            "hung": queries.hung(person) if person else [],
            "site": SITE,
            "now": clock.now(),
        },
    )


@demo_only
def issuer_token(_request: HttpRequest) -> HttpResponse:
    """Vouch for who is signed in, as the issuer's backend does for its own pages."""
    person = queries.signed_in(queries.world())
    if person is None or SITE not in settings.PROVIDER_SECRETS:
        raise Http404
    return JsonResponse({"token": sign_in(person, at=clock.now())})


@require_POST
@in_demo
def issuer_hang(_request: HttpRequest, *, display: str) -> HttpResponse:
    person = queries.signed_in(queries.world())
    if person is None or display not in Display.values:
        raise Http404
    hang(person, Display(display), at=clock.now())
    return redirect("demo:issuer")
