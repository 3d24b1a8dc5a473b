"""The words of a correction: what we told, what is correct and why; approved before they go out."""

from django.db import migrations
from django.utils.translation import gettext_noop as _

CODE, NAME, SERVICE = "result.corrected", _("Correction of what we told"), "service"


def said_en(which):
    return (
        f"{{% if line.{which}.redemption %}}{{{{ line.{which}.redemption }}}} of capital to be paid "
        f"back{{% if line.{which}.amount %}} and {{% endif %}}{{% endif %}}"
        f"{{% if line.{which}.amount %}}a coupon of {{{{ line.{which}.amount }}}}"
        f"{{% elsif line.{which}.remembered %}}no coupon, {{{{ line.{which}.remembered }}}} remembered"
        f"{{% elsif line.{which}.redemption %}}{{% else %}}no coupon{{% endif %}}"
    )


def said_ru(which):
    return (
        f"{{% if line.{which}.redemption %}}{{{{ line.{which}.redemption }}}} капитала к возврату"
        f"{{% if line.{which}.amount %}} и {{% endif %}}{{% endif %}}"
        f"{{% if line.{which}.amount %}}купон {{{{ line.{which}.amount }}}}"
        f"{{% elsif line.{which}.remembered %}}без купона, запомнено {{{{ line.{which}.remembered }}}}"
        f"{{% elsif line.{which}.redemption %}}{{% else %}}без купона{{% endif %}}"
    )


def short_en(which):
    return (
        f"{{% if {which}.amount %}}a coupon of {{{{ {which}.amount }}}}"
        f"{{% elsif {which}.redemption %}}{{{{ {which}.redemption }}}} paid back"
        f"{{% elsif {which}.remembered %}}{{{{ {which}.remembered }}}} remembered"
        "{% else %}no coupon{% endif %}"
    )


def short_ru(which):
    return (
        f"{{% if {which}.amount %}}купон {{{{ {which}.amount }}}}"
        f"{{% elsif {which}.redemption %}}возврат {{{{ {which}.redemption }}}}"
        f"{{% elsif {which}.remembered %}}запомнено {{{{ {which}.remembered }}}}"
        "{% else %}без купона{% endif %}"
    )


SMS_EN = (
    "{{ strategy }}, {{ observed_on }}: we told you "
    + short_en("told")
    + "; correct is "
    + short_en("correct")
    + "{% if share %}, because the price of {{ share }} was corrected{% endif %}. {{ link }}"
)
SMS_RU = (
    "«{{ strategy }}»: {% if share %}цена {{ share }} исправлена. {% endif %}Верно: "
    + short_ru("correct")
    + ", а не "
    + short_ru("told")
    + ". {{ link }}"
)
EMAIL_EN = (
    "{{ strategy }}: a correction",
    "Hello{% if name %} {{ name }}{% endif %},\n\n"
    "we told you something about your contract that was wrong, and we apologise. "
    "{% if prices %}The reason: the closing price of {% for price in prices %}"
    "{% unless forloop.first %}, {% endunless %}{{ price.share }} for {{ price.day }}{% endfor %} "
    "was corrected.{% else %}The reason: the figures that it was computed from were corrected."
    "{% endif %}\n\n"
    "{% for line in lines %}"
    "{{ line.strategy }}, {{ line.observed_on }}.\n"
    f"We told you: {said_en('told')}.\n"
    f"Correct is: {said_en('correct')}.\n\n"
    "{% endfor %}"
    "You need not do anything. What is owed to you will be paid; nothing is taken from you without "
    "a word with you first.\n\n"
    "Every share, date and figure is on your own page:\n\n{{ link }}",
)
EMAIL_RU = (
    "«{{ strategy }}»: исправление",
    "Здравствуйте{% if name %}, {{ name }}{% endif %}!\n\n"
    "Ранее мы сообщили вам неверные данные о вашем договоре, приносим извинения. "
    "{% if prices %}Причина: исправлена цена закрытия {% for price in prices %}"
    "{% unless forloop.first %}, {% endunless %}{{ price.share }} за {{ price.day }}{% endfor %}."
    "{% else %}Причина: исправлены данные, по которым велся расчёт.{% endif %}\n\n"
    "{% for line in lines %}"
    "«{{ line.strategy }}», {{ line.observed_on }}.\n"
    f"Мы сообщали: {said_ru('told')}.\n"
    f"Верно: {said_ru('correct')}.\n\n"
    "{% endfor %}"
    "Делать ничего не нужно. Что вам причитается, будет выплачено; без разговора с вами мы ничего "
    "не удержим.\n\n"
    "Все акции, даты и суммы собраны на вашей личной странице:\n\n{{ link }}",
)
TEXTS = {
    ("sms", "en"): ("", SMS_EN),
    ("sms", "ru"): ("", SMS_RU),
    ("email", "en"): EMAIL_EN,
    ("email", "ru"): EMAIL_RU,
}

# News of results so far names its event, which knows the result.
KNOW_RESULTS = """
UPDATE messaging_notice AS notice SET result_id = (event.properties ->> 'result')::bigint
FROM events_event AS event
WHERE notice.dedupe_key LIKE 'coupon:%' AND notice.source LIKE 'event:%'
    AND event.id = substr(notice.source, 7)::bigint AND event.properties ? 'result'
"""


def publish(apps, schema_editor):
    Template = apps.get_model("messaging", "Template")
    Version = apps.get_model("messaging", "TemplateVersion")
    template, _made = Template.objects.get_or_create(
        code=CODE, defaults={"name": NAME, "purpose": SERVICE}
    )
    Version.objects.bulk_create(
        [
            Version(
                template=template, channel=channel, language=language, variant="plain",
                state="published", subject=subject, body=body,
            )
            for (channel, language), (subject, body) in TEXTS.items()
        ],
        ignore_conflicts=True,
    )
    apps.get_model("events", "Listening").objects.get_or_create(listener="messaging", kind=CODE)


class Migration(migrations.Migration):
    dependencies = [("messaging", "0005_corrections"), ("events", "0001_initial")]
    operations = [
        migrations.RunSQL(KNOW_RESULTS, migrations.RunSQL.noop),
        migrations.RunPython(publish, migrations.RunPython.noop),
    ]
