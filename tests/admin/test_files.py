"""Files into the back office: looked at first, refused with their place, landed whole and once."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.products.models.holdings import Policy
from apps.products.models.markets import CorporateAction, Quote, TradingDay, Underlying
from apps.products.models.strategies import Strategy
from apps.profiles.models import Client
from tests import factories
from tests.admin.test_pages import address, staff_who_may

pytestmark = pytest.mark.django_db

HEAD = "number,core_id,strategy,nominal,premium,currency,starts_on,ends_on\n"
GOOD = "P-1,core-1,harbour,1000.00,1000.00,USD,2020-01-01,2020-12-31\n"
BAD = "P-2,core-1,harbour,-5,1000.00,USD,2020-01-01,2020-12-31\n"


@pytest.fixture
def holder(db):
    factories.strategy(code="harbour")
    client = factories.client()
    client.identifiers.create(kind="core_id", value="core-1")
    return client


def look(client, model, text, name="file.csv"):
    file = SimpleUploadedFile(name, text.encode(), content_type="text/csv")
    return client.post(address(model, "import"), {"import_file": file, "format": "0"})


def confirm(client, model, preview):
    form = preview.context["confirm_form"]
    return client.post(address(model, "process_import"), form.initial)


def said(response):
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


@pytest.mark.parametrize(
    "model", [Client, Policy, Quote, Strategy, TradingDay, Underlying, CorporateAction]
)
def test_every_file_of_a_marketer_has_its_door(admin_client, model):
    page = admin_client.get(address(model, "import"))
    assert page.status_code == 200
    listed = admin_client.get(address(model, "changelist")).content.decode()
    assert address(model, "import") in listed


def test_a_file_is_shown_first_and_lands_once(admin_client, holder):
    preview = look(admin_client, Policy, HEAD + GOOD)
    assert "What would land" in preview.content.decode()
    assert not Policy.objects.exists()
    assert "1 new" in said(confirm(admin_client, Policy, preview))
    assert Policy.objects.get().nominal == 1000_00
    assert "1 unchanged" in said(
        confirm(admin_client, Policy, look(admin_client, Policy, HEAD + GOOD))
    )
    assert Policy.objects.count() == 1
    assert LogEntry.objects.filter(object_repr="file.csv").count() == 2


def test_a_fault_is_shown_with_its_line_and_column_beside_the_good_rows(admin_client, holder):
    preview = look(admin_client, Policy, HEAD + GOOD + BAD)
    page = preview.content.decode()
    assert [(fault.line, fault.column) for fault in preview.context["result"].faults] == [
        (3, "nominal")
    ]
    assert "<td>3</td><td><code>nominal</code></td>" in page
    assert "Good rows of the file" in page
    assert "P-1" in page
    assert "confirm_form" not in preview.context
    assert not Policy.objects.exists()


@pytest.mark.parametrize("text", ["", "nonsense", "a,b\n1\n", '"', HEAD])
def test_nonsense_is_refused_in_words(admin_client, holder, text):
    preview = look(admin_client, Policy, text)
    assert preview.status_code == 200
    assert "confirm_form" not in preview.context


def test_a_file_that_waited_too_long_lands_nothing_and_says_so(admin_client, holder):
    preview = look(admin_client, Policy, HEAD + GOOD)
    cache.clear()
    assert "Nothing of the file landed" in said(confirm(admin_client, Policy, preview))
    assert not Policy.objects.exists()


def test_what_changed_between_preview_and_confirmation_is_checked_again(admin_client, holder):
    preview = look(admin_client, Policy, HEAD + GOOD)
    Strategy.objects.update(code="renamed")
    assert "line 2, column “strategy”" in said(confirm(admin_client, Policy, preview))
    assert not Policy.objects.exists()


def test_files_need_the_right_to_add_and_change(client, holder):
    client.force_login(staff_who_may("products.view_policy", "products.add_policy"))
    assert client.get(address(Policy, "import")).status_code == 403
    assert client.post(address(Policy, "process_import")).status_code == 403


def test_an_exported_list_can_be_taken_in_again(admin_client, holder):
    factories.policy(holder, Strategy.objects.get())
    out = admin_client.post(address(Policy, "export"), {"format": "0", "resource": ""})
    preview = look(admin_client, Policy, out.content.decode("utf-8-sig"))
    assert preview.context["result"].faults == []
    assert preview.context["result"].totals["skip"] == 1
