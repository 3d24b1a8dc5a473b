"""Debian's Chromium on the live product; a page that complains to its console fails its test."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Request, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}

LIMIT = 60_000  # milliseconds; only what never comes takes so long
expect.set_options(timeout=LIMIT)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": arguments}


@pytest.fixture(scope="session")
def base_url() -> None:
    """Stand in for pytest-playwright's fixture, a method, of which pytest 9.2 warns."""


@pytest.fixture(scope="session", autouse=True)
def loops_connections(playwright: Playwright) -> Iterator[None]:
    """Leave no session behind that would hold the test database.

    While playwright's loop runs in this thread, Django keeps connections of the loop's own, which
    nobody can reach once it has stopped.
    """
    yield
    connections.close_all()


class Complaints(list[str]):
    """What the browser complained about: console errors, CSP violations, failed requests."""

    def watch(self, page: Page) -> None:
        page.on(
            "console",
            lambda said: self.append(said.text) if said.type in {"error", "warning"} else None,
        )
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on("requestfailed", self.note_failure)
        page.on(
            "response",
            lambda got: self.append(f"{got.status} {got.url}") if got.status >= 400 else None,
        )

    def note_failure(self, request: Request) -> None:
        # Leaving a page while its chart is on the way is no fault.
        if request.failure != "net::ERR_ABORTED":
            self.append(f"{request.url} {request.failure}")


@pytest.fixture
def quiet_page(page: Page) -> Iterator[Page]:
    """A page on which nothing may go wrong: no console error, no CSP violation, no failed request."""
    page.set_default_timeout(LIMIT)
    complaints = Complaints()
    complaints.watch(page)
    yield page
    assert complaints == []


@pytest.fixture
def signed_in(live_server, quiet_page: Page, client, django_user_model) -> Page:
    """A page in a browser where the boss has logged in; it has opened nothing yet."""
    client.force_login(django_user_model.objects.create_superuser("boss"))
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    quiet_page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}]
    )
    return quiet_page


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def open_context(
    browser: Browser, live_server, complaints: Complaints
) -> Iterator[Callable[..., BrowserContext]]:
    """Open browsers of a kind (phone, dark, no JavaScript) on the product, all of them quiet."""
    contexts = []

    def open_one(**kind: object) -> BrowserContext:
        options = {"base_url": live_server.url, "viewport": DESK, "locale": "en-GB", **kind}
        context = browser.new_context(**options)
        context.set_default_timeout(LIMIT)
        context.on("page", complaints.watch)
        contexts.append(context)
        return context

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []
