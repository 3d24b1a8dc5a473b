"""How other systems call our columns, in English, Russian, Polish and Ukrainian."""

# Lower case, words separated by blanks, no accents; the likeliest column of a word stands first.
SYNONYMS: dict[str, tuple[str, ...]] = {
    # people
    "core_id": (
        "client id", "customer id", "customer number", "client number", "cif", "id", "client", "customer",
        "ид клиента", "id клиента", "код клиента", "номер клиента", "клиент",
        "id klienta", "numer klienta", "nr klienta", "kod klienta", "klient",
        "id клієнта", "код клієнта", "номер клієнта", "клієнт",
    ),
    "first_name": ("given name", "forename", "имя", "imie", "ім'я", "імя"),
    "last_name": ("surname", "family name", "фамилия", "nazwisko", "прізвище"),
    "birth_on": (
        "birth date", "birthday", "date of birth", "dob", "born",
        "дата рождения", "день рождения", "data urodzenia", "дата народження",
    ),
    "tier": ("segment", "client segment", "сегмент", "segment klienta", "категория клиента"),
    "language": ("lang", "preferred language", "язык", "jezyk", "мова"),
    "time_zone": ("timezone", "tz", "часовой пояс", "strefa czasowa", "часовий пояс"),
    "phone": (
        "phone number", "mobile", "mobile phone", "mobile number", "cell", "telephone", "tel", "msisdn",
        "телефон", "номер телефона", "мобильный", "мобильный телефон", "моб телефон", "тел",
        "telefon", "numer telefonu", "nr telefonu", "komorka", "telefon komorkowy",
        "номер телефону", "мобільний", "мобільний телефон",
    ),
    "email": (
        "e mail", "mail", "email address", "e mail address",
        "почта", "эл почта", "электронная почта", "адрес электронной почты", "емейл", "имейл",
        "poczta", "adres e mail", "adres email", "пошта", "електронна пошта", "ел пошта",
    ),
    "preferred_channel": ("channel", "канал", "предпочтительный канал", "kanal", "бажаний канал"),
    "address": ("contact", "value", "адрес", "adres", "адреса"),
    "channel": ("kind", "канал", "kanal"),
    "purpose": ("цель", "cel", "мета"),
    "consent_marketing": (
        "marketing consent", "согласие на рекламу", "согласие на маркетинг",
        "zgoda marketingowa", "згода на маркетинг",
    ),
    "consent_service": (
        "service consent", "согласие на уведомления", "zgoda na powiadomienia", "згода на сповіщення",
    ),
    "consent_on": ("consent date", "дата согласия", "data zgody", "дата згоди"),
    # contracts and money
    "number": (
        "policy number", "contract number", "agreement number", "account number", "contract", "no", "nr",
        "номер", "номер договора", "номер полиса", "номер контракта", "номер счета", "договор",
        "numer", "numer umowy", "nr umowy", "numer polisy", "nr polisy", "numer konta", "umowa",
        "номер договору", "номер поліса", "номер рахунку", "договір",
    ),
    "policy": (
        "policy number", "contract", "contract number", "полис", "номер полиса", "договор", "номер договора",
        "polisa", "numer polisy", "nr polisy", "numer umowy", "поліс", "номер поліса", "договір", "номер договору",
    ),
    "account": (
        "account number", "счет", "номер счета", "konto", "rachunek", "numer konta", "numer rachunku",
        "рахунок", "номер рахунку",
    ),
    "strategy": (
        "product", "product code", "strategy code", "стратегия", "код стратегии", "продукт", "код продукта",
        "strategia", "produkt", "kod produktu", "kod strategii", "стратегія", "код стратегії", "код продукту",
    ),
    "code": ("strategy code", "код", "kod", "код стратегии", "kod strategii", "код стратегії"),
    "nominal": (
        "notional", "face value", "nominal amount", "номинал", "сумма номинала",
        "nominal", "kwota nominalna", "wartosc nominalna", "номінал",
    ),
    "premium": ("premium amount", "премия", "страховая премия", "взнос", "skladka", "премія", "внесок"),
    "amount": ("sum", "value", "сумма", "kwota", "suma", "сума"),
    "currency": ("ccy", "curr", "currency code", "валюта", "код валюты", "waluta", "код валюти"),
    "starts_on": (
        "start date", "start", "from", "begin date", "valid from", "effective date",
        "дата начала", "начало", "действует с", "data rozpoczecia", "data poczatku", "od", "дата початку", "початок",
    ),
    "ends_on": (
        "end date", "end", "to", "valid to", "maturity", "maturity date", "expiry date",
        "дата окончания", "окончание", "действует по", "data zakonczenia", "data konca", "do",
        "дата закінчення", "закінчення",
    ),
    "issued_on": ("issue date", "issued", "дата выпуска", "дата заключения", "data wystawienia", "дата укладення"),
    "opened_on": ("opening date", "opened", "дата открытия", "data otwarcia", "дата відкриття"),
    "closed_on": ("closing date", "closed", "дата закрытия", "data zamkniecia", "дата закриття"),
    "due_on": ("due date", "due", "срок", "дата платежа", "termin", "termin platnosci", "термін", "дата платежу"),
    "paid_on": ("payment date", "paid date", "дата оплаты", "data zaplaty", "data platnosci", "дата оплати"),
    "paid": ("paid amount", "оплачено", "zaplacono", "сплачено"),
    "state": ("status", "статус", "состояние", "stan", "стан"),
    "kind": ("type", "тип", "вид", "typ", "rodzaj"),
    "because": ("reason", "причина", "powod", "przyczyna"),
    "reference": (
        "ref", "payment reference", "transaction id", "payment id", "reference number",
        "референс", "номер платежа", "ид операции", "номер операции", "referencja", "numer platnosci",
        "номер платежу", "номер операції",
    ),
    "limit": ("credit limit", "лимит", "limit kredytowy", "ліміт"),
    "used": ("used amount", "balance", "использовано", "wykorzystano", "використано"),
    "reported_on": ("report date", "as of", "дата отчета", "на дату", "data raportu", "дата звіту"),
    "units": ("quantity", "qty", "shares", "количество", "кол во", "ilosc", "liczba", "кількість"),
    # markets
    "ticker": ("symbol", "тикер", "тікер", "символ"),
    "close": ("price", "closing price", "close price", "last", "цена", "цена закрытия", "cena", "kurs",
              "kurs zamkniecia", "ціна", "ціна закриття"),
    "day": ("date", "trade date", "дата", "день", "data", "dzien"),
    "exchange": ("market", "mic", "биржа", "gielda", "біржа"),
    "name": ("title", "наименование", "название", "nazwa", "назва"),
    "isin": ("isin code", "код isin", "kod isin"),
    "occurred_at": ("time", "timestamp", "moment", "время", "дата и время", "czas", "час", "дата і час"),
    "source": ("источник", "zrodlo", "джерело"),
}  # fmt: skip

# Headers of whole names, and which word of them is which.
GIVEN_FIRST = ("full name", "name", "client name", "customer name", "imie i nazwisko", "имя и фамилия",
               "ім'я та прізвище")  # fmt: skip
FAMILY_FIRST = ("фио", "ф и о", "фио клиента", "фамилия имя отчество", "фамилия и имя", "піб", "піб клієнта",
                "прізвище ім'я по батькові", "прізвище та ім'я", "nazwisko i imie")  # fmt: skip

YES = ("да", "tak", "так", "y", "t", "д", "true")
NO = ("нет", "nie", "ні", "n", "f", "н", "false")
