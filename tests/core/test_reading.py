"""Bytes to records: each row of a file has exactly one fate, whatever the bytes are."""

import gzip
import tracemalloc

import pytest

from apps.core.imports.columns import Day, Number, Text
from apps.core.imports.layout import Layout
from apps.core.imports.reading.refusals import RefusedFileError
from apps.core.imports.reading.rejected import rejected_file
from apps.core.imports.reading.table import CANONICAL, open_table

COLUMNS = {
    "core_id": Text(20, required=True),
    "name": Text(20),
    "amount": Number(digits=10, places=2),
    "day": Day(),
}
HEADER = "core_id,name,amount,day"


def read(*lines, encoding="utf-8", layout=CANONICAL):
    content = lines[0] if isinstance(lines[0], bytes) else "\n".join(lines).encode(encoding)
    with open_table(content, columns=COLUMNS, key=["core_id"], layout=layout) as table:
        return list(table.records())


def fates(records):
    return [
        (each.line, each.skipped or [fault.code for fault in each.faults] or "ok")
        for each in records
    ]


def refusals(*lines, **options):
    with pytest.raises(RefusedFileError) as refusal:
        read(*lines, **options)
    return [(fault.code, fault.line) for fault in refusal.value.faults]


ROWS = [
    (["C-1,Anna,1.50,2020-01-02"], [(2, "ok")]),
    (["C-1,,,", "", "C-2,,,"], [(2, "ok"), (4, "ok")]),
    (['C-1,"A\nB",,', "C-2,,,"], [(2, ["invisible"]), (4, "ok")]),
    (['C-1,"A, ""B""",,', "C-2,,,"], [(2, "ok"), (3, "ok")]),
    (["C-1,Anna", "C-2,,,,", "C-3,,,"], [(2, ["ragged"]), (3, ["ragged"]), (4, "ok")]),
    (["C-1,,,", ",,,", "C-2,,,"], [(2, "ok"), (3, "blank"), (4, "ok")]),
    (["C-1,,,", HEADER, "C-2,,,"], [(2, "ok"), (3, "header_again"), (4, "ok")]),
    (["C-1,,1,", "Total,,1,"], [(2, "ok"), (3, "totals")]),
    (["C-1,,1,", "Итого: 1,,,"], [(2, "ok"), (3, "totals")]),
    (["C-1,,1,", ",,1.00,"], [(2, "ok"), (3, "totals")]),
    (["C-1,,1,", ",Anna,1.00,"], [(2, "ok"), (3, ["empty"])]),
    (["C-1,,1,", ",,1.00,", "C-2,,,"], [(2, "ok"), (3, ["empty"]), (4, "ok")]),
    (['C-1,"x" y,,', "C-2,,,"], [(2, ["stray_quote"]), (3, "ok")]),
    (["C-1,,,", 'C-2,"x,,', "C-3,,,", "C-4,,,"], [(2, "ok"), (3, ["unclosed_quote"])]),
    (["C-1,,,", 'C-2,"x,,', 'C-3,"y",,', "C-4,,,"], [(2, "ok"), (3, ["unclosed_quote"])]),
]


@pytest.mark.parametrize(("lines", "expected"), ROWS)
def test_every_row_has_one_fate(lines, expected):
    records = read(HEADER, *lines)
    assert fates(records) == expected
    assert [each.number for each in records] == list(range(1, len(records) + 1))


def test_what_is_behind_an_unclosed_quotation_mark_is_named():
    *_good, last = read(HEADER, "C-1,,,", 'C-2,"x,,', "C-3,,,", "C-4,,,")
    assert "to the end of the file (line 5)" in last.faults[0].reason


FILES = [
    (b"", [("empty", None)]),
    (b"\n\n", [("empty", None)]),
    (b"core_id\n", [("no_rows", None)]),
    (b"core_id,Core_ID\n1,2", [("column_twice", 1)]),
    (b"core_id,phone\n1,2", [("unknown_column", 1)]),
    (b"name\nAnna", [("column_missing", 1)]),
    (f"{HEADER}\nC-1,Анна,,".encode("cp1251"), [("encoding", 2)]),
    (f"{HEADER}\nC-1,Анна,,".encode("utf-16-le"), [("encoding", None)]),
    (gzip.compress(b"0" * 20_000_000, mtime=0), [("bomb", None)]),
    (gzip.compress(gzip.compress(b"core_id\n1\n", mtime=0), mtime=0), [("nested", None)]),
    (gzip.compress(b"core_id\n1\n", mtime=0)[:-9], [("broken_container", None)]),
    (b"PK\x03\x04 and so on", [("broken_container", None)]),
    (b"%PDF-1.7", [("not_a_table", None)]),
    (b"\n<!DOCTYPE html><table>", [("not_a_table", None)]),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", [("old_workbook", None)]),
]


@pytest.mark.parametrize(("content", "expected"), FILES)
def test_a_file_that_is_no_table_is_refused_with_a_code(content, expected):
    assert refusals(content) == expected


