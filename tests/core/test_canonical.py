"""A line is kept raw only where reading its cells and writing them again would change nothing."""

import re

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.imports.canonical import pattern_of, raw_and_read
from apps.core.imports.columns import Choice, Day, Text, TimeOfDay, TimeZone, Words
from apps.core.imports.layout import Layout
from apps.core.imports.reading.cells import meanings
from apps.core.imports.reading.table import open_table
from apps.profiles.imports.addresses import Email, Phone

COLUMNS = {
    "text": (Text(30), ["Anna Maria", "Фёдор", "Ñandú", "=1+1", "O'Brien", "-5", "1.5E+10", "5E+3", "#N/A", "x" * 31]),
    "day": (Day(), ["2021-02-28", "2021-02-29", "2024-02-29", "1999-04-31", "2199-12-31"]),
    "time": (TimeOfDay(), ["21:00", "09:30:15", "21:00:00", "24:00"]),
    "zone": (TimeZone(), ["Europe/Moscow", "UTC", "Etc/GMT+12", "Europe/Moscow2", "GMT"]),
    "choice": (Choice(["mass", "mass_affluent", "small"]), ["mass", "small", "Mass"]),
    "words": (Words(["sms", "email"]), ["sms", "sms email", "email sms", "none", "sms sms"]),
    "phone": (Phone(), ["+79161234567", "+447700900123", "+12025550143", "+390612345678"]),
    "email": (Email(), ["anna.test@example.com", "a@b.c", "x-@y-.com", "a@xn--p1ai.com"]),
}  # fmt: skip
SIGNS = st.one_of(st.sampled_from("aZ0 19:-+.@_/,;'\"\u0301\u00a0\u200bЯй"), st.characters())


@st.composite
def cells(draw):
    """Draw a column and a cell that is nearly one of its own."""
    name = draw(st.sampled_from(sorted(COLUMNS)))
    text = draw(st.sampled_from(COLUMNS[name][1]))
    for _edit in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(text)))
        text = text[:place] + draw(SIGNS) + text[place + draw(st.integers(0, 1)) :]
    return COLUMNS[name][0], text


def is_canonical(column, text):
    return re.fullmatch(column.canonical, text) is not None


@settings(max_examples=600)
@given(cells())
def test_what_a_pattern_takes_is_read_and_written_as_it_is(cell):
    column, text = cell
    if is_canonical(column, text):
        assert column.write(meanings("", column, Layout())[text]) == text
        assert not set(text) & set('",;|\t\n')


@settings(max_examples=400)
@given(
    st.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)), st.from_regex("[0-9]{5,13}")
)
def test_phones_of_all_countries_that_a_pattern_takes_stay_as_they_are(code, digits):
    text = f"+{code}{digits.strip()}"
    if is_canonical(Phone(), text):
        assert Phone().read(text) == text


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_what_we_write_ourselves_is_taken(name):
    column, (first, *_others) = COLUMNS[name]
    assert is_canonical(column, first)


FIELDS = {"id": Text(30, required=True), "day": Day(), "name": Text(30)}
LINES = [
    "id,day,name",
    "1,2020-01-02,Anna",
    "2,,Bob",
    "id,day,name",
    "3,2020-01-02, Cleo",
    "",
    "4,02.01.2020,Dan",
    "5,2020-01-02",
    ",2020-01-02,Eve",
    ",,",
    "6,2020-01-02,Fay",
    "7,2020-01-02,Last",
]


def parted(layout=Layout()):  # noqa: B008 (frozen)
    content = "\n".join(LINES).encode()
    with open_table(content, columns=FIELDS, key=["id"], layout=layout) as opened:
        found = [*raw_and_read(opened, layout)]
        assert pattern_of(opened, layout) or not any(raw for raw, _records in found)
    raw = [each for lines, _records in found for each in lines]
    return raw, sorted((each.number, each.line) for _raw, records in found for each in records)


def test_each_record_goes_one_way_with_its_number_and_line():
    raw, read = parted()
    assert raw == [
        (1, 2, "1,2020-01-02,Anna"), (2, 3, "2,,Bob"), (9, 11, "6,2020-01-02,Fay"),
    ]  # fmt: skip
    assert read == [(3, 4), (4, 5), (5, 7), (6, 8), (7, 9), (8, 10), (10, 12)]


@pytest.mark.parametrize(
    "layout",
    [
        Layout(day="DD.MM.YYYY"),
        Layout(transforms={"name": [("upper", None)]}),
        Layout(constants={"name": "Anna"}, ignored=frozenset({"name"})),
    ],
)
def test_a_layout_that_says_more_of_the_cells_leaves_no_line_raw(layout):
    assert parted(layout)[0] == []
