"""The file of clients, and with it what every file shares: faults, preview, all or nothing."""

from datetime import UTC, date, datetime, time
from io import BytesIO

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from apps.core.imports.files import guarded, unguarded
from apps.profiles.imports.clients import ClientResource
from apps.profiles.models import Channel, Client, ConsentRecord, ContactPoint, Identifier, Purpose
from apps.profiles.queries import consents
from tests import factories
from tests.importing import import_file

pytestmark = pytest.mark.django_db

AT = datetime(2020, 3, 2, 12, tzinfo=UTC)

HEADER = "core_id,first_name,last_name,language,time_zone,phone,email,consent_service,consent_text"
ANNA = "C-1,Anna,Test,ru,Europe/Moscow,+7 916 123-45-67,Anna@Example.com,sms email,v1"
BOB = "C-2,Bob,Test,en,,+12025550143,bob@example.com,none,"


def load(*lines: str, filename="clients.csv", **options):
    content = "\n".join(lines).encode()
    return import_file(ClientResource, content, filename=filename, **{"at": AT, **options})


def test_a_file_brings_clients_with_addresses_and_consents():
    report = load(HEADER, ANNA, BOB)
    assert (report.ok, report.stored, report.new) == (True, True, 2), report
    anna = Client.objects.get(identifiers__value="C-1")
    assert (anna.first_name, anna.language, anna.time_zone) == ("Anna", "ru", "Europe/Moscow")
    assert anna.time_zone_source == Client.TimeZoneSource.IMPORTED
    assert anna.created_at == AT
    assert set(anna.contact_points.values_list("channel", "address")) == {
        ("sms", "+79161234567"),
        ("email", "anna@example.com"),
    }
    assert list(anna.identifiers.values_list("kind", "value")) == [("core_id", "C-1")]
    assert consents([anna.pk], Purpose.SERVICE) == {(anna.pk, "sms"), (anna.pk, "email")}
    assert ConsentRecord.objects.filter(client=anna).first().source == "file:clients.csv"
    assert not ConsentRecord.objects.exclude(client=anna)


def test_the_same_file_twice_changes_nothing():
    load(HEADER, ANNA, BOB)
    before = snapshot()
    report = load(HEADER, ANNA, BOB)
    assert (report.new, report.changed, report.unchanged) == (0, 0, 2)
    assert snapshot() == before


def snapshot():
    return [
        list(model.objects.order_by("pk").values())
        for model in (Client, Identifier, ContactPoint, ConsentRecord)
    ]


def test_a_row_changes_only_what_it_says():
    load(f"{HEADER},quiet_from,attr_branch", f"{ANNA},22:00,North", f"{BOB},,")
    report = load("core_id,last_name,language,attr_segment", "C-1,,en,gold", "C-2,Test,,")
    assert (report.changed, report.unchanged) == (1, 1)
    anna = Client.objects.get(identifiers__value="C-1")
    assert (anna.first_name, anna.last_name, anna.language) == ("Anna", "Test", "en")
    assert anna.quiet_from == time(22)
    assert anna.attributes == {"branch": "North", "segment": "gold"}


def test_a_new_phone_takes_the_place_of_the_imported_one_but_not_of_a_confirmed_one():
    load(HEADER, ANNA)
    anna = Client.objects.get()
    anna.contact_points.filter(channel=Channel.EMAIL).update(verified_at=AT)
    load("core_id,phone,email", "C-1,+79160000000,new@example.com")
    assert set(anna.contact_points.values_list("address", "state")) == {
        ("+79161234567", "removed"),
        ("+79160000000", "valid"),
        ("anna@example.com", "valid"),
        ("new@example.com", "valid"),
    }
    again = load("core_id,phone,email", "C-1,+79160000000,new@example.com")
    assert again.unchanged == 1
    load("core_id,phone", "C-1,+79161234567")
    assert anna.contact_points.get(address="+79161234567").state == "valid"


def test_two_clients_may_share_a_phone():
    report = load("core_id,phone", "C-1,+79161234567", "C-2,+79161234567")
    assert report.stored
    assert ContactPoint.objects.filter(address="+79161234567").count() == 2


def test_a_time_zone_that_the_client_stated_stays():
    load(HEADER, ANNA)
    Client.objects.update(time_zone="Asia/Tokyo", time_zone_source="stated")
    report = load(HEADER, ANNA)
    assert Client.objects.get().time_zone == "Asia/Tokyo"
    assert [(said.line, said.column) for said in report.remarks] == [(2, "time_zone")]


