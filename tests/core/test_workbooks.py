"""Workbooks as tables: what a sheet shows is what is read, and what it hides has a fate."""

from datetime import date, datetime, time
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from openpyxl import Workbook

from apps.core.imports.columns import Day, Flag, Number, Text, TimeOfDay
from apps.core.imports.layout import Layout
from apps.core.imports.reading.refusals import RefusedFileError
from apps.core.imports.reading.table import CANONICAL, open_table

COLUMNS = {
    "core_id": Text(20, required=True),
    "name": Text(20),
    "amount": Number(digits=10, places=2),
    "day": Day(),
    "hour": TimeOfDay(),
    "active": Flag(),
}
HEADER = ["core_id", "name", "amount", "day"]


def book(*rows, change=None) -> bytes:
    made = Workbook()
    for row in rows:
        made.active.append(row)
    if change:
        change(made.active)
    content = BytesIO()
    made.save(content)
    return content.getvalue()


def with_part(content: bytes, name: str, change) -> bytes:
    """Return a workbook in which one part is another."""
    made = BytesIO()
    with ZipFile(BytesIO(content)) as old, ZipFile(made, "w", ZIP_DEFLATED) as new:
        for part in {*old.namelist(), name}:
            is_old = part in old.namelist()
            said = old.read(part) if is_old else b""
            new.writestr(part, change(said) if part == name else said)
    return made.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def read(content, layout=CANONICAL):
    with open_table(content, columns=COLUMNS, key=["core_id"], layout=layout) as table:
        return list(table.records())


def codes(records):
    return [
        (each.line, each.skipped or [fault.code for fault in each.faults] or "ok")
        for each in records
    ]


def refusal(content, layout=CANONICAL):
    with pytest.raises(RefusedFileError) as raised:
        read(content, layout)
    return raised.value.faults[0].code


CELLS = [
    ("name", "Anna", "Anna"),
    ("name", 7, "7"),
    ("name", 7.0, "7"),
    ("name", 0.1 + 0.2, "0.3"),
    ("name", True, "yes"),
    ("name", " x ", "x"),
    ("name", 123456789012345, "123456789012345"),
    ("name", 1234567890123456, "exponent"),
    ("name", "=1+1", "formula"),
    ("name", "#N/A", "error_cell"),
    ("name", date(2024, 4, 3), "2024-04-03"),
    ("amount", 1234.5, "1234.5"),
    ("amount", 1e-9, "too_many_decimals"),
    ("amount", 0.1 + 0.2, "0.3"),
    ("amount", "1,234", "ambiguous_amount"),
    ("amount", "=A1*2", "formula"),
    ("amount", True, "not_a_number"),
    ("day", date(2024, 4, 3), "2024-04-03"),
    ("day", datetime(2024, 4, 3, 12, 30), "has_time"),  # noqa: DTZ001 (sheets know no zones)
    ("day", 45385, "serial_date"),
    ("day", "03/04/2024", "ambiguous_date"),
    ("day", date(1900, 2, 1), "1900-02-01"),
    ("hour", time(21, 30), "21:30:00"),
    ("active", False, "False"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "cell", "expected"), CELLS)
def test_a_cell_is_read_as_the_sheet_shows_it_or_refused(column, cell, expected):
    (record,) = read(book(["core_id", column], ["C-1", cell]))
    if record.faults:
        assert [fault.code for fault in record.faults] == [expected]
    else:
        assert str(record.values[column]) == expected


def test_numbers_and_days_of_a_sheet_are_themselves_whatever_form_the_layout_declares():
    layout = Layout(decimal=",", thousands=".", day="DD.MM.YYYY")
    first, second = read(
        book(HEADER, ["C-1", "a", 1234.5, date(2024, 4, 3)], ["C-2", "b", "1.234,5", "03.04.2024"]),
        layout,
    )
    assert (first.faults, second.faults) == ([], [])
    assert first.values["amount"] == second.values["amount"]
    assert first.values["day"] == second.values["day"] == date(2024, 4, 3)
    (serial,) = read(book(HEADER, ["C-1", "a", 1, date(2024, 4, 3)]), Layout(day="excel"))
    assert serial.values["day"] == date(2024, 4, 3)


def test_days_of_a_book_that_counts_from_1904_are_the_same():
    later = with_part(
        book(HEADER, ["C-1", "a", 1, date(2024, 4, 3)]),
        "xl/workbook.xml",
        lambda xml: xml.replace(b"<workbookPr ", b'<workbookPr date1904="1" '),
    )
    (record,) = read(later)
    assert record.values["day"] == date(2028, 4, 4)  # 1,462 days on


def test_texts_that_cells_share_are_whole_and_without_their_pronunciation():
    texts = (
        "<sst><si><t>C-1</t></si><si><r><t>An</t></r><r><t>na_x0021_</t></r>"
        "<rPh><t>sound</t></rPh></si></sst>"
    )
    content = with_part(
        book(HEADER, [1, 2]),
        SHEET,
        lambda xml: (
            xml.replace(b't="n"', b't="s"').replace(b"<v>1<", b"<v>0<").replace(b"<v>2<", b"<v>1<")
        ),
    )
    (record,) = read(with_part(content, "xl/sharedStrings.xml", lambda _none: texts.encode()))
    assert record.values == {"core_id": "C-1", "name": "Anna!"}


