"""Saying which column is which: once over a file, kept for the next one of its source."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.urls import reverse

from apps.core.admin.display import page_url
from apps.core.imports.layout import Layout, LayoutError
from apps.files.admin.layouts import editor, posted_layout
from apps.files.models import Batch, Mapping
from tests.admin.test_files import UPLOAD, bring, holder, seen, worked

__all__ = ["holder"]

pytestmark = pytest.mark.django_db

FOREIGN = (
    "Номер;Клиент;Программа;Номинал;Премия;Валюта;Начало;Окончание;Филиал\n"
    "P-1;core-1;harbour;1 000,00;1 000,00;usd;01.01.2020;31.12.2020;Север\n"
)
OURS = ["number", "core_id", "strategy", "nominal", "premium", "currency", "starts_on", "ends_on"]


def form(**changes):
    said = QueryDict(mutable=True)
    headers = FOREIGN.splitlines()[0].split(";")
    said.setlist("header", headers)
    said.setlist("column", [*OURS, ""])
    said.setlist("step0", ["upper" if name == "Валюта" else "" for name in headers])
    said.setlist("argument_step0", [""] * len(headers))
    said.update({"encoding": "cp1251", "number": "1 234,50", "day": "DD.MM.YYYY"})
    for name, value in changes.items():
        said[name] = value
    return said


def layout_page(client, batch, **said):
    address = reverse("admin:files_batch_layout", args=[batch.pk])
    if not said:
        return client.get(address).content.decode()
    return client.post(address, form(**said).urlencode(), "application/x-www-form-urlencoded")


def test_a_foreign_file_is_asked_about_and_read_as_it_was_said(admin_client, holder):
    batch = bring(admin_client, FOREIGN.encode("cp1251"))
    assert batch.state == "received"
    page = layout_page(admin_client, batch)
    assert "Which of these reads well?" in page
    assert "Номер;Клиент" in page
    shown = layout_page(admin_client, batch, show="1").content.decode()
    assert "<td>1000</td>" in shown
    assert "<td>USD</td>" in shown
    layout_page(admin_client, batch, save="1", name="Core system")
    assert worked(batch).new == 1
    assert "read as “Core system”" in seen(admin_client, batch)


def test_columns_and_forms_are_suggested_over_what_the_file_says(admin_client, holder):
    page = layout_page(admin_client, bring(admin_client, FOREIGN))
    assert '<option value="starts_on" selected>' in page
    assert '<option value="DD.MM.YYYY" selected>' in page


def test_the_page_of_a_mapping_says_which_column_is_which(admin_client, holder):
    batch = bring(admin_client, FOREIGN)
    layout_page(admin_client, batch, save="1", name="Core system")
    page = admin_client.get(page_url(Mapping.objects.get())).content.decode()
    assert "<td>Премия</td><td>premium</td>" in page
    assert "numbers like 1 234,50 · days like 31.03.2024" in page


def test_the_next_file_of_a_source_is_read_without_a_question(admin_client, holder):
    first = bring(admin_client, FOREIGN)
    layout_page(admin_client, first, save="1", name="Core system")
    other = FOREIGN.replace("P-1", "P-2")
    second = bring(admin_client, other)
    assert (second.state, second.mapping.name) == ("checked", "Core system")


def test_a_name_of_another_kind_is_refused_and_the_file_still_waits(admin_client, holder):
    Mapping.objects.create(name="Core system", kind="clients")
    batch = bring(admin_client, FOREIGN)
    page = layout_page(admin_client, batch, save="1", name="Core system").content.decode()
    assert "choose another name" in page
    assert Batch.objects.get(pk=batch.pk).state == "received"


def test_a_file_that_was_checked_may_be_read_otherwise(admin_client, holder):
    batch = bring(admin_client, FOREIGN)
    layout_page(admin_client, batch, save="1", number="1,234.50")
    assert worked(batch).rejected == 1
    layout_page(admin_client, batch, save="1")
    assert (worked(batch).rejected, batch.new) == (0, 1)


def test_a_form_says_columns_constants_and_steps():
    said = form()
    said.setlist("ours", ["state", "issued_on"])
    said.setlist("source", ["=", ">Начало"])
    said.setlist("constant", ["active", ""])
    said.setlist("ours_step0", ["", "word"])
    said.setlist("argument_ours_step0", ["", "1"])
    layout = posted_layout(said)
    assert layout.columns["premium"] == "Премия"
    assert layout.columns["issued_on"] == "Начало"
    assert layout.constants == {"state": "active"}
    assert layout.transforms == {"currency": (("upper", None),), "issued_on": (("word", 1),)}
    assert layout.ignored == {"Филиал"}
    assert (layout.encoding, layout.decimal, layout.thousands) == ("cp1251", ",", " ")


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        (("word", "first"), "say which word"),
        (("values", "ja"), "write what the file says and what is meant"),
        (("values", ""), "write what the file says and what is meant"),
    ],
)
def test_a_step_that_says_nothing_is_refused_with_its_column(steps, reason):
    said = form()
    said.setlist("step0", [steps[0], *[""] * 8])
    said.setlist("argument_step0", [steps[1], *[""] * 8])
    with pytest.raises(LayoutError, match=f"number: {reason}"):
        posted_layout(said)


def test_a_column_taken_twice_is_refused_with_both_places():
    said = form()
    said.setlist("column", ["number", "number", *[""] * 7])
    with pytest.raises(LayoutError, match="“Номер” and “Клиент”"):
        posted_layout(said)


def test_what_the_editor_shows_is_what_its_form_brings_back():
    layout = Layout(
        columns={"first_name": "ФИО", "last_name": "ФИО"},
        constants={"language": "ru"},
        transforms={
            "first_name": (("word", 2),),
            "last_name": (("word", 1), ("upper", None), ("prefix", "x")),
            "language": (("values", {"ja": "de"}),),
        },
        ignored=frozenset({"Note"}),
    )
    columns = dict.fromkeys(["core_id", "first_name", "last_name", "language", "tier"], False)
    shown = editor(layout, headers={"core_id": [], "ФИО": [], "Note": []}, columns=columns)
    said = QueryDict(mutable=True)

    def chosen(options):
        return next(option.value for option in options if option.chosen)

    def put(prefix, slots):
        for place, slot in enumerate(slots):
            said.appendlist(f"{prefix}{place}", chosen(slot.options))
            said.appendlist(f"argument_{prefix}{place}", slot.argument)

    for header in shown.headers:
        said.appendlist("header", header.name)
        said.appendlist("column", chosen(header.options))
        put("step", header.slots)
    for other in shown.others:
        said.appendlist("ours", other.name)
        said.appendlist("source", chosen(other.options))
        said.appendlist("constant", other.constant)
        put("ours_step", other.slots)
    back = posted_layout(said)
    assert back.columns == {"core_id": "core_id", **layout.columns}
    assert (back.constants, back.transforms) == (layout.constants, layout.transforms)
    assert back.ignored == layout.ignored


def test_an_upload_with_a_chosen_mapping_uses_it(admin_client, holder):
    first = bring(admin_client, FOREIGN)
    layout_page(admin_client, first, save="1", name="Core system")
    mapping = Mapping.objects.get()
    Mapping.objects.update(header=[])
    file = SimpleUploadedFile("next.csv", FOREIGN.encode())
    admin_client.post(UPLOAD, {"kind": "policies", "file": file, "mapping": mapping.pk})
    assert Batch.objects.latest("pk").mapping == mapping
