"""Terms are tried in the back office before anybody is told: pasted, uploaded, or a strategy's own."""

import gzip
import json
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from apps.core import clock
from apps.products.models.strategies import ObservationResult, Strategy
from tests import factories
from tests.admin.test_pages import staff_who_may

pytestmark = pytest.mark.django_db

TRY = "/admin/products/strategy/try/"
CASE = {
    "id": "duo",
    "spec": {
        "notional": "1000",
        "currency": "USD",
        "issue_date": "2019-11-29",
        "memory": True,
        "underlyings": [{"id": "AAPL", "initial": "100"}, {"id": "IBM", "initial": "100"}],
        "coupon": {"rate": "0.025", "barrier": "0.75"},
        "observations": [{"date": "2020-02-28"}, {"date": "2020-05-29"}],
        "redemption": {"type": "barrier", "barrier": "0.6"},
    },
    "market": {
        "prices": {
            "AAPL": {"2020-02-28": "70", "2020-05-29": "90"},
            "IBM": {"2020-02-28": "110", "2020-05-29": "120"},
        }
    },
}
WRONG = {"id": "wrong", "spec": {**CASE["spec"], "basket": "median"}, "market": {}}


def tried(client, *cases, **fields):
    text = json.dumps({"cases": cases}) if cases else ""
    return client.post(TRY, {"text": text, **fields}).content.decode()


def cells(page):
    """Return the words of the page's table of observations, row by row."""
    table = page[page.index("Observations</h3>") :].split("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", table.split("<tbody>")[1], re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]


def test_a_case_is_shown_observation_by_observation(admin_client):
    page = tried(admin_client, CASE)
    assert cells(page) == [
        "1 28 Feb 2020 28 Feb 2020 70% 110% 75% saved $0.00 2.5%",
        "2 29 May 2020 29 May 2020 90% 120% 75% accrued $50.00 0%",
    ]
    assert "$1,050.00" in page  # paid in all
    assert "not broken" in page
    assert not Strategy.objects.exists()


def test_its_chart_is_drawn_from_what_was_pasted(admin_client):
    address = re.search(r'data-chart="([^"]+)"', tried(admin_client, CASE))[1]
    answer = admin_client.get(address)
    figure = json.loads(gzip.decompress(answer.content))
    shares = {trace["name"]: trace["y"] for trace in figure["data"] if trace["mode"] == "lines"}
    assert shares["AAPL"] == [70, 90]
    assert admin_client.get(address.replace("/chart", "0/chart")).status_code == 404


def test_a_case_that_is_wrong_says_where_and_stops_no_other(admin_client):
    page = tried(admin_client, WRONG, CASE)
    assert "spec.basket: &#x27;median&#x27; must be one of" in page
    assert len(cells(page)) == 2


def test_what_a_case_expects_is_compared(admin_client):
    assert "as the case expects" in tried(admin_client, {**CASE, "expected": {"total": "1050"}})
    page = tried(admin_client, {**CASE, "expected": {"total": "1051"}})
    assert "total: expected 1051, found 1050.00." in page


def test_a_file_is_tried_like_what_is_pasted(admin_client):
    lines = "\n".join(json.dumps({**CASE, "id": name}) for name in ("one", "two"))
    file = SimpleUploadedFile("cases.jsonl", b"\xef\xbb\xbf" + lines.encode())
    page = admin_client.post(TRY, {"text": "", "file": file}).content.decode()
    assert 'id="trial-1">two<' in page
    assert "&quot;id&quot;: &quot;one&quot;" in page  # kept for the next try


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Paste terms, or choose a file."),
        ("no json", "This is not JSON"),
        ("[]", "There is no case"),
        ('{"cases": [3]}', "Case 1: an object with “spec” and “market” is expected."),
        (json.dumps({"cases": [CASE] * 31}), "There are 31 cases; at most 30 are tried at once."),
        ("x" * 2_000_001, "Ensure this value has at most 2000000 characters"),
    ],
)
def test_what_is_no_case_is_refused_with_a_reason(admin_client, text, reason):
    page = admin_client.post(TRY, {"text": text})
    assert page.status_code == 200
    assert reason in page.content.decode().replace("&quot;", '"')


