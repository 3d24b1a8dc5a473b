"""The words of pushes and messengers, for everything that we ship words for.

A push is read on a locked screen: it names no sum, and opens the page that has them. A messenger
says what the SMS says, as it is published here today.
"""

from django.db import migrations

SHIPPED = [
    "coupon.accrued", "coupon.saved", "coupon.lost", "strategy.called", "strategy.matured",
    "result.corrected", "payment.paid", "payment.due", "policy.maturing", "observation.near",
    "holding.moved", "deadline.near", "digest.monthly",
]  # fmt: skip

PUSH = {
    ("coupon.accrued", "en", "plain"): (
        "Your coupon on {{ strategy }} is accrued. The figures are on your page."
    ),
    ("coupon.accrued", "en", "gentle"): (
        "The shares of {{ strategy }} are below their start, yet your coupon is accrued."
    ),
    ("coupon.saved", "en", "plain"): (
        "{{ strategy }}: the coupon was not paid this time. It is remembered for the next one that "
        "pays."
    ),
    ("coupon.saved", "en", "gentle"): (
        "{{ strategy }}: the market was low, so the coupon was not paid. It is not lost, it is "
        "remembered."
    ),
    ("coupon.lost", "en", "plain"): (
        "{{ strategy }}: no coupon this time, its condition was not met."
        "{% if next_on %} The next date is {{ next_on }}.{% endif %}"
    ),
    ("coupon.lost", "en", "gentle"): (
        "{{ strategy }}: the market was low and there is no coupon this time. Your page shows how "
        "the shares stand."
    ),
    ("strategy.called", "en", "plain"): (
        "{{ strategy }} has ended early, as its terms foresee. The figures are on your page."
    ),
    ("strategy.matured", "en", "plain"): (
        "{{ strategy }} has reached its end. The figures are on your page."
    ),
    ("result.corrected", "en", "plain"): (
        "{{ strategy }}, {{ observed_on }}: what we told you was wrong. Your page shows what is "
        "correct."
    ),
    ("payment.paid", "en", "plain"): (
        "{{ strategy }}: money was paid out to you on {{ on }}. The figures are on your page."
    ),
    ("payment.due", "en", "plain"): "{{ strategy }}: a payment of yours is due on {{ on }}.",
    ("policy.maturing", "en", "plain"): (
        "{{ strategy }} reaches its end on {{ on }}. Your page shows how it stands and what follows."
    ),
    ("observation.near", "en", "plain"): (
        "{{ strategy }}: the shares are looked at on {{ on }}. Your page shows how they stand now."
    ),
    ("holding.moved", "en", "plain"): (
        "{{ what }} went through a threshold that we tell you of. Your page shows every price."
    ),
    ("deadline.near", "en", "plain"): (
        "{% if is_tax %}The last day for your tax deduction{% if year %} for {{ year }}{% endif %} "
        "is {{ day }}.{% else %}A day to keep in mind{% if about %} for {{ about }}{% endif %}: "
        "{{ day }}.{% endif %}"
    ),
    ("digest.monthly", "en", "plain"): "{{ month }}: how your contracts stood, on your page.",
    ("coupon.accrued", "ru", "plain"): (
        "Ваш купон по «{{ strategy }}» начислен. Все суммы на вашей странице."
    ),
    ("coupon.accrued", "ru", "gentle"): (
        "Акции «{{ strategy }}» ниже начальных цен, но купон начислен."
    ),
    ("coupon.saved", "ru", "plain"): (
        "«{{ strategy }}»: купон в этот раз не выплачен и запомнен до выполнения условия."
    ),
    ("coupon.saved", "ru", "gentle"): (
        "«{{ strategy }}»: рынок снизился, но купон не потерян: он запомнен."
    ),
    ("coupon.lost", "ru", "plain"): (
        "«{{ strategy }}»: в этот раз без купона."
        "{% if next_on %} Следующая дата: {{ next_on }}.{% endif %}"
    ),
    ("coupon.lost", "ru", "gentle"): (
        "«{{ strategy }}»: рынок снизился, купона в этот раз нет. Как стоят акции, видно на вашей "
        "странице."
    ),
    ("strategy.called", "ru", "plain"): (
        "«{{ strategy }}»: досрочный отзыв по условиям стратегии. Все суммы на вашей странице."
    ),
    ("strategy.matured", "ru", "plain"): (
        "Срок стратегии «{{ strategy }}» истёк. Все суммы на вашей странице."
    ),
    ("result.corrected", "ru", "plain"): (
        "«{{ strategy }}», {{ observed_on }}: мы сообщили неверные данные. Как верно, видно на вашей "
        "странице."
    ),
    ("payment.paid", "ru", "plain"): (
        "«{{ strategy }}»: {{ on }} вам выплачены деньги. Все суммы на вашей странице."
    ),
    ("payment.due", "ru", "plain"): "«{{ strategy }}»: {{ on }} ожидается ваш платёж.",
    ("policy.maturing", "ru", "plain"): (
        "Срок «{{ strategy }}» истекает {{ on }}. Что будет дальше, видно на вашей странице."
    ),
    ("observation.near", "ru", "plain"): (
        "«{{ strategy }}»: {{ on }} дата наблюдения. Как стоят акции, видно на вашей странице."
    ),
    ("holding.moved", "ru", "plain"): (
        "«{{ what }}»: пройден порог, о котором мы вам сообщаем. Все цены на вашей странице."
    ),
    ("deadline.near", "ru", "plain"): (
        "{% if is_tax %}Последний день для налогового вычета{% if year %} за {{ year }} год"
        "{% endif %}{% else %}Важная дата{% if about %} по «{{ about }}»{% endif %}{% endif %}: "
        "{{ day }}"
    ),
    ("digest.monthly", "ru", "plain"): (
        "{{ month | capitalize }}: как обстояли дела с вашими договорами, видно на вашей странице."
    ),
}


def publish(apps, schema_editor):
    Template = apps.get_model("messaging", "Template")
    Version = apps.get_model("messaging", "TemplateVersion")
    templates = Template.objects.filter(code__in=SHIPPED).in_bulk(field_name="code")
    said = Version.objects.filter(
        template__code__in=SHIPPED, channel="sms", state="published"
    ).values_list("template__code", "language", "variant", "body")
    texts = {("push", *key): body for key, body in PUSH.items()}
    texts |= {("messenger", *key): body for *key, body in said}
    Version.objects.bulk_create(
        [
            Version(
                template=templates[code], channel=channel, language=language, variant=variant,
                state="published", subject="", body=body,
            )
            for (channel, code, language, variant), body in texts.items()
            if code in templates
        ],
        ignore_conflicts=True,
    )  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("messaging", "0030_template_channels")]
    operations = [migrations.RunPython(publish, migrations.RunPython.noop)]
