"""The steps that every story is told in: files in, evaluated, told, link followed."""

import csv
import io
import re
from urllib.parse import urlsplit

from apps.messaging.actions.delivery import deliver_due
from apps.messaging.actions.planning import plan_messages
from apps.messaging.actions.routing import queue_notices
from apps.products.actions.evaluation import evaluate_due
from apps.products.imports.markets import (
    CorporateActionResource,
    TradingDayResource,
    UnderlyingResource,
)
from apps.products.imports.policies import PolicyResource
from apps.products.imports.quotes import QuoteResource
from apps.products.imports.strategies import StrategyResource
from apps.profiles.imports.clients import ClientResource
from tests.importing import import_file

BROWSER = {"user-agent": "Mozilla/5.0 (X11) Firefox/140"}
RESOURCES = {
    "clients": ClientResource,
    "closes": QuoteResource,
    "policies": PolicyResource,
    "sessions": TradingDayResource,
    "shares": UnderlyingResource,
    "splits": CorporateActionResource,
    "strategies": StrategyResource,
}
NEW_YORK = {
    "exchange": "XNYS",
    "exchange_name": "New York Stock Exchange",
    "exchange_time_zone": "America/New_York",
    "exchange_closes_at": "16:00",
    "currency": "USD",
}


def bring(kind, rows, *, at):
    """Import rows as the CSV file that they make; it must land whole."""
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    report = import_file(
        RESOURCES[kind], written.getvalue().encode(), filename=f"{kind}.csv", at=at
    )
    assert report.ok, str(report)
    return report


def evaluate_and_tell(*, evening, morning):
    """Evaluate in the evening and deliver next morning; return how many were evaluated."""
    evaluated = evaluate_due(at=evening)
    queue_notices(at=evening, limit=1000)
    plan_messages(at=evening, limit=1000)
    deliver_due(at=morning, limit=1000)
    return evaluated


def link_in(text):
    """Return the path of the personal link in a message."""
    return urlsplit(re.search(r"https?://\S+/s/[\w-]+", text).group()).path


def open_page(browser, path):
    """Follow a short link as a person; return the page's path and what it says."""
    led = browser.get(path, headers=BROWSER)
    assert led.status_code == 302
    page = led["Location"]
    arrived = browser.get(page, headers=BROWSER)
    assert arrived.status_code == 200
    return page, arrived.content.decode()


def press_show(browser, page):
    """Press "show my figures"; return what the page then says."""
    return browser.post(f"{page}show/", follow=True, headers=BROWSER).content.decode()