def test_legacy_bytes_are_shown_in_both_readings_and_read_where_the_layout_declares_them():
    content = f"{HEADER}\nC-1,Анна,,".encode("cp1251")
    with pytest.raises(RefusedFileError, match="“Анна” in cp1251, “Àííà” in cp1252"):
        read(content)
    assert read(content, layout=Layout(encoding="cp1251"))[0].values["name"] == "Анна"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_mark_says_the_encoding(encoding):
    assert read(HEADER, "C-1,Анна,,", encoding=encoding)[0].values["name"] == "Анна"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_yields_the_header(delimiter):
    record, *_none = read(HEADER.replace(",", delimiter), delimiter.join(["C-1", "a", "", ""]))
    assert record.values == {"core_id": "C-1", "name": "a"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_file_may_quote_all_of_its_cells(delimiter):
    lines = ['"core_id","name"', '"C-1","An""na"', '"C-2","a;b|c\td"']
    records = read(*(line.replace('","', f'"{delimiter}"') for line in lines))
    assert records[0].values == {"core_id": "C-1", "name": 'An"na'}
    assert fates(records) == [(2, "ok"), (3, ["invisible"])]


def test_a_layout_takes_columns_of_other_names_with_constants_transforms_and_formats():
    layout = Layout(
        columns={"core_id": "Nr", "name": "Kunde", "amount": "Betrag"},
        constants={"day": "02.03.2024"},
        transforms={"name": (("word", -1), ("upper", None))},
        ignored=frozenset({"Ort"}),
        decimal=",",
        thousands=".",
        day="DD.MM.YYYY",
    )
    assert Layout.from_json(layout.to_json()) == layout
    record, *_none = read("Nr;Kunde;Betrag;Ort", "7;Anna Muster;1.234,50;Bonn", layout=layout)
    assert {name: str(value) for name, value in record.values.items()} == {
        "core_id": "7",
        "name": "MUSTER",
        "amount": "1234.50",
        "day": "2024-03-02",
    }


def test_lines_of_plain_blocks_may_be_read_one_by_one():
    rows = [f"C-{number},Anna,{number}.5,2020-01-02" for number in range(1, 6)]
    content = "\n".join([HEADER, *rows[:2], "", *rows[2:], 'C-6,"x",,', "Total,,1,"]).encode()
    with open_table(content, columns=COLUMNS, key=["core_id"]) as table:
        blocks = list(table.blocks())
        assert [block.is_plain for block in blocks] == [False, False]
    content = "\n".join([HEADER, *rows[:2], "", *rows[2:], "Total,,1,"]).encode()
    with open_table(content, columns=COLUMNS, key=["core_id"]) as table:
        plain, last = table.blocks()
        lines = [
            (number, line, text)
            for number, (line, text) in enumerate(
                (
                    (line, text)
                    for line, text in enumerate(plain.text.split("\n"), plain.line)
                    if text
                ),
                plain.number,
            )
        ]
        assert table.read_lines(lines) == table.read(plain)
        assert [line for _number, line, _text in lines] == [2, 3, 5, 6, 7]
        assert [(each.number, each.line, each.skipped) for each in table.read(last)] == [
            (6, 8, "totals")
        ]


def test_a_constant_that_means_nothing_refuses_the_file():
    layout = Layout(constants={"day": "03/04/2024"})
    assert refusals("core_id,name", "C-1,Anna", layout=layout) == [("ambiguous_date", None)]


def test_a_row_of_constants_only_is_blank():
    layout = Layout(constants={"day": "2024-04-03"})
    assert fates(read("core_id,name", "C-1,a", ",", "C-2,a", layout=layout)) == [
        (2, "ok"), (3, "blank"), (4, "ok"),
    ]  # fmt: skip


def test_rejected_rows_are_a_file_that_the_same_layout_reads_when_they_are_mended():
    layout = Layout(columns={"core_id": "Nr"}, skip_lines=2, decimal=",", day="DD.MM.YYYY")
    lines = [
        "Kunden",
        "",
        "Nr;name;amount;day",
        "7;=x;1,5;1.2.2024",
        "8;ok;;",
        "9;a",
        "T;;1;;;",
        "z;;;",
    ]
    content = "\n".join(lines).encode()
    with open_table(content, columns=COLUMNS, layout=layout) as table:
        rejected = [
            (each.cells, each.line, " ".join(fault.reason for fault in each.faults))
            for each in table.records()
            if each.faults
        ]
        made = b"".join(
            rejected_file(table.header.names, rejected, delimiter=table.delimiter, skip_lines=2)
        )
    assert [(line, len(cells)) for cells, line, _reason in rejected] == [(4, 4), (6, 2), (7, 6)]
    again = read(made, layout=layout)
    assert fates(again) == [(4, ["date_format"]), (5, ["ragged"]), (6, ["ragged"])]
    mended = made.decode().replace("1.2.2024", "01.02.2024").encode()
    assert str(read(mended, layout=layout)[0].values["day"]) == "2024-02-01"


@pytest.mark.slow
def test_a_long_file_of_long_cells_is_read_in_little_memory_and_time():
    """Each of these once took minutes, or all of the memory, by way of one cell or line."""
    long = "T" * 200_000
    rows = [f"C-1,,,{long}", f"C-2,,{long},", f"C-3,{long},,", f"total{' ' * 200_000}x,,,"]
    codes = [codes for _line, codes in fates(read(HEADER, *rows))]
    assert codes == [["huge_cell"], ["huge_cell"], ["huge_cell"], ["huge_cell"]]
    assert refusals(",".join(f"column {number}" for number in range(20_000)), "1") == [
        ("too_many_columns", 1)
    ]
    tall = "\n".join([HEADER, *(f"C-{number},{'x' * 5000}{number},," for number in range(4_000))])
    content = tall.encode()
    tracemalloc.start()
    try:
        with open_table(content, columns=COLUMNS) as table:
            assert sum(1 for record in table.records() if record.faults) == 4_000
        assert tracemalloc.get_traced_memory()[1] < 10_000_000  # of 20
    finally:
        tracemalloc.stop()


def test_a_line_longer_than_any_row_is_one_rejected_row():
    records = read(HEADER, "C-1,,,", "x" * 3_000_000, "C-2,,,", "C-3,,,")
    assert fates(records) == [(2, "ok"), (3, ["huge_row"]), (4, "ok"), (5, "ok")]
