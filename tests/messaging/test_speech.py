"""Typed values in four languages, and the filters that write them another way."""

import pytest

from apps.messaging.speech import SpeechError, masked, plural, spoken
from apps.messaging.wording import WordingError, render


@pytest.mark.parametrize(
    ("value", "english", "russian"),
    [
        ({"money": 123450, "currency": "USD"}, "$1,234.50", "1\xa0234,50\xa0$"),
        ({"money": 123450, "currency": "RUB"}, "RUB\xa01,234.50", "1\xa0234,50\xa0₽"),
        ({"money": 1234, "currency": "JPY"}, "¥1,234", "1\xa0234\xa0¥"),
        ({"money": 1234500, "currency": "KWD"}, "KWD\xa01,234.500", "1\xa0234,500\xa0KWD"),
        ({"money": 0, "currency": "USD"}, "$0.00", "0,00\xa0$"),
        ({"date": "2020-02-28"}, "28 February 2020", "28 февраля 2020"),
        ({"month": "2020-02-01"}, "February 2020", "февраль 2020"),
        ({"percent": "0.95550000"}, "95.55%", "95,55\xa0%"),
        ({"percent": "1"}, "100%", "100\xa0%"),
        ({"percent": "0.75669992"}, "75.66%", "75,66\xa0%"),  # cut, as on the client's page
        ({"url": "https://x.test/"}, "https://x.test/", "https://x.test/"),
        (1234, "1,234", "1\xa0234"),
        (True, True, True),
        ("as it is", "as it is", "as it is"),
        ([{"percent": "0.5"}], ["50%"], ["50\xa0%"]),
        ({"month": {"month": "2020-02-01"}}, {"month": "February 2020"}, {"month": "февраль 2020"}),
        ({"date": "soon", "place": "here"},) * 3,
        ({"a": {"percent": "0.5"}}, {"a": "50%"}, {"a": "50\xa0%"}),
    ],
)
def test_values_are_spoken_in_the_readers_language(value, english, russian):
    assert spoken(value, "en") == english
    assert spoken(value, "ru") == russian


@pytest.mark.parametrize(
    "value",
    [
        {"date": "2020-02-30"},
        {"percent": "x"},
        {"percent": "NaN"},
        {"number": "1e999999"},
        {"month": ""},
        {"moment": "2020-02-28T12:00:00"},  # of no zone
        {"money": 5},
        {"money": 10**40, "currency": "USD"},
        {"money": 5, "currency": "dollars"},
    ],
)
def test_a_value_of_the_wrong_kind_is_an_error(value):
    with pytest.raises(SpeechError):
        spoken(value, "en")


def test_addresses_among_the_values_are_masked_however_deep():
    values = {
        "a": {"url": "https://x/1"},
        "b": [{"c": {"url": "https://x/e/2/"}}],
        "d": "https://x/3",
    }
    hidden = {
        "a": {"url": "https://x/•••"},
        "b": [{"c": {"url": "https://x/e/•••"}}],
        "d": "https://x/3",
    }
    assert masked(values) == masked(hidden) == hidden


VALUES = {
    "amount": {"money": 123400, "currency": "USD"},
    "cents": {"money": 123450, "currency": "USD"},
    "loss": {"percent": "-0.05219"},
    "gain": {"percent": "0.05219"},
    "flat": {"percent": "0.000001"},
    "on": {"date": "2020-02-28"},
    "at": {"moment": "2020-02-28T21:30:00+00:00"},
    "units": {"number": "1234.5"},
    "days": 5,
    "name": "Ann",
    "shares": ["a", "b"],
}


@pytest.mark.parametrize(
    ("source", "english", "russian"),
    [
        ("{{ amount | money }}", "$1,234.00", "1\xa0234,00\xa0$"),
        ("{{ amount | money: 'whole' }}", "$1,234", "1\xa0234\xa0$"),
        ("{{ cents | money: 'whole' }}", "$1,234.50", "1\xa0234,50\xa0$"),
        ("{{ gain | percent }}", "5.21%", "5,21\xa0%"),
        ("{{ gain | percent: 'sign' }}", "+5.21%", "+5,21\xa0%"),
        ("{{ loss | percent: 'sign' }}", "−5.22%", "−5,22\xa0%"),
        ("{{ loss | percent: 'sign', decimals: 0 }}", "−6%", "−6\xa0%"),
        ("{{ flat | percent: 'sign' }}", "0%", "0\xa0%"),
        ("{{ on | date: 'day' }}", "28 February", "28 февраля"),
        ("{{ on | date: 'weekday' }}", "Friday", "пятница"),
        ("{{ at }}", "29 February 2020, 00:30", "29 февраля 2020, 00:30"),
        ("{{ at | date: 'day' }}, {{ at | time }}", "29 February, 00:30", "29 февраля, 00:30"),
        ("{{ units }}", "1,234.5", "1\xa0234,5"),
        ("{{ units | number: 2 }}", "1,234.50", "1\xa0234,50"),
        ("{{ shares | size | number }}", "2", "2"),
        ("{{ amount | append: '!' }}", "$1,234.00!", "1\xa0234,00\xa0$!"),
    ],
)
def test_a_filter_writes_a_value_another_way_in_the_clients_language_and_zone(
    source, english, russian
):
    for language, text in (("en", english), ("ru", russian)):
        values = spoken(VALUES, language, "Europe/Moscow")
        assert render(source, values, language) == text


@pytest.mark.parametrize(
    "source",
    [
        "{{ missing | money }}",
        "{{ missing | plural: 'a', 'b' }}",
        "{{ name | money }}",
        "{{ name | percent }}",
        "{{ name | number }}",
        "{{ on | time }}",
        "{{ days | date }}",
        "{{ amount | money: 'short' }}",
        "{{ amount | money: missing }}",
        "{{ gain | percent: decimals: 5000 }}",
        "{{ gain | percent: decimals: true }}",
        "{{ units | number: -1 }}",
        "{{ on | date: '%Y' }}",
        "{{ days | plural }}",
        "{{ days | plural: 'one' }}",
        "{{ days | plural: 'a', 'b', 'c', 'd' }}",
        "{{ days | plural: 1, 2 }}",
        "{{ name | plural: 'a', 'b' }}",
    ],
)
def test_a_filter_refuses_what_it_cannot_write(source):
    with pytest.raises(WordingError):
        render(source, spoken(VALUES, "en"), "en")


FORMS = {
    "en": ("day", "days"),
    "ru": ("день", "дня", "дней"),
    "pl": ("dzień", "dni", "dni!"),
    "uk": ("день", "дні", "днів"),
}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "0 days 1 day 2 days 5 days 11 days 21 days 22 days"),
        ("ru", "0 дней 1 день 2 дня 5 дней 11 дней 21 день 22 дня"),
        ("pl", "0 dni! 1 dzień 2 dni 5 dni! 11 dni! 21 dni! 22 dni"),
        ("uk", "0 днів 1 день 2 дні 5 днів 11 днів 21 день 22 дні"),
    ],
)
def test_a_noun_follows_its_number(language, text):
    numbers = (0, 1, 2, 5, 11, 21, 22)
    assert text == " ".join(f"{n} {plural(n, FORMS[language], language)}" for n in numbers)


def test_an_unknown_zone_is_an_error():
    with pytest.raises(SpeechError):
        spoken({"moment": "2020-02-28T21:30:00+00:00"}, "en", "Mars/Olympus")
