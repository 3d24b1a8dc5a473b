"""The words for moves of what a client holds, and for a deadline that comes near.

A fall is told calmly: what, by how much, since when, and where every figure stands; no advice and
no forecast. An SMS names no sum of money.
"""

from django.db import migrations
from django.utils.translation import gettext_noop as _

SERVICE = "service"
TEMPLATES = {
    "holding.moved": _("A holding moved far"),
    "deadline.near": _("A deadline comes near"),
}

SINCE_EN = "since {% if since %}{{ since }}{% else %}its purchase{% endif %}"
SINCE_RU = "с {% if since %}{{ since }}{% else %}момента покупки{% endif %}"
MOVED_EN = "{{ what }} has {% if falls %}lost{% else %}gained{% endif %} {{ by }} " + SINCE_EN
MOVED_RU = (
    "«{{ what }}» " + SINCE_RU + ": {% if falls %}снижение{% else %}рост{% endif %} на {{ by }}"
)
OTHERS_RU = "{% if others %} (ещё изменений: {{ others }}){% endif %}. {{ link }}"

SMS = {
    ("holding.moved", "en", "plain"): (
        MOVED_EN + "{% if others %}; more of your holdings moved: {{ others }}{% endif %}. {{ link }}"
    ),
    ("holding.moved", "en", "gentle"): (
        MOVED_EN + "{% if others %}; more of your holdings moved: {{ others }}{% endif %}. "
        "How it stands, with every price: {{ link }}"
    ),
    ("holding.moved", "ru", "plain"): MOVED_RU + OTHERS_RU,
    ("holding.moved", "ru", "gentle"): MOVED_RU + OTHERS_RU,
    ("deadline.near", "en", "plain"): (
        "{% if is_tax %}The last day for your tax deduction{% if year %} for {{ year }}{% endif %} "
        "is {{ day }}.{% else %}A day to keep in mind{% if about %} for {{ about }}{% endif %}: "
        "{{ day }}.{% endif %} {{ link }}"
    ),
    ("deadline.near", "ru", "plain"): (
        "{% if is_tax %}Последний день для налогового вычета{% if year %} за {{ year }} год"
        "{% endif %}{% else %}Важная дата{% if about %} по «{{ about }}»{% endif %}{% endif %}: "
        "{{ day }} {{ link }}"
    ),
}

HELLO_EN = "Hello{% if name %} {{ name }}{% endif %},\n\n"
HELLO_RU = "Здравствуйте{% if name %}, {{ name }}{% endif %}!\n\n"
PAGE_EN = "Every price, date and figure behind this is on your own page:\n\n{{ link }}"
PAGE_RU = "Все цены, даты и суммы собраны на вашей личной странице:\n\n{{ link }}"
LIST_EN = (
    "{% for one in moves %}{{ one.what }}: {{ one.by }} {% if one.falls %}down{% else %}up"
    "{% endif %} since {% if one.since %}{{ one.since }}{% else %}its purchase{% endif %}\n"
    "{% endfor %}\n"
)
LIST_RU = (
    "{% for one in moves %}«{{ one.what }}»: {% if one.falls %}снижение{% else %}рост{% endif %} на "
    "{{ one.by }} с {% if one.since %}{{ one.since }}{% else %}момента покупки{% endif %}\n"
    "{% endfor %}\n"
)
EMAIL = {
    ("holding.moved", "en", "plain"): (
        "Your holdings have moved",
        f"{HELLO_EN}with the prices of {{{{ day }}}} these holdings of yours went through a "
        f"threshold that we tell you of:\n\n{LIST_EN}{PAGE_EN}",
    ),
    ("holding.moved", "en", "gentle"): (
        "How your holdings stand",
        f"{HELLO_EN}prices have fallen, and some of what you hold with them. We tell you at each "
        "step of this kind, so that you know exactly where you stand. With the prices of "
        f"{{{{ day }}}}:\n\n{LIST_EN}{PAGE_EN}",
    ),
    ("holding.moved", "ru", "plain"): (
        "Изменилась стоимость ваших вложений",
        f"{HELLO_RU}По ценам на {{{{ day }}}} эти вложения прошли порог, о котором мы вам "
        f"сообщаем:\n\n{LIST_RU}{PAGE_RU}",
    ),
    ("holding.moved", "ru", "gentle"): (
        "Как обстоят дела с вашими вложениями",
        f"{HELLO_RU}Цены снизились, а с ними и часть ваших вложений. Мы сообщаем о каждом таком "
        "шаге, чтобы вы точно знали, как обстоят дела. По ценам на "
        f"{{{{ day }}}}:\n\n{LIST_RU}{PAGE_RU}",
    ),
    ("deadline.near", "en", "plain"): (
        "{% if is_tax %}Your tax deduction{% else %}A day to keep in mind{% endif %}: {{ day }}",
        f"{HELLO_EN}"
        "{% if is_tax %}the last day to ask for your tax deduction{% if year %} for {{ year }}"
        "{% endif %} is {{ day }}.{% else %}please keep in mind: {{ day }} is the last day for "
        "something that we need from you.{% endif %}\n\n"
        "{% if about %}It concerns {{ about }}.{% endif %}\n\n"
        "{% if amount %}Up to {{ amount }} can still be had, where the law's conditions are met."
        f"{{% endif %}}\n\n{PAGE_EN}",
    ),
    ("deadline.near", "ru", "plain"): (
        "{% if is_tax %}Налоговый вычет{% else %}Важная дата{% endif %}: {{ day }}",
        f"{HELLO_RU}"
        "{% if is_tax %}Последний день, чтобы подать на налоговый вычет{% if year %} за {{ year }} "
        "год{% endif %}: {{ day }}{% else %}Напоминаем о важной дате: {{ day }}{% endif %}\n\n"
        "{% if about %}Это касается: «{{ about }}».{% endif %}\n\n"
        "{% if amount %}Ещё доступно до {{ amount }}, если выполнены условия закона."
        f"{{% endif %}}\n\n{PAGE_RU}",
    ),
}


def publish(apps, schema_editor):
    Template = apps.get_model("messaging", "Template")
    Version = apps.get_model("messaging", "TemplateVersion")
    Listening = apps.get_model("events", "Listening")
    templates = {
        code: Template.objects.get_or_create(code=code, defaults={"name": name, "purpose": SERVICE})[0]
        for code, name in TEMPLATES.items()
    }
    texts = {("sms", *key): ("", body) for key, body in SMS.items()}
    texts |= {("email", *key): text for key, text in EMAIL.items()}
    Version.objects.bulk_create(
        [
            Version(
                template=templates[code], channel=channel, language=language, variant=variant,
                state="published", subject=subject, body=body,
            )
            for (channel, code, language, variant), (subject, body) in texts.items()
        ],
        ignore_conflicts=True,
    )
    for code in TEMPLATES:
        Listening.objects.get_or_create(listener="messaging", kind=code)


class Migration(migrations.Migration):
    dependencies = [("messaging", "0007_contracts_worded"), ("events", "0001_initial")]
    operations = [migrations.RunPython(publish, migrations.RunPython.noop)]
