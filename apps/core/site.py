"""The back office: its site, its own content security policy, and what its start page shows.

Apps give the start page its concerns (what needs attention), figures (of today) and the agenda
(what comes next) from their admin modules, each with the permission it needs.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial, wraps
from http import HTTPStatus
from secrets import token_urlsafe
from typing import Any, TypeVar

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin import autodiscover
from django.core.checks import CheckMessage
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.urls import URLPattern, URLResolver
from django.utils import timezone
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite

from apps.core import clock
from apps.core.actions import REMEMBERED
from apps.core.forms import BROWSER, SignInForm
from apps.core.masking import showing_to

Text = str | Promise

SHOWING = {"GET", "HEAD"}  # requests that change nothing
COUNTED = 1000  # the start page counts no further: "1000+" says enough and stays quick


def bounded(count: int) -> str:
    """Write a count that was stopped one above COUNTED."""
    return f"{COUNTED}+" if count > COUNTED else str(count)


@dataclass(frozen=True)
class Line:
    """One example of a concern, with the page where it can be mended."""

    text: Text
    note: Text = ""
    url: str = ""


@dataclass(frozen=True)
class Concern:
    """Something that needs attention; nothing is shown where the count is 0."""

    title: Text
    count: int
    url: str
    lines: list[Line] = field(default_factory=list)
    tone: str = "wait"  # or "bad"
    icon: str = "schedule"

    @property
    def shown_count(self) -> str:
        return bounded(self.count)


@dataclass(frozen=True)
class Figure:
    """One number of today."""

    label: Text
    value: str
    note: Text = ""
    url: str = ""
    icon: str = "insights"


@dataclass(frozen=True)
class Entry:
    """Something that the coming days bring."""

    day: date
    text: Text
    note: Text = ""
    url: str = ""


Shown = TypeVar("Shown", Concern, Figure, Entry)
Read = Callable[[datetime], Iterable[Shown]]

_concerns: list[tuple[str, Read[Concern]]] = []
_figures: list[tuple[str, Read[Figure]]] = []
_agenda: list[tuple[str, Read[Entry]]] = []


def concerns(permission: str) -> Callable[[Read[Concern]], Read[Concern]]:
    """Have the start page ask the function what needs attention."""
    return _register(_concerns, permission)


def figures(permission: str) -> Callable[[Read[Figure]], Read[Figure]]:
    """Have the start page ask the function for numbers of the day."""
    return _register(_figures, permission)


def agenda(permission: str) -> Callable[[Read[Entry]], Read[Entry]]:
    """Have the start page ask the function what comes next."""
    return _register(_agenda, permission)


def _register(
    readers: list[tuple[str, Read[Shown]]], permission: str
) -> Callable[[Read[Shown]], Read[Shown]]:
    def register(read: Read[Shown]) -> Read[Shown]:
        readers.append((permission, read))
        return read

    return register


def _ask(request: HttpRequest, readers: list[tuple[str, Read[Shown]]], at: datetime) -> list[Shown]:
    return [
        shown
        for permission, read in readers
        if request.user.has_perm(permission)
        for shown in read(at)
    ]


def shown_masked(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Show a page with personal values masked to staff who may not see them.

    What a POST does is done with the values as they are; only its answer is shown masked.
    """

    @wraps(view)
    def masked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with showing_to(request.user) if request.method in SHOWING else nullcontext():
            answer = view(request, *args, **kwargs)
        if isinstance(answer, SimpleTemplateResponse):
            with showing_to(request.user):
                answer.render()
        return answer

    return masked


# Unfold evaluates Alpine expressions and sets styles inline; every other page stays strict.
relaxed = csp_replace({"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]})


class BackOffice(UnfoldAdminSite):
    index_title = _("Today")
    login_form = SignInForm
    enable_nav_sidebar = True

    # A worker or a command that shows no page starts in half the time without them.
    def get_urls(self) -> list[URLPattern | URLResolver]:
        autodiscover()
        return list(super().get_urls())

    def check(self, app_configs: Sequence[AppConfig] | None) -> list[CheckMessage]:
        autodiscover()
        return list(super().check(app_configs))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        # The sidebar has its own groups; to list all pages took a sixth of the time of every one.
        return SimpleLazyObject(partial(super().get_app_list, request, app_label))

    def admin_view(self, view, cacheable=False):  # type: ignore[no-untyped-def] # noqa: FBT002
        return relaxed(super().admin_view(shown_masked(view), cacheable))

    def login(self, request, extra_context=None):  # type: ignore[no-untyped-def]
        browser = request.COOKIES.setdefault(BROWSER, token_urlsafe())
        # The one page that does not pass through admin_view.
        answer = relaxed(partial(super().login, extra_context=extra_context))(request)
        if request.method == "POST" and answer.status_code == HTTPStatus.FOUND:
            answer.set_cookie(
                BROWSER, browser, max_age=REMEMBERED, path=request.path, httponly=True,
                secure=settings.SESSION_COOKIE_SECURE, samesite="Lax",
            )  # fmt: skip
        return answer

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        at = clock.now()
        today: dict[str, Any] = {
            "at": at,
            "today": timezone.localdate(at),
            "concerns": [one for one in _ask(request, _concerns, at) if one.count],
            "figures": _ask(request, _figures, at),
            "agenda": sorted(_ask(request, _agenda, at), key=lambda entry: entry.day),
            "has_desk": bool(request.user.get_all_permissions()),
        }
        page: HttpResponse = super().index(request, today | (extra_context or {}))
        return page
