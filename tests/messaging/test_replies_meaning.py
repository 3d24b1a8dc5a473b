"""What people answer, as they type it on phones."""

import pytest

from apps.messaging.replies import START, STOP, Meaning, complains, known, meaning

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
        "буду жаловаться в Центральный банк", "Я на вас пожалуюсь", "Напишу в ЦБ!", "в цб обращусь",
        "Обращаюсь к регулятору", "Подам заявление в Банк России", "увидимся в суде", "Подаю в суд",
        "Это незаконно, иду в полицию", "Позвоню адвокату", "Жду ответа, или Роспотребнадзор",
        "обращусь к финансовому уполномоченному", "Вы нарушаете права потребителей", "Вы обманули меня",
        "See you in court", "I'm complaining about the fees", "I'll report you to the FCA", "You are scammers",
        "I am going to the regulator", "The ombudsman will hear of this", "This breaks consumer protection law",
        "I'll take this matter to the central bank", "My solicitor will write to you", "I called the police",
        "Zgłoszę to do KNF", "Piszę do KNF", "Będę się skarżyć, skarżę się", "Oddam sprawę do sądu",
        "Oszukaliście mnie", "Idę na policję", "Zwrócę się do Rzecznika Finansowego", "Składam reklamację",
        "Буду скаржитися", "Поскаржуся в НБУ", "Звернуся до НБУ", "Напишу в Нацбанк", "Подам до суду",
        "Піду в поліцію", "Це порушує права споживачів", "Ви мене обдурили", "У мене є претензії",
    ],
    Meaning.TEXT: [
        "", " ", "?", "👍", "What is a stop-loss?", "Please do not stop sending these",
        "Can I stop my policy next year?", "Когда стоп по купону?", "Стоп, а где мой купон?",
        "не стоп", "Kiedy wypłata?", "Коли виплата?", "I stopped by your office", "stopka", "0", "5",
        "What is the central bank's rate?", "When does the central bank meet?", "Is the regulator the FCA?",
        "I am going to wait for the central bank", "Write to me when the central bank cuts its rate",
        "No complaints, all fine", "What did the court decide about Apple?", "Can't complain!",
        "Какая ставка ЦБ?", "Центральный банк снизит ставку?", "Напишите, пожалуйста, ставку ЦБ",
        "Как ставка Центрального банка влияет на мой полис?", "А кто ваш регулятор?", "Жалоб нет, спасибо",
        "Я не жалуюсь", "Как решение суда повлияет на акции?", "Пишу узнать о ставке в ЦБ", "Где мой полис?",
        "Когда индексация жалованья?", "Jaka jest stopa NBP?", "Czy macie licencję KNF?", "Gdzie moja polisa?",
        "Bez skarg, dziękuję", "Czy reklama była prawdziwa?", "Kiedy NBP podniesie stopy?",
        "Яка ставка НБУ?", "Коли НБУ змінить ставку?", "Скарг немає", "Де мій поліс?",
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
    assert not any(complains(phrase) for phrase in known(STOP))


def test_of_a_long_reply_the_begin_is_read():
    assert meaning("стоп " * 200_000) == Meaning.STOP
    assert meaning("\u0301" * 10**6) == Meaning.TEXT
