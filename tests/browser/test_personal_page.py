"""The personal page in Chromium: on a phone and a desk, by keyboard, without JavaScript."""

from itertools import pairwise

import pytest
from playwright.sync_api import expect

from apps.messaging.actions.hits import drain_hits
from apps.messaging.models.links import Hit
from apps.messaging.models.outbox import Notice
from tests.browser.conftest import DESK, PHONE
from tests.landing.conftest import closes, evaluate, lived, today, world  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

VISIBLE_TEXTS = """() => {
    const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => {
        const [x, y, z] = [r, g, b].map((c) => {
            const v = c / 255;
            return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const ground = (element) => {
        for (let one = element; one; one = one.parentElement) {
            const colour = rgb(getComputedStyle(one).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
    };
    const poor = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        const text = walker.currentNode.textContent.trim();
        if (!text || element.closest("svg, .unseen, .chart, script")) continue;
        if (!element.checkVisibility()) continue;
        const [a, b] = [light(rgb(getComputedStyle(element).color)), light(ground(element))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${text.slice(0, 40)}`);
    }
    return poor;
}"""


def wait_for_chart(page):
    page.locator("[data-chart]").first.scroll_into_view_if_needed()
    expect(page.locator(".chart.is-drawn").first).to_be_visible()


@pytest.mark.parametrize(("viewport", "scheme"), [(PHONE, "light"), (DESK, "dark")])
def test_the_page_is_read_opened_and_drawn(open_context, world, viewport, scheme):  # noqa: F811
    page = open_context(viewport=viewport, color_scheme=scheme).new_page()
    page.goto(world.page)
    expect(page.get_by_role("heading", name="Evergreen Memory")).to_be_visible()
    expect(page.get_by_text("Vera Testperson")).to_have_count(0)
    page.get_by_role("button", name="Show my figures").click()
    expect(page.get_by_text("Vera Testperson")).to_be_visible()
    expect(page.get_by_text("$307.50").first).to_be_visible()
    wait_for_chart(page)
    assert page.locator(".chart-drawing path.js-line").count() >= 3
    # The figures are checked for what this bundle can draw.
    known = page.evaluate("Object.keys(Plotly.PlotSchema.get().traces).sort()")
    assert known == ["bar", "pie", "scatter"]
    too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert too_wide <= 0
    assert page.evaluate(VISIBLE_TEXTS) == []
    page.get_by_role("button", name="Hide my figures").click()
    expect(page.get_by_text("Vera Testperson")).to_have_count(0)


def test_a_gesture_tells_of_a_person_once_and_no_script_makes_one(
    open_context,
    world,  # noqa: F811
    settings,
    tmp_path,
):
    settings.HITS_DIR = tmp_path
    page = open_context(user_agent="Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0").new_page()
    told = []
    page.on(
        "request", lambda request: "/gesture/" in request.url and told.append(request.post_data)
    )
    page.goto(f"/s/{world.token}")
    page.evaluate("scrollTo(0, 900); dispatchEvent(new KeyboardEvent('keydown'))")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert told == []
    with page.expect_response("**/gesture/") as answer:
        page.mouse.move(40, 40)
    assert answer.value.status == 204
    page.mouse.move(90, 90)
    page.keyboard.press("Tab")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert told == ["gesture=pointer"]
    assert drain_hits() == 2
    hit = Hit.objects.get()
    assert (hit.verdict, hit.gesture, hit.signs) == ("human", "pointer", [])


def test_a_reload_keeps_the_figures_and_another_browser_does_not_have_them(
    open_context,
    world,  # noqa: F811
):
    page = open_context().new_page()
    page.goto(f"/s/{world.token}")
    page.get_by_role("button", name="Show my figures").click()
    expect(page.get_by_text("Vera Testperson")).to_be_visible()  # else two loads race
    page.reload()
    expect(page.get_by_text("Vera Testperson")).to_be_visible()
    other = open_context().new_page()
    other.goto(world.page)
    expect(other.get_by_text("Vera Testperson")).to_have_count(0)


