"""What advisers say when a strategy has ended: early, or on its last date.

Read aloud by a person, so it holds no link; whether anybody is called a template or a step of its
cascade says, and of itself none of ours does.
"""

from django.db import migrations

HELLO_EN = (
    "Good day{% if name %}, may I speak to {{ name }}{% endif %}? This is {{ issuer }}.\n\n"
)
BACK_EN = (
    "{% if redemption %}You get {{ redemption }} back"
    "{% if amount %}, and a coupon of {{ amount }}{% endif %}."
    "{% elsif amount %}You get a last coupon of {{ amount }}.{% endif %}"
    "{% if pays_on %} The money is to be paid on {{ pays_on }}.{% endif %}\n\n"
)
END_EN = "Your own page shows every figure. Would you like to hear what could follow?"
HELLO_RU = "Здравствуйте{% if name %}, {{ name }}{% endif %}! Это {{ issuer }}.\n\n"
BACK_RU = (
    "{% if redemption %}Вам возвращается {{ redemption }}"
    "{% if amount %} и купон {{ amount }}{% endif %}."
    "{% elsif amount %}Ваш последний купон: {{ amount }}.{% endif %}"
    "{% if pays_on %} Дата выплаты: {{ pays_on }}.{% endif %}\n\n"
)
END_RU = "Все суммы есть на вашей странице. Рассказать, какие есть варианты дальше?"

CALLS = {
    ("strategy.called", "en"): (
        "{{ strategy }} has ended early",
        HELLO_EN + "I am calling about {{ strategy }}. On {{ observed_on }} its shares met the "
        "condition that its terms set for this, and it has ended early.\n\n" + BACK_EN + END_EN,
    ),
    ("strategy.matured", "en"): (
        "{{ strategy }} has reached its end",
        HELLO_EN + "I am calling about {{ strategy }}. On {{ observed_on }} it reached its last "
        "date. Thank you for having stayed with it.\n\n" + BACK_EN + END_EN,
    ),
    ("strategy.called", "ru"): (
        "«{{ strategy }}»: досрочный отзыв",
        HELLO_RU + "Я звоню по поводу стратегии «{{ strategy }}». {{ observed_on }} её акции "
        "достигли барьера отзыва, и по своим условиям она завершилась досрочно.\n\n"
        + BACK_RU + END_RU,
    ),
    ("strategy.matured", "ru"): (
        "Срок стратегии «{{ strategy }}» истёк",
        HELLO_RU + "Я звоню по поводу стратегии «{{ strategy }}». {{ observed_on }} наступила её "
        "последняя дата. Спасибо, что оставались с нами до конца срока.\n\n" + BACK_RU + END_RU,
    ),
}  # fmt: skip


def publish(apps, schema_editor):
    templates = apps.get_model("messaging", "Template").objects.in_bulk(field_name="code")
    version = apps.get_model("messaging", "TemplateVersion")
    version.objects.bulk_create(
        [
            version(
                template=templates[code], channel="call", language=language, variant="plain",
                state="published", subject=subject, body=body,
            )
            for (code, language), (subject, body) in CALLS.items()
            if code in templates
        ],
        ignore_conflicts=True,
    )  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("messaging", "0032_in_app_worded")]
    operations = [migrations.RunPython(publish, migrations.RunPython.noop)]