def test_a_file_that_is_no_text_is_refused(admin_client):
    file = SimpleUploadedFile("cases.json", b"\xff\xfe\x00")
    page = admin_client.post(TRY, {"text": "", "file": file}).content.decode()
    assert "The file is no text in UTF-8" in page


def test_an_endless_term_sheet_is_refused(admin_client):
    days = [{"date": str(date(2020, 1, 1) + timedelta(days=n))} for n in range(1501)]
    page = tried(admin_client, {"spec": {**CASE["spec"], "observations": days}})
    assert "spec.observations: there are 1501; at most 1500 can be tried." in page


def test_a_case_is_saved_as_a_draft_once(admin_client):
    for ticker in ("AAPL", "IBM"):
        factories.underlying(ticker)
    words = {"draft": "0", "code-0": "duo", "name-0": "Duo"}
    text = json.dumps(CASE)
    saved = admin_client.post(TRY, {"text": text, **words})
    strategy = Strategy.objects.get()
    assert saved["Location"] == reverse("admin:products_strategy_change", args=[strategy.pk])
    assert (strategy.code, strategy.state) == ("duo", "draft")
    again = admin_client.post(TRY, {"text": text, **words}).content.decode()
    assert "Code already exists" in again
    assert Strategy.objects.count() == 1


def test_shares_that_nobody_knows_make_no_draft(admin_client):
    page = tried(admin_client, CASE, draft="0", **{"code-0": "duo", "name-0": "Duo"})
    assert "There is no share AAPL, IBM yet; import it first." in page
    assert not Strategy.objects.exists()


def test_a_draft_is_tried_on_the_closes_that_are_known(admin_client, settings):
    settings.CLOCK_OFFSET = datetime(2020, 3, 2, tzinfo=UTC) - clock.now()
    strategy = factories.strategy(state="draft")
    for ticker, close in (("AAPL", "70"), ("IBM", "110")):
        factories.quote(ticker, date(2020, 2, 28), close)
    deed = reverse("admin:products_strategy_do", args=[strategy.pk, "try_strategy"])
    page = admin_client.post(deed, follow=True).content.decode()
    first, second = cells(page)
    assert first.endswith("saved $0.00 2.5%")
    assert "not known yet" in second
    assert "2 later observations were not reached." in page
    assert not ObservationResult.objects.exists()


def test_a_composite_basket_is_tried_with_the_rates_that_are_known(admin_client, settings):
    settings.CLOCK_OFFSET = datetime(2020, 3, 2, tzinfo=UTC) - clock.now()
    strategy = factories.strategy(state="draft", fx="composite", days=[date(2020, 2, 28)])
    euro = factories.underlying("EURUSD", kind="currency_pair")
    strategy.basket_members.filter(underlying__ticker="IBM").update(fx_pair=euro, fx_initial=1)
    for ticker, close in (("AAPL", "90"), ("IBM", "110"), ("EURUSD", "0.5")):
        factories.quote(ticker, date(2020, 2, 28), close)
    page = admin_client.get(reverse("admin:products_strategy_try_stored", args=[strategy.pk]))
    assert "55%" in cells(page.content.decode())[0]  # 110 % at half the rate


def test_who_may_look_may_try_but_save_nothing(client):
    client.force_login(staff_who_may("products.view_strategy"))
    assert "Save as draft" not in tried(client, CASE)
    answer = client.post(TRY, {"text": json.dumps(CASE), "draft": "0"})
    assert answer.status_code == 403


def test_who_may_not_look_may_not_try(client):
    client.force_login(staff_who_may("products.view_quote"))
    assert client.get(TRY).status_code == 403
    stored = reverse("admin:products_strategy_try_stored", args=[factories.strategy().pk])
    assert client.get(stored).status_code == 403