def test_the_keyboard_reaches_everything_in_order(open_context, world):  # noqa: F811
    page = open_context().new_page()
    page.goto(world.page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Tab")
    button = page.get_by_role("button", name="Show my figures")
    expect(button).to_be_focused()
    assert "solid" in button.evaluate("element => getComputedStyle(element).outline")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Vera Testperson")).to_be_visible()


def test_a_screen_reader_finds_landmarks_headings_and_tables(open_context, world):  # noqa: F811
    page = open_context(viewport=PHONE).new_page()
    page.goto(world.page)
    for role in ("banner", "main", "contentinfo"):
        expect(page.get_by_role(role)).to_have_count(1)
    levels = page.locator("h1, h2, h3, h4").evaluate_all(
        "all => all.map(one => Number(one.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    # On a phone rows look like cards; to a screen reader they stay a table.
    table = page.get_by_role("table", name="Each share's closing price")
    expect(table.get_by_role("columnheader")).to_have_count(4)
    expect(table.get_by_role("rowheader").first).to_contain_text("28\xa0Feb\xa02020")
    expect(page.get_by_role("img", name="Line chart of the shares")).to_have_count(1)


def test_without_javascript_everything_is_there(open_context, world):  # noqa: F811
    page = open_context(viewport=PHONE, java_script_enabled=False).new_page()
    page.goto(world.page)
    page.get_by_role("button", name="Show my figures").click()
    expect(page.get_by_text("Vera Testperson")).to_be_visible()
    expect(page.get_by_text("in 82 days")).to_be_visible()
    page.get_by_text("1 later observation").click()
    expect(page.get_by_text("30\xa0Nov\xa02020").last).to_be_visible()
    page.get_by_role("link", name="The chart as a table").click()
    expect(page.get_by_role("columnheader", name="AAPL")).to_be_visible()


def test_the_figures_come_before_the_chart_and_nothing_moves(open_context, world):  # noqa: F811
    page = open_context(viewport=PHONE).new_page()
    page.add_init_script("""
        window.moved = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
            if (!entry.hadRecentInput) window.moved += entry.value;
        })).observe({ type: "layout-shift", buffered: true });
    """)
    page.goto(world.page)
    wait_for_chart(page)
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    asked = page.evaluate(
        "performance.getEntriesByType('resource').find(one => one.name.includes('plotly')).startTime"
    )
    assert painted <= asked
    assert page.evaluate("window.moved") < 0.02


def test_an_address_is_asked_for_explained_where_it_is_wrong_and_confirmed(
    open_context,
    complaints,
    world,  # noqa: F811
):
    page = open_context(viewport=PHONE).new_page()
    page.goto(world.page)
    page.get_by_role("button", name="Show my figures").click()
    page.get_by_label("E-mail address").fill("vera at example")
    page.get_by_role("button", name="Send the letter").click()
    expect(page.get_by_role("alert")).to_contain_text("This is no e-mail address")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    assert all("422" in complaint for complaint in complaints)
    complaints.clear()
    page.get_by_label("E-mail address").fill("vera@example.com")
    page.get_by_role("button", name="Send the letter").click()
    expect(page.get_by_role("status")).to_contain_text("A letter is on its way")
    values = Notice.objects.get(template__code="email.confirm").values
    page.goto(values["confirm_url"]["url"].split("8000")[-1])
    page.get_by_role("button", name="Confirm the address").click()
    expect(page.get_by_role("status")).to_contain_text("The address is confirmed")


def test_russian_is_spoken_on_the_chart_too(open_context, world):  # noqa: F811
    page = open_context().new_page()
    page.goto(f"{world.page}?lang=ru")
    wait_for_chart(page)
    ticks = page.locator(".chart-drawing .xtick text").all_text_contents()
    assert any("янв" in tick for tick in ticks), ticks
