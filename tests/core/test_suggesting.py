"""The layout that a file's header suggests."""

import pytest

from apps.core.imports.columns import Choice, Day, Flag, Number, Text
from apps.core.imports.layout import Layout
from apps.core.imports.reading.table import open_table
from apps.core.imports.suggesting import suggest_layout

CLIENTS = {
    "core_id": Text(20, required=True),
    "first_name": Text(50),
    "last_name": Text(50),
    "birth_on": Day(),
    "language": Choice(["en", "ru"]),
    "phone": Text(20),
    "email": Text(50),
}
POLICIES = {
    "number": Text(20, required=True),
    "core_id": Text(20, required=True),
    "strategy": Text(20, required=True),
    "nominal": Number(digits=12, places=2),
    "currency": Text(3),
    "starts_on": Day(),
    "ends_on": Day(),
    "is_active": Flag(),
}
FREE = {"attr_": Text(50)}

HEADERS = [
    (CLIENTS, "Customer ID;Given Name;Surname;Date of Birth;Mobile;E-Mail"),
    (CLIENTS, "Код клиента;Имя;Фамилия;Дата рождения;Телефон;Эл. почта"),
    (CLIENTS, "ID klienta;Imię;Nazwisko;Data urodzenia;Nr telefonu;Adres e-mail"),
    (CLIENTS, "Код клієнта;Ім’я;Прізвище;Дата народження;Телефон;Електронна пошта"),
]


@pytest.mark.parametrize(("columns", "header"), HEADERS)
def test_headers_in_four_languages_are_recognised(columns, header):
    names = header.split(";")
    layout = suggest_layout(names, {}, columns=columns, free=FREE)
    expected = ["core_id", "first_name", "last_name", "birth_on", "phone", "email"]
    assert dict(layout.columns) == dict(zip(expected, names, strict=True))
    assert not layout.ignored


@pytest.mark.parametrize(
    "header",
    [
        "Contract number,Client ID,Product code,Face value,CCY,Start date,Maturity date",
        "Номер договора,Клиент,Код продукта,Номинал,Валюта,Дата начала,Дата окончания",
        "Nr umowy,Klient,Kod produktu,Kwota nominalna,Waluta,Data rozpoczęcia,Data zakończenia",
        "Номер договору,Клієнт,Код продукту,Номінал,Валюта,Дата початку,Дата закінчення",
    ],
)
def test_headers_of_contracts_are_recognised(header):
    layout = suggest_layout(header.split(","), {}, columns=POLICIES)
    assert [*layout.columns] == [*POLICIES][:-1]


def test_our_own_names_need_no_entry_slips_are_seen_through_and_the_rest_is_left_out():
    names = ["core_id", "First_Name", "Surnmae", "attr_branch", "Notiz", ""]
    layout = suggest_layout(names, {}, columns=CLIENTS, free=FREE)
    assert layout == Layout(columns={"last_name": "Surnmae"}, ignored=frozenset({"Notiz"}))


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("ФИО", "Тестова Анна Ивановна"),
        ("Imię i nazwisko", "Анна Тестова"),
        ("Full name", "Анна Тестова"),
    ],
)
def test_whole_names_are_taken_apart(header, name):
    layout = suggest_layout(["core_id", header], {}, columns=CLIENTS)
    content = f"core_id,{header}\nC-1,{name}\nC-2,{name}".encode()
    with open_table(content, columns=CLIENTS, layout=layout) as table:
        record = next(table.records())
    assert record.values == {"core_id": "C-1", "first_name": "Анна", "last_name": "Тестова"}


FORMS = [
    ({"starts_on": ["03/04/2024"]}, {"day": "YYYY-MM-DD"}),  # day or month first
    ({"starts_on": ["03/04/2024"], "ends_on": ["13/04/2024"]}, {"day": "DD/MM/YYYY"}),
    ({"starts_on": ["03.04.2024"]}, {"day": "DD.MM.YYYY"}),  # points stand in no other order
    ({"starts_on": ["04/13/2024", ""]}, {"day": "MM/DD/YYYY"}),
    ({"starts_on": ["2024-04-03"]}, {"day": "YYYY-MM-DD"}),
    ({"starts_on": ["03.04.2024 00:00:00"]}, {"day": "DD.MM.YYYY hh:mm:ss"}),
    ({"nominal": ["1,234"]}, {"decimal": ".", "thousands": ""}),  # both readings hold
    ({"nominal": ["1,234", "12,5"]}, {"decimal": ",", "thousands": ""}),
    ({"nominal": ["1,234.50"]}, {"decimal": ".", "thousands": ","}),
    ({"nominal": ["1 234,50"]}, {"decimal": ",", "thousands": " "}),
    ({"nominal": ["1.234.567"]}, {"decimal": ",", "thousands": "."}),
    ({"starts_on": [*["13.04.2024"] * 9, "31.02.2024"]}, {"day": "DD.MM.YYYY"}),
    ({"starts_on": ["13.04.2024", "yesterday"]}, {"day": "YYYY-MM-DD"}),
    ({"starts_on": [*["03/04/2024"] * 9, "31/02/2024"]}, {"day": "YYYY-MM-DD"}),
    ({"starts_on": [*["2024-04-03"] * 9, "13.04.2024"]}, {"day": "YYYY-MM-DD"}),
    ({"nominal": ["12", "x"]}, {"decimal": ".", "thousands": ""}),
]


@pytest.mark.parametrize(("samples", "expected"), FORMS)
def test_a_form_is_suggested_only_if_the_cells_leave_no_other(samples, expected):
    layout = suggest_layout([*samples], samples, columns=POLICIES)
    assert {name: getattr(layout, name) for name in expected} == expected


def test_words_for_yes_and_no_are_suggested_with_what_they_mean():
    layout = suggest_layout(["is_active"], {"is_active": ["Да", "нет"]}, columns=POLICIES)
    assert layout.transforms == {"is_active": (("values", {"Да": "yes", "нет": "no"}),)}
