"""Cells that mean nothing, or more than one thing: a stable code and every reading in the sentence."""

import pytest

from apps.core.imports.columns import Choice, Day, Number, Text
from apps.core.imports.layout import Layout, LayoutError
from apps.core.imports.reading.cells import EMPTY, Refusal, meanings

AMOUNT, DAY, TEXT = Number(digits=15, places=4), Day(), Text(30)


def said(column, cell, **layout):
    return meanings("column", column, Layout(**layout))[cell]


NUMBERS = [
    ("1234.50", "1234.50", []),
    (" 7 ", "7", []),
    ("1,234", "ambiguous_amount", ["1234", "1.234"]),
    ("-1,234", "ambiguous_amount", ["-1234", "-1.234"]),
    ("1,234.50", "number_format", ["1234.50"]),
    ("1.234,50", "number_format", ["1234.50"]),
    ("1,234,567", "number_format", ["1234567"]),
    ("1.234.567", "number_format", ["1234567"]),
    ("12,50", "number_format", ["12.50"]),
    ("1 234", "number_format", ["1234"]),
    ("1\u00a0234,5", "number_format", ["1234.5"]),
    ("1'234.5", "number_format", ["1234.5"]),
    (".5", "number_format", ["0.5"]),
    ("+5", "number_format", ["5"]),
    ("(5)", "number_format", ["-5"]),
    ("5-", "number_format", ["-5"]),
    ("\u22125", "number_format", ["-5"]),
    ("1e9", "exponent", ["1000000000"]),
    ("1,5E+3", "exponent", ["1500"]),
    ("1e999", "exponent", []),
    ("١٢٣", "foreign_digits", ["123"]),
    ("１２", "foreign_digits", ["12"]),
    ("1²", "not_a_number", []),
    ("12 USD", "not_a_number", []),
    ("NaN", "not_a_number", []),
    ("Infinity", "not_a_number", []),
    ("0x10", "not_a_number", []),
    ("1_000", "not_a_number", []),
    ("--5", "not_a_number", []),
    ("#N/A", "error_cell", []),
    ("#DIV/0!", "error_cell", []),
    ("=1+1", "formula", []),
    ("@sum", "formula", []),
    ("1.23456", "too_many_decimals", []),
    ("123456789012", "too_large", []),
]  # fmt: skip

DAYS = [
    ("2024-04-03", "2024-04-03", []),
    ("03/04/2024", "ambiguous_date", ["2024-04-03", "2024-03-04"]),
    ("3.4.2024", "ambiguous_date", ["2024-04-03", "2024-03-04"]),
    ("03/03/2024", "date_format", ["2024-03-03"]),
    ("13/04/2024", "date_format", ["2024-04-13"]),
    ("2024/04/03", "date_format", ["2024-04-03"]),
    ("20240403", "date_format", ["2024-04-03"]),
    ("03042024", "ambiguous_date", ["2024-04-03", "2024-03-04"]),
    ("03/04/24", "two_digit_year", ["2024-04-03", "1924-03-04"]),
    ("31.12.30", "two_digit_year", ["2030-12-31", "1930-12-31"]),
    ("43831", "serial_date", ["2020-01-01", "2024-01-02"]),
    ("2024-04-03 00:00:00", "has_time", ["2024-04-03"]),
    ("2024-04-03T10:00:00+03:00", "has_time", ["2024-04-03"]),
    ("٢٠٢٤-٠٤-٠٣", "foreign_digits", ["2024-04-03"]),
    ("2024-02-30", "no_such_day", []),
    ("0024-02-03", "year_out_of_range", []),
    ("31.02.2024", "not_a_day", []),
    ("yesterday", "not_a_day", []),
    ("=TODAY()", "formula", []),
]  # fmt: skip

TEXTS = [
    ("Anna", "Anna", []),
    ("Ann\u0065\u0301", "Anné", []),
    ("'=1+1", "=1+1", []),
    ("'+7 916", "+7 916", []),
    ("+7 (916) 123-45-67", "+7 (916) 123-45-67", []),
    ("-5.5", "-5.5", []),
    ("-", "-", []),
    ("=1+1", "formula", ["apostrophe"]),
    ("+cmd|' /C calc'!A0", "formula", []),
    ("-2+cmd()", "formula", []),
    ("@SUM(A1)", "formula", []),
    ("#REF!", "error_cell", []),
    ("#1 client", "#1 client", []),
    ("1.23457E+15", "exponent", ["all its digits"]),
    ("An\0na", "nul", []),
    ("\u202eanna", "bidi", []),
    ("an\u200fna", "bidi", []),
    ("an\u200bna", "invisible", []),
    ("an\ufeffna", "invisible", []),
    ("an\nna", "invisible", []),
    ("an\u3164na", "invisible", []),
    ("C\u200d-1", "invisible", []),
    ("می\u200cخواهم", "می\u200cخواهم", []),
    ("an\ufffdna", "lost_character", []),
    ("x" * 31, "too_long", []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "cell", "expected", "shown"),
    [
        (column, *case)
        for column, cases in ((AMOUNT, NUMBERS), (DAY, DAYS), (TEXT, TEXTS))
        for case in cases
    ],
)
def test_a_cell_is_exact_or_refused_with_every_reading(column, cell, expected, shown):
    meaning = said(column, cell)
    if isinstance(meaning, Refusal):
        assert meaning.code == expected, meaning.reason
        assert all(reading in meaning.reason for reading in shown), meaning.reason
        assert meaning.reason.replace("\u00a0", " ").isprintable()
    else:
        assert str(meaning) == expected