BAD_CELLS = [
    ("phone", "12345", "“12345” is no phone number; write it with its country code, like +79161234567."),
    ("phone", "+1", "“+1” is no phone number; write it with its country code, like +79161234567."),
    ("phone", "+7916123ABCD", "“+7916123ABCD” is no phone number; write it with its country code, like +79161234567."),
    ("email", "anna@", "“anna@” is no e-mail address; write it like name@example.com."),
    ("email", f"{'x' * 60}@{'y' * 60}.{'z' * 60}.{'w' * 60}.com", "Longer than 200 characters."),
    ("time_zone", "Moscow", "“Moscow” is no time zone; write it like Europe/Moscow."),
    ("language", "klingon", "“klingon” is none of: en, ru."),
    ("first_name", "x" * 101, f"Longer than 100 characters: “{'x' * 39}…”."),
    ("first_name", "An\x00na", "“An\ufffdna” contains an invisible character; type it anew."),
    ("first_name", "Anna\u200bX", "“Anna\ufffdX” contains an invisible character; type it anew."),
    ("first_name", "\u202eannA", "“\ufffdannA” contains an invisible character; type it anew."),
    ("preferred_channel", "fax", "“fax” is none of: sms, email, push, messenger, in_app, call."),
    ("quiet_from", "25:00", "“25:00” is no time of day; write it like 21:30."),
    ("quiet_until", "21:00", "Quiet hours must begin and end at different times."),
    ("birth_on", "2021-02-30", "There is no day 2021-02-30."),
    ("birth_on", "31.02.2021", "“31.02.2021” is not written as year-month-day, like 2021-02-28."),
    ("birth_on", "1899", "“1899” is not written as year-month-day, like 2021-02-28."),
    ("birth_on", "1899-12-31", "The year of 1899-12-31 must lie between 1900 and 2199."),
    ("tier", "vip", "“vip” is none of: hnwi, affluent, mass_affluent, small."),
    ("consent_service", "sms fax", "“fax” is none of: sms, email, push, messenger, in_app, call, none."),
    ("attr_note", "x" * 501, f"Longer than 500 characters: “{'x' * 39}…”."),
]  # fmt: skip


@pytest.mark.parametrize(("column", "cell", "reason"), BAD_CELLS)
def test_a_bad_cell_is_refused_with_line_column_and_reason(column, cell, reason):
    report = load(f"core_id,{column},consent_text", "C-1,,", f"C-2,{cell},v1", "C-3,,")
    assert [(each.line, each.column, each.reason) for each in report.faults] == [
        (3, column, reason)
    ]
    assert f"clients.csv, line 3, column “{column}”: {reason}" in str(report)
    assert not report.stored
    assert report.new == 2
    assert not Client.objects.exists()


def test_a_client_named_twice_in_two_ways_is_refused_on_both_lines():
    report = load("core_id,first_name", "C-1,Anna", "C-2,Bob", "C-1,Ann")
    assert [(each.line, each.column, each.code) for each in report.faults] == [
        (2, "core_id", "duplicate_key"),
        (4, "core_id", "duplicate_key"),
    ]


