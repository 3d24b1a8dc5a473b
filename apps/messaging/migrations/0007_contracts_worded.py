"""The words for a contract's dates and money; an observation that is near is told where one wants."""

from django.db import migrations
from django.utils.translation import gettext_noop as _

SERVICE = "service"
TEMPLATES = {
    "payment.paid": _("Paid out"),
    "payment.due": _("Payment due soon"),
    "policy.maturing": _("Contract ends soon"),
    "observation.near": _("Observation is near"),
}
HEARD = ("payment.paid", "payment.due", "policy.maturing")

HELLO_EN = "Hello{% if name %} {{ name }}{% endif %},\n\n"
HELLO_RU = "Здравствуйте{% if name %}, {{ name }}{% endif %}!\n\n"
ON_EN = "{{ strategy }}{% if tranche %} ({{ tranche }}){% endif %}"
ON_RU = "«{{ strategy }}»{% if tranche %} ({{ tranche }}){% endif %}"
PAGE_EN = "Every share, date and figure is on your own page:\n\n{{ link }}"
PAGE_RU = "Все акции, даты и суммы собраны на вашей личной странице:\n\n{{ link }}"

SMS = {
    ("payment.paid", "en"): (
        "{{ strategy }}: {{ amount }} was paid out to you on {{ on }}"
        "{% if redemption %}, {{ redemption }} of it capital{% endif %}. {{ link }}"
    ),
    ("payment.paid", "ru"): (
        "«{{ strategy }}»: вам выплачено {{ amount }}"
        "{% if redemption %}, из них капитал {{ redemption }}{% endif %}. {{ link }}"
    ),
    ("payment.due", "en"): (
        "{{ strategy }}: your payment of {{ amount }} is due on {{ on }}. {{ link }}"
    ),
    ("payment.due", "ru"): (
        "«{{ strategy }}»: платёж {{ amount }} ожидается {{ on }}. {{ link }}"
    ),
    ("policy.maturing", "en"): (
        "{{ strategy }} reaches its end on {{ on }}. How it stands and what follows: {{ link }}"
    ),
    ("policy.maturing", "ru"): (
        "Срок «{{ strategy }}» истекает {{ on }}. Что будет дальше: {{ link }}"
    ),
    ("observation.near", "en"): (
        "{{ strategy }}: the shares are looked at on {{ on }}. How they stand now: {{ link }}"
    ),
    ("observation.near", "ru"): (
        "«{{ strategy }}»: {{ on }} дата наблюдения. Как стоят акции: {{ link }}"
    ),
}
EMAIL = {
    ("payment.paid", "en"): (
        "{{ strategy }}: paid out",
        f"{HELLO_EN}{{{{ amount }}}} on {ON_EN} was paid out to you on {{{{ on }}}}."
        "{% if redemption %} Of this {{ redemption }} is capital that was paid back.{% endif %} "
        f"Depending on your bank it may take a few days to arrive.\n\n{PAGE_EN}",
    ),
    ("payment.paid", "ru"): (
        "«{{ strategy }}»: выплата",
        f"{HELLO_RU}{{{{ on }}}} вам выплачено {{{{ amount }}}} по {ON_RU}."
        "{% if redemption %} Из них {{ redemption }} составляет возврат капитала.{% endif %} "
        f"В зависимости от банка деньги могут идти несколько дней.\n\n{PAGE_RU}",
    ),
    ("payment.due", "en"): (
        "{{ strategy }}: a payment is due on {{ on }}",
        f"{HELLO_EN}your payment of {{{{ amount }}}} for {ON_EN} is due on {{{{ on }}}}. If it is "
        f"on its way already, you need not do anything.\n\n{PAGE_EN}",
    ),
    ("payment.due", "ru"): (
        "«{{ strategy }}»: скоро очередной платёж",
        f"{HELLO_RU}Напоминаем: {{{{ on }}}} ожидается ваш платёж {{{{ amount }}}} по {ON_RU}. Если "
        f"вы уже его отправили, делать ничего не нужно.\n\n{PAGE_RU}",
    ),
    ("policy.maturing", "en"): (
        "{{ strategy }} reaches its end on {{ on }}",
        f"{HELLO_EN}your contract on {ON_EN} reaches its end on {{{{ on }}}}. Your page shows how its "
        f"shares stand and what its terms foresee for the last day.\n\n{PAGE_EN}",
    ),
    ("policy.maturing", "ru"): (
        "Срок «{{ strategy }}» истекает {{ on }}",
        f"{HELLO_RU}Срок вашего договора по {ON_RU} истекает {{{{ on }}}}. На вашей странице видно, "
        f"как стоят акции и что условия предусматривают на последний день.\n\n{PAGE_RU}",
    ),
    ("observation.near", "en"): (
        "{{ strategy }}: an observation on {{ on }}",
        f"{HELLO_EN}on {{{{ on }}}} the shares of {ON_EN} are looked at again. Your page shows how "
        f"far each of them is from its barrier.\n\n{PAGE_EN}",
    ),
    ("observation.near", "ru"): (
        "«{{ strategy }}»: {{ on }} дата наблюдения",
        f"{HELLO_RU}{{{{ on }}}} следующая дата наблюдения по {ON_RU}. На вашей странице видно, как "
        f"далеко каждая акция от своего барьера.\n\n{PAGE_RU}",
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
                template=templates[code], channel=channel, language=language, variant="plain",
                state="published", subject=subject, body=body,
            )
            for (channel, code, language), (subject, body) in texts.items()
        ],
        ignore_conflicts=True,
    )
    Listening.objects.bulk_create(
        [Listening(listener="messaging", kind=kind) for kind in HEARD], ignore_conflicts=True
    )


class Migration(migrations.Migration):
    dependencies = [("messaging", "0006_corrections_worded"), ("events", "0001_initial")]
    operations = [migrations.RunPython(publish, migrations.RunPython.noop)]