def test_hidden_and_merged_rows_are_rejected_and_lines_are_the_sheets():
    def change(sheet):
        sheet.row_dimensions[3].hidden = True
        sheet.merge_cells("A5:A6")
        sheet["A9"] = "C-9"

    records = read(book(HEADER, *([f"C-{line}"] for line in range(2, 8)), change=change))
    assert codes(records) == [
        (2, "ok"),
        (3, ["hidden_row"]),
        (4, "ok"),
        (5, ["merged_cells"]),
        (7, "ok"),
        (9, "ok"),
    ]  # fmt: skip  (line 6 lies under the merged cell of line 5 and is empty)


def test_a_formula_counts_as_what_it_last_computed():
    content = with_part(
        book(HEADER, ["C-1", "a", 7]),
        SHEET,
        lambda xml: xml.replace(b"<v>7</v>", b"<f>3+4</f><v>7</v>"),
    )
    (record,) = read(content)
    assert (record.faults, str(record.values["amount"])) == ([], "7")


def test_cells_beyond_the_named_columns_are_one_too_many():
    def change(sheet):
        sheet["XFD3"] = "far"

    assert codes(read(book(HEADER, ["C-1"], ["C-2"], ["C-3"], change=change))) == [
        (2, "ok"), (3, ["ragged"]), (4, "ok"),
    ]  # fmt: skip


def test_the_last_row_may_be_totals_and_lines_above_the_header_are_passed_over():
    rows = [["Clients, March"], [], HEADER, ["C-1", "a", 2], ["Total", None, 2]]
    assert codes(read(book(*rows), Layout(skip_lines=2))) == [(4, "ok"), (5, "totals")]


def test_the_first_sheet_counts_or_the_one_that_the_layout_names():
    made = Workbook()
    made.active.append(["core_id"])
    made.active.append(["C-1"])
    other = made.create_sheet("März")
    other.append(["core_id"])
    other.append(["C-2"])
    content = BytesIO()
    made.save(content)
    assert read(content.getvalue())[0].values == {"core_id": "C-1"}
    assert read(content, Layout(sheet="März"))[0].values == {"core_id": "C-2"}
    assert refusal(content, Layout(sheet="April")) == "sheet_missing"
    made.active.sheet_state = "hidden"
    content = BytesIO()
    made.save(content)
    assert refusal(content) == "hidden_sheet"


ENTITIES = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    "part", [SHEET, "xl/workbook.xml", "xl/styles.xml", "xl/sharedStrings.xml"]
)
def test_entities_are_refused_in_every_part(part):
    content = with_part(book(HEADER, ["C-1", "a", 1]), part, lambda xml: ENTITIES + xml)
    assert refusal(content) == "entities"


def test_a_book_that_grows_beyond_measure_is_refused():
    bomb = with_part(book(HEADER, ["C-1"]), SHEET, lambda xml: xml + b" " * 40_000_000)
    assert refusal(bomb) == "bomb"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"</sheetData>", b"", "broken_container"),
        (b"<sheetData>", b"<sheetData>\xff", "broken_container"),
    ],
)
def test_a_damaged_sheet_is_refused_before_its_first_row_is_read(old, new, code):
    content = with_part(book(HEADER, ["C-1"]), SHEET, lambda xml: xml.replace(old, new))
    assert refusal(content) == code


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'r="2"', b'r="1"'),
        (b'r="2"', b'r="99999999"'),
        (b"<v>7</v>", b"<v>seven</v>"),
        (b'<c r="C2" t="n"><v>7', b'<c r="C2" t="s"><v>7'),
        (b'r="B2"', b'r="A1"'),
        (b'r="B2"', b'r="ZZZZZ2"'),
    ],
)
def test_a_row_of_a_sheet_that_contradicts_itself_is_rejected(old, new):
    content = with_part(
        book(HEADER, ["C-1", "a", 7], ["C-2"]), SHEET, lambda xml: xml.replace(old, new)
    )
    assert [fault.code for fault in read(content)[0].faults] == ["broken_row"]


def test_an_archive_that_is_no_workbook_is_refused():
    made = BytesIO()
    with ZipFile(made, "w") as archive:
        archive.writestr("clients.csv", "core_id\nC-1\n")
    assert refusal(made.getvalue()) == "not_a_table"


def test_a_file_within_a_workbook_is_refused():
    made = BytesIO(book(HEADER, ["C-1"]))
    with ZipFile(made, "a") as archive:
        archive.writestr("xl/embeddings/more.xlsx", b"PK")
    assert refusal(made.getvalue()) == "nested"


def test_a_book_whose_list_of_parts_is_too_long_is_refused_before_it_is_read():
    content = bytearray(book(HEADER, ["C-1"]))
    at = content.rfind(b"PK\x05\x06")
    content[at + 12 : at + 16] = (2**30).to_bytes(4, "little")
    assert refusal(bytes(content)) == "bomb"