DECLARED = [
    (AMOUNT, "1.234,50", {"decimal": ",", "thousands": "."}, "1234.50"),
    (AMOUNT, "1.234", {"decimal": ",", "thousands": "."}, "1234"),
    (AMOUNT, "1234,5", {"decimal": ",", "thousands": "."}, "1234.5"),
    (AMOUNT, "1.23", {"decimal": ",", "thousands": "."}, "number_format"),
    (AMOUNT, "1,234", {"decimal": ","}, "1.234"),
    (AMOUNT, "1.234", {"decimal": ","}, "number_format"),
    (AMOUNT, "1,234", {"thousands": ","}, "1234"),
    (AMOUNT, "-1\u202f234\u202f567,5", {"decimal": ",", "thousands": " "}, "-1234567.5"),
    (AMOUNT, "1'234.5", {"thousands": "'"}, "1234.5"),
    (DAY, "03.04.2024", {"day": "DD.MM.YYYY"}, "2024-04-03"),
    (DAY, "3.4.2024", {"day": "D.M.YYYY"}, "2024-04-03"),
    (DAY, "3.4.2024", {"day": "DD.MM.YYYY"}, "date_format"),
    (DAY, "03/04/2024", {"day": "MM/DD/YYYY"}, "2024-03-04"),
    (DAY, "20240403", {"day": "YYYYMMDD"}, "2024-04-03"),
    (DAY, "2024-04-03", {"day": "DD.MM.YYYY"}, "date_format"),
    (DAY, "03.04.2024 00:00:00", {"day": "DD.MM.YYYY hh:mm:ss"}, "2024-04-03"),
    (DAY, "2024-04-03T00:00", {"day": "YYYY-MM-DDThh:mm"}, "2024-04-03"),
    (DAY, "03.04.2024 10:00:00", {"day": "DD.MM.YYYY hh:mm:ss"}, "has_time"),
    (DAY, "31.02.2024", {"day": "DD.MM.YYYY"}, "no_such_day"),
    (DAY, "43831", {"day": "excel"}, "2020-01-01"),
    (DAY, "60", {"day": "excel"}, "no_such_day"),
    (DAY, "59", {"day": "excel"}, "1900-02-28"),
    (TEXT, "anna maria test", {"transforms": {"column": (("word", -1), ("upper", None))}}, "TEST"),
    (TEXT, "anna maria test", {"transforms": {"column": (("words_from", 2),)}}, "maria test"),
    (TEXT, "8 (916) 123", {"transforms": {"column": (("digits", None),)}}, "8916123"),
    (TEXT, "+7 (916) 123", {"transforms": {"column": (("digits", None),)}}, "+7916123"),
    (TEXT, "123", {"transforms": {"column": (("prefix", "C-"),)}}, "C-123"),
    (TEXT, "8 (916) 123-45-67", {"transforms": {"column": (("phone_of", "RU"),)}}, "+79161234567"),
    (TEXT, "+48 512 345 678", {"transforms": {"column": (("phone_of", "RU"),)}}, "+48512345678"),
    (TEXT, "916 000", {"transforms": {"column": (("phone_of", "RU"),)}}, "916 000"),
    (TEXT, "8 916 123-45-67 ext 5", {"transforms": {"column": (("phone_of", "RU"),)}}, "8 916 123-45-67 ext 5"),
    (Choice(["a", "b"]), "Aktiv", {"transforms": {"column": (("values", {"Aktiv": "a"}),)}}, "a"),
    (Choice(["a", "b"]), "Passiv", {"transforms": {"column": (("values", {"Aktiv": "a"}),)}}, "not_a_choice"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "cell", "layout", "expected"), DECLARED)
def test_what_the_layout_declares_is_read_exactly(column, cell, layout, expected):
    meaning = said(column, cell, **layout)
    assert (meaning.code if isinstance(meaning, Refusal) else str(meaning)) == expected


def test_a_cell_that_a_transform_empties_says_nothing():
    assert said(TEXT, "Anna", transforms={"column": (("word", 2),)}) is EMPTY


CONTRADICTIONS = [
    ({"columns": {"name": "Name"}, "constants": {"name": "x"}}, "a constant too"),
    ({"columns": {"name": "Name"}, "ignored": frozenset({"Name"})}, "left out and used too"),
    ({"encoding": "ebcdic"}, "none of the encodings"),
    ({"delimiter": "#"}, "separated by"),
    ({"decimal": "'"}, "a point or a comma"),
    ({"decimal": ",", "thousands": ","}, "the same sign"),
    ({"thousands": "_"}, "Thousands are set off"),
    ({"day": "DD.MM.YY"}, "no way to write days"),
    ({"day": "DD.DD.YYYY"}, "no way to write days"),
    ({"day": "MM.YYYY"}, "no way to write days"),
    ({"skip_lines": -1}, "At most 100 lines"),
    ({"transforms": {"name": (("shout", None),)}}, "no transform “shout”"),
    ({"transforms": {"name": (("prefix", None),)}}, "argument"),
    ({"transforms": {"name": (("phone_of", "Russia"),)}}, "two letters of a country"),
    ({"transforms": {"name": (("word", 0),)}}, "number of a word"),
    ({"transforms": {"name": (("values", {"a": 1}),)}}, "table of texts"),
]  # fmt: skip


@pytest.mark.parametrize(("layout", "reason"), CONTRADICTIONS)
def test_a_layout_that_contradicts_itself_is_refused_in_words(layout, reason):
    with pytest.raises(LayoutError, match=reason):
        Layout(**layout)


@pytest.mark.parametrize(
    "said", [{"colour": "red"}, {"columns": []}, {"transforms": {"a": [[]]}}, {"skip_lines": "x"}]
)
def test_what_is_no_layout_is_refused(said):
    with pytest.raises(LayoutError):
        Layout.from_json(said)
