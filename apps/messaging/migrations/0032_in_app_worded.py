"""The words of notices in the issuer's own site and app: their title, their text, how they are shown.

Whoever reads them is signed in, so they may name sums; the button below opens the client's page. What
we told wrongly before must be acknowledged.
"""

from django.db import migrations

BANNER, POPUP, BLOCKING = "banner", "popup", "blocking"
DISPLAYS = {
    "coupon.accrued": BANNER, "coupon.saved": BANNER, "coupon.lost": POPUP,
    "strategy.called": POPUP, "strategy.matured": POPUP, "result.corrected": BLOCKING,
    "payment.paid": BANNER, "payment.due": BANNER, "policy.maturing": POPUP,
    "deadline.near": BANNER,
}  # fmt: skip
WORDS = {
    ("coupon.accrued", "en"): (
        "Your coupon is accrued",
        "{{ strategy }}: {{ amount }}{% if pays_on %}, to be paid on {{ pays_on }}{% endif %}.",
    ),
    ("coupon.saved", "en"): (
        "Your coupon is remembered",
        "{{ strategy }}: the coupon was not paid this time. {{ remembered }} is remembered for the "
        "next one that pays.",
    ),
    ("coupon.lost", "en"): (
        "No coupon this time",
        "{{ strategy }}: the condition of the coupon was not met."
        "{% if next_on %} The shares are looked at again on {{ next_on }}.{% endif %}",
    ),
    ("strategy.called", "en"): (
        "{{ strategy }} has ended early",
        "It was called, as its terms foresee{% if amount %}, with a coupon of {{ amount }}{% endif %}."
        "{% if redemption %} The amount to be paid back is {{ redemption }}.{% endif %}",
    ),
    ("strategy.matured", "en"): (
        "{{ strategy }} has reached its end",
        "{% if amount %}The last coupon is {{ amount }}. {% endif %}"
        "{% if redemption %}The amount to be paid back is {{ redemption }}. {% endif %}"
        "Every figure is on your page.",
    ),
    ("result.corrected", "en"): (
        "What we told you was wrong",
        "{% if strategy %}{{ strategy }}{% if observed_on %}, {{ observed_on }}{% endif %}: {% endif %}"
        "a figure that we told you has been corrected. Your page shows what is correct, and why."
        "\n\nWe apologise, and ask you to confirm that you have read this.",
    ),
    ("payment.paid", "en"): (
        "Money was paid out to you",
        "{{ strategy }}: {{ amount }}, on {{ on }}.",
    ),
    ("payment.due", "en"): (
        "A payment is due soon",
        "{{ strategy }}: {{ amount }}, by {{ on }}.",
    ),
    ("policy.maturing", "en"): (
        "{{ strategy }} ends soon",
        "It reaches its end on {{ on }}. Your page shows how it stands and what follows.",
    ),
    ("deadline.near", "en"): (
        "{% if is_tax %}Your tax deduction{% if year %} for {{ year }}{% endif %}{% else %}A day to "
        "keep in mind{% endif %}",
        "{% if is_tax %}The last day for it is {{ day }}.{% else %}{% if about %}{{ about }}: "
        "{% endif %}{{ day }}.{% endif %}",
    ),
    ("coupon.accrued", "ru"): (
        "Ваш купон начислен",
        "«{{ strategy }}»: {{ amount }}{% if pays_on %}, выплата {{ pays_on }}{% endif %}.",
    ),
    ("coupon.saved", "ru"): (
        "Ваш купон запомнен",
        "«{{ strategy }}»: купон в этот раз не выплачен. Запомнено {{ remembered }}, выплата при "
        "выполнении условия.",
    ),
    ("coupon.lost", "ru"): (
        "В этот раз без купона",
        "«{{ strategy }}»: условие купона не выполнено."
        "{% if next_on %} Следующая дата наблюдения: {{ next_on }}.{% endif %}",
    ),
    ("strategy.called", "ru"): (
        "«{{ strategy }}»: досрочный отзыв",
        "Стратегия отозвана по её условиям{% if amount %}, купон {{ amount }}{% endif %}."
        "{% if redemption %} Сумма к возврату: {{ redemption }}.{% endif %}",
    ),
    ("strategy.matured", "ru"): (
        "Срок «{{ strategy }}» истёк",
        "{% if amount %}Последний купон: {{ amount }}. {% endif %}"
        "{% if redemption %}Сумма к возврату: {{ redemption }}. {% endif %}"
        "Все суммы на вашей странице.",
    ),
    ("result.corrected", "ru"): (
        "Мы сообщили неверные данные",
        "{% if strategy %}«{{ strategy }}»{% if observed_on %}, {{ observed_on }}{% endif %}: {% endif %}"
        "сумма, о которой мы писали, исправлена. Как верно и почему, видно на вашей странице."
        "\n\nПриносим извинения и просим подтвердить, что вы это прочли.",
    ),
    ("payment.paid", "ru"): (
        "Вам выплачены деньги",
        "«{{ strategy }}»: {{ amount }}, {{ on }}.",
    ),
    ("payment.due", "ru"): (
        "Скоро срок платежа",
        "«{{ strategy }}»: {{ amount }}, до {{ on }}.",
    ),
    ("policy.maturing", "ru"): (
        "Срок «{{ strategy }}» скоро истекает",
        "Последний день: {{ on }}. Что будет дальше, видно на вашей странице.",
    ),
    ("deadline.near", "ru"): (
        "{% if is_tax %}Налоговый вычет{% if year %} за {{ year }} год{% endif %}{% else %}Важная дата"
        "{% endif %}",
        "{% if is_tax %}Последний день: {{ day }}.{% else %}{% if about %}«{{ about }}»: {% endif %}"
        "{{ day }}.{% endif %}",
    ),
}


def publish(apps, schema_editor):
    Template = apps.get_model("messaging", "Template")
    Version = apps.get_model("messaging", "TemplateVersion")
    templates = Template.objects.filter(code__in=DISPLAYS).in_bulk(field_name="code")
    Version.objects.bulk_create(
        [
            Version(
                template=templates[code], channel="in_app", language=language, variant="plain",
                state="published", display=DISPLAYS[code], subject=title, body=text,
            )
            for (code, language), (title, text) in WORDS.items()
            if code in templates
        ],
        ignore_conflicts=True,
    )  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("messaging", "0031_pushes_worded")]
    operations = [migrations.RunPython(publish, migrations.RunPython.noop)]
