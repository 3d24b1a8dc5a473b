"""What marketers write, in a real browser: the matrix, a design in its frame, an SMS being counted."""

import os
from datetime import UTC, datetime

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from apps.core import clock
from apps.messaging.models.content import Template, TemplateVersion
from tests import factories
from tests.browser.test_back_office import desk  # noqa: F401 (a fixture)
from tests.messaging.world import evaluated

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 360, "height": 740}
DESIGN = """<mjml><mj-head><mj-attributes><mj-all font-family="Arial, sans-serif"/>
<mj-text font-size="16px" line-height="25px" color="#1c222b"/></mj-attributes>
<mj-style>@media (prefers-color-scheme: dark) {
.page { background: #14171c !important } .sheet, .sheet > table { background: #1e232b !important }
.sheet div { color: #e8ebf0 !important } }</mj-style></mj-head>
<mj-body background-color="#f3f4f7" css-class="page"><mj-section background-color="#ffffff"
border-radius="12px" css-class="sheet"><mj-column>
<mj-text>Hello {{ name }},</mj-text>
<mj-text>your coupon on <b>{{ strategy }}</b> is accrued: {{ amount | money: 'whole' }}.</mj-text>
{% if chart %}<mj-image src="{{ chart }}" alt="{{ chart_words }}" padding="8px"/>{% endif %}
<mj-button href="{{ link }}" background-color="#1f4fb8" border-radius="8px">Open my page</mj-button>
<mj-text font-size="12px" color="#5b6472">{{ why }}</mj-text>
</mj-column></mj-section></mj-body></mjml>"""
LEVELS = {
    "AAPL": {"name": "Apple", "level": "1.12", "barrier": "0.75", "met": True},
    "IBM": {"name": "IBM", "level": "0.70", "barrier": "0.75", "met": False},
}


@pytest.fixture(autouse=True)
def evening(settings):
    settings.CLOCK_OFFSET = datetime(2020, 2, 28, 23, 30, tzinfo=UTC) - clock.now()


@pytest.fixture
def occasions():
    """Make the wordings of some states; a transactional test finds none of the first ones."""
    evaluated(factories.strategy(), levels=LEVELS)
    texts = {
        "coupon.accrued": "Your coupon of {{ amount }} on {{ strategy }} is accrued. {{ link }}",
        "coupon.saved": "{{ strategy }}: {{ remembered }} is remembered. {{ link }}",
        "coupon.lost": "{{ strategy }}: no coupon this time. {{ amonut }}",
    }
    for code, body in texts.items():
        template, _ = Template.objects.get_or_create(
            code=code, defaults={"name": code, "purpose": "service"}
        )
        for language in ("en", "ru"):
            TemplateVersion.objects.get_or_create(
                template=template, channel="sms", language=language, variant="plain", number=99,
                defaults={"body": body},
            )  # fmt: skip
    TemplateVersion.objects.create(
        template=Template.objects.get(code="coupon.accrued"), channel="email", language="en",
        number=99, subject="Your coupon on {{ strategy }}", mjml=DESIGN,
    )  # fmt: skip


def shot(page: Page, name: str) -> None:
    if folder := os.environ.get("TIDINGS_SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_states_stand_beside_languages_and_say_what_is_wrong(desk, live_server, occasions):  # noqa: F811
    address = f"{live_server}{reverse('admin:messaging_templateversion_preview')}"
    desk.goto(f"{address}?drafts=yes")
    expect(desk.get_by_text("$1,234,567.89", exact=False).first).to_be_visible()
    expect(desk.get_by_text("no value “amonut”", exact=False).first).to_be_visible()
    shot(desk, "matrix-desk")
    desk.set_viewport_size(PHONE)
    assert fits(desk)
    shot(desk, "matrix-phone")
    desk.set_viewport_size({"width": 1280, "height": 900})
    desk.goto(f"{address}?drafts=yes&channel=email&occasion=coupon.accrued")
    letter = desk.frame_locator("iframe").first
    expect(letter.get_by_text("Open my page")).to_be_visible()
    expect(letter.get_by_role("img")).to_have_js_property("complete", value=True)
    shot(desk, "letter-desk")


def test_an_sms_is_counted_while_it_is_typed(desk, live_server, occasions):  # noqa: F811
    version = TemplateVersion.objects.filter(template__code="coupon.saved", state="draft")[0]
    desk.goto(
        f"{live_server}{reverse('admin:messaging_templateversion_change', args=[version.pk])}"
    )
    counter = desk.locator("[data-measure]")
    expect(counter).to_contain_text("GSM-7")
    expect(desk.locator("[name=mjml]")).to_be_hidden()
    desk.locator("select[name=channel]").select_option("email")
    expect(desk.locator("[name=mjml]")).to_be_visible()
    desk.locator("select[name=channel]").select_option("sms")
    expect(counter).to_contain_text("GSM-7")
    body = desk.locator("[name=body]")
    body.fill("Я " * 40)
    expect(counter).to_contain_text("2 parts")
    expect(counter).to_contain_text("Unicode")
    Template.objects.filter(pk=version.template_id).update(sms_parts=1)
    body.fill("Я " * 41)
    expect(counter).to_contain_text("its template allows 1")
    expect(counter).to_have_class("desk words-count is-bad")
    shot(desk, "counter-desk")
    body.fill("{{ nothing }}")
    expect(counter).to_contain_text("there is no value")
