"""What people answer, as they type it on phones."""

import pytest

from apps.messaging.replies import COMPLAINT, START, STOP, Meaning, known, meaning

CASES = {
    Meaning.STOP: [
        "STOP", "stop", "Stop.", " stop!!! ", "«Стоп»", "STOP STOP STOP", "stop, please",
        "СТОП", "стоп.", "Стоп!", "СТ0П", "CTOП", "ѕtор", "$STOP$", "5TOP", "ST\u200bOP", "ＳＴＯＰ",
        "STOP 🙏", "stop_all", "cnjg", "ыещз", "ОТПИСАТЬСЯ", "Отписаться", "отписатся", "отписатьсяя",
        "отпсиаться", "Отпишите меня, пожалуйста", "Больше не пишите мне!", "не надо...", "Unsubscribe",
        "unsubcribe", "Opt-out", "Don't text me", "don’t text me", "wypisz", "WYPISZ MNIE",
        "Proszę wypisz mnie", "wypisac", "REZYGNUJE", "rezygnuję", "Nie wysyłaj", "nie wysylajcie",
        "відписатися", "ВІДПИСАТИСЬ", "Вiдписатися", "відмова", "Не надсилайте мені", "STOP\n\n",
        "Hi, stop", "otpisatsya", "Дякую, досить",
    ],
    Meaning.START: ["START", "да", "Да!", "yes", "ОК", "tak", "так", "підписатися", "підписатись"],
    Meaning.CALL: [
        "Please call me back", "позвоните мне завтра", "Перезвоните!", "proszę o kontakt",
        "Zadzwońcie do mnie", "Зателефонуйте, будь ласка", "звʼяжіться зі мною",
    ],
    Meaning.COMPLAINT: [
        "This is spam", "Я буду жаловаться, жалоба в ЦБ", "это спам", "Złożę skargę", "do not call me",
        "не звоните мне больше", "Ви шахраї", "I will complain to the regulator",
    ],
    Meaning.TEXT: [
        "", " ", "?", "👍", "What is a stop-loss?", "Please do not stop sending these",
        "Can I stop my policy next year?", "Когда стоп по купону?", "Стоп, а где мой купон?",
        "не стоп", "Kiedy wypłata?", "Коли виплата?", "I stopped by your office", "stopka", "0", "5",
        "non stop", "отписался друг, а я нет", "stop " * 3 + "the fees", "\x00\x00", "STOPSTOP" * 9,
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "understood"), [(text, each) for each, texts in CASES.items() for text in texts]
)
def test_a_reply_is_understood_as_a_person_would(text, understood):
    assert meaning(text) == understood


def test_every_phrase_means_what_its_list_says():
    for phrase in known(STOP):
        assert meaning(phrase) == Meaning.STOP
    for phrase in known(START):
        assert meaning(phrase) == Meaning.START


def test_no_phrase_means_two_things():
    assert not known(STOP) & known(START)
    assert not known(STOP) & known(COMPLAINT)


def test_of_a_long_reply_the_begin_is_read():
    assert meaning("стоп " * 200_000) == Meaning.STOP
    assert meaning("\u0301" * 10**6) == Meaning.TEXT