def test_lines_are_those_of_the_file_even_with_blank_and_broken_ones():
    report = load("core_id,first_name", "", 'C-1,"Anna', 'Maria"', "", "C-2", ",Bob", "C-4,D,E")
    assert [(each.line, each.column) for each in report.faults] == [
        (3, "first_name"),
        (6, ""),
        (7, "core_id"),
        (8, ""),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty."),
        (b"\n \n", "The file is empty."),
        (b"core_id,phone\n", "The file has a line of column names, but no row."),
        (b"core_id,fone\nC-1,2",
         "line 1, column “fone”: There is no such column; did you mean “phone”?"),
        (b"first_name\nAnna", "line 1, column “core_id”: This column is missing."),
        (b"core_id,phone,phone\nC-1,,", "line 1, column “phone”: The column is there twice."),
        (b'core_id,first_name\nC-1,"Anna',
         "line 2: A quotation mark opens on this line and is not closed as it should be: nothing from"
         " here to the end of the file (line 2) could be read."),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_why(content, said):
    report = import_file(ClientResource, content, filename="clients.csv", at=AT)
    assert said in [str(each) for each in report.faults]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_and_marks_of_spreadsheets_are_understood(separator):
    lines = [line.replace(",", separator) for line in (HEADER, ANNA)]
    content = b"\xef\xbb\xbf" + "\r\n".join(lines).encode()
    report = import_file(ClientResource, content, filename="clients.csv", at=AT)
    assert report.new == 1, report


def test_good_rows_are_counted_as_good_beside_bad_ones():
    load(HEADER, BOB)
    bad = "C-3,Eve,Test,en,Nowhere,,,none,"
    report = load(HEADER, ANNA, BOB.replace("Bob", "Rob"), bad, dry_run=True)
    assert (report.new, report.changed, len(report.faults)) == (1, 1, 1)
    assert Client.objects.get().first_name == "Bob"


def test_a_preview_of_a_good_file_stores_nothing():
    report = load(HEADER, ANNA, dry_run=True)
    assert (report.ok, report.stored, report.new) == (True, False, 1)
    assert not Client.objects.exists()


AT_ONCE = "ALTER TABLE profiles_client ADD CONSTRAINT no_zed CHECK (last_name <> 'Zed')"
AT_THE_END = """
    CREATE FUNCTION refuse_zed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'no_zed' USING ERRCODE = 'integrity_constraint_violation';
    END $$;
    CREATE CONSTRAINT TRIGGER no_zed AFTER INSERT ON profiles_client
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.last_name = 'Zed')
        EXECUTE FUNCTION refuse_zed()
"""


@pytest.mark.parametrize("rule", [AT_ONCE, AT_THE_END])
def test_a_file_that_fails_in_the_database_at_its_last_row_lands_not_at_all(rule):
    with connection.cursor() as cursor:
        cursor.execute(rule)
    report = load("core_id,last_name", *(f"C-{n},Test" for n in range(1500)), "C-last,Zed")
    assert not report.stored
    assert "no_zed" in str(report)
    assert not Client.objects.exists()
    assert not Identifier.objects.exists()


def test_formulas_are_stored_as_text_and_guarded_on_export():
    formula = "=HYPERLINK(1)"
    load(HEADER, ANNA.replace("Anna,", f"'{formula},", 1))
    assert Client.objects.get().first_name == formula
    dataset = ClientResource().export()
    row = dataset.dict[0]
    assert row["first_name"] == f"'{formula}"
    assert row["phone"] == "'+79161234567"
    assert load(*dataset.export("csv").splitlines()).unchanged == 1


@given(st.text(st.sampled_from("'=+-@\t\r a1.")))
def test_every_text_survives_the_guard(text):
    assert unguarded(guarded(text)) == text
    assert guarded(text)[:1] not in {"=", "+", "@", "\t", "\r"}


def test_an_export_is_a_file_that_changes_nothing():
    load(
        f"{HEADER},quiet_from,consent_digest,attr_branch", f"{ANNA},22:15,email,'=1+1", f"{BOB},,,"
    )
    dataset = ClientResource().export()
    assert "attr_branch" in dataset.headers
    report = load(*dataset.export("csv").splitlines())
    assert (report.unchanged, report.faults) == (2, ())
    chosen = ClientResource().export(export_fields=["core_id", "email"])
    assert chosen.headers == ["core_id", "email"]


@pytest.mark.slow
def test_a_thousand_clients_cost_as_many_queries_as_ten(django_assert_max_num_queries):
    lines = [ANNA.replace("C-1", f"C-{n}").replace("1234567", f"{n:07d}") for n in range(1000)]
    with django_assert_max_num_queries(29):
        load(HEADER, *lines)
    with django_assert_max_num_queries(29):
        assert load(HEADER, *lines).unchanged == 1000


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_whatever_the_bytes_the_answer_is_a_report(content):
    str(import_file(ClientResource, content, filename="x.csv", at=AT, dry_run=True))


CELL = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["C-1", "sms", "none", "+79161234567", "a@b.cd", "21:00", "=1", "2021-02-30"]),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(list(ClientResource.fields)), min_size=1, unique=True),
    st.lists(st.lists(CELL, max_size=14), max_size=4),
)
def test_whatever_the_cells_the_answer_is_a_report(headers, rows):
    quoted = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in [headers, *rows]]
    content = "\n".join(",".join(row) for row in quoted).encode("utf-8", "surrogatepass")
    str(import_file(ClientResource, content, filename="x.csv", at=AT, dry_run=True))


def test_a_client_made_by_hand_does_not_stand_in_the_way():
    factories.client()
    assert load(HEADER, ANNA).new == 1


def workbook(*rows) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def load_workbook(content):
    return import_file(ClientResource, content, filename="c.xlsx", at=AT)


def test_a_workbook_is_read_like_the_file_it_would_be_saved_as():
    header = ["core_id", "first_name", "birth_on", "attr_score", "attr_vip"]
    report = load_workbook(workbook(header, [1001, "Anna", date(1990, 5, 17), 0.1, True], []))
    assert report.stored, report
    anna = Client.objects.get(identifiers__value="1001")
    assert anna.birth_on == date(1990, 5, 17)
    assert anna.attributes == {"score": "0.1", "vip": "yes"}


def test_faults_of_a_workbook_name_the_row_of_the_sheet():
    report = load_workbook(workbook([], ["core_id", "phone"], ["C-1", None], [], ["C-2", 12]))
    assert [(each.line, each.column) for each in report.faults] == [(5, "phone")]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" + bytes(30)])
def test_what_is_no_workbook_is_said_to_be_none(content):
    assert not load_workbook(content).ok
