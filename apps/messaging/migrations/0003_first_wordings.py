"""The first words: every occasion in English and Russian, as published; marketers go on from here.

An SMS holds one thought and the link; Russian ones are kept to two parts. The gentle variant is
for a portfolio below its start. A wording promises nothing and presses for nothing.
"""

from django.db import migrations
from django.utils.translation import gettext_noop as _

SERVICE, DIGEST, NO_CONSENT_NEEDED = "service", "digest", ""

TEMPLATES = {
    "coupon.accrued": (_("Coupon accrued"), SERVICE),
    "coupon.saved": (_("Coupon remembered"), SERVICE),
    "coupon.lost": (_("No coupon this time"), SERVICE),
    "strategy.called": (_("Strategy called early"), SERVICE),
    "strategy.matured": (_("Strategy matured"), SERVICE),
    "digest.monthly": (_("Monthly digest"), DIGEST),
    "email.confirm": (_("Confirm the e-mail address"), NO_CONSENT_NEEDED),
}

SMS = {
    ("coupon.accrued", "en", "plain"): (
        "Your coupon of {{ amount }} on {{ strategy }} is accrued"
        "{% if pays_on %}, to be paid on {{ pays_on }}{% endif %}. {{ link }}"
    ),
    ("coupon.accrued", "en", "gentle"): (
        "The shares of {{ strategy }} are below their start, yet your coupon of {{ amount }} is "
        "accrued. How they stand: {{ link }}"
    ),
    ("coupon.saved", "en", "plain"): (
        "{{ strategy }}: the coupon was not paid this time. {{ remembered }} is remembered for the "
        "next one that pays. {{ link }}"
    ),
    ("coupon.saved", "en", "gentle"): (
        "{{ strategy }}: the market was low, so the coupon was not paid. {{ remembered }} is not "
        "lost, it is remembered. How the shares stand: {{ link }}"
    ),
    ("coupon.lost", "en", "plain"): (
        "{{ strategy }}: no coupon this time, its condition was not met."
        "{% if next_on %} The next date is {{ next_on }}.{% endif %} {{ link }}"
    ),
    ("coupon.lost", "en", "gentle"): (
        "{{ strategy }}: the market was low and there is no coupon this time."
        "{% if next_on %} The next date is {{ next_on }}.{% endif %} How the shares stand: {{ link }}"
    ),
    ("strategy.called", "en", "plain"): (
        "{{ strategy }} has ended early, as its terms foresee"
        "{% if amount %}, with a coupon of {{ amount }}{% endif %}. Your figures: {{ link }}"
    ),
    ("strategy.matured", "en", "plain"): (
        "{{ strategy }} has reached its end"
        "{% if amount %}, with a last coupon of {{ amount }}{% endif %}. Your figures: {{ link }}"
    ),
    ("digest.monthly", "en", "plain"): (
        "{{ month }}: policies {{ policies }}"
        "{% if accrued %}, accrued so far {{ accrued | join: ', ' }}{% endif %}"
        "{% if remembered %}, remembered {{ remembered | join: ', ' }}{% endif %}. {{ link }}"
    ),
    ("coupon.accrued", "ru", "plain"): (
        "Ваш купон {{ amount }} по «{{ strategy }}» начислен"
        "{% if pays_on %}, выплата {{ pays_on }}{% endif %}. {{ link }}"
    ),
    ("coupon.accrued", "ru", "gentle"): (
        "Акции «{{ strategy }}» ниже начальных цен, но купон {{ amount }} начислен. {{ link }}"
    ),
    ("coupon.saved", "ru", "plain"): (
        "«{{ strategy }}»: купон запомнен, {{ remembered }} ждут выполнения условия. {{ link }}"
    ),
    ("coupon.saved", "ru", "gentle"): (
        "«{{ strategy }}»: рынок снизился, но купон не потерян: запомнено {{ remembered }}. "
        "{{ link }}"
    ),
    ("coupon.lost", "ru", "plain"): (
        "«{{ strategy }}»: в этот раз без купона."
        "{% if next_on %} Следующая дата {{ next_on }}.{% endif %} {{ link }}"
    ),
    ("coupon.lost", "ru", "gentle"): (
        "«{{ strategy }}»: рынок снизился, купона нет."
        "{% if next_on %} Следующая дата {{ next_on }}.{% endif %} {{ link }}"
    ),
    ("strategy.called", "ru", "plain"): (
        "«{{ strategy }}»: досрочный отзыв по условиям стратегии"
        "{% if amount %}, купон {{ amount }}{% endif %}. {{ link }}"
    ),
    ("strategy.matured", "ru", "plain"): (
        "Срок стратегии «{{ strategy }}» истёк"
        "{% if amount %}, последний купон {{ amount }}{% endif %}. {{ link }}"
    ),
    ("digest.monthly", "ru", "plain"): (
        "{{ month | capitalize }}: полисов {{ policies }}"
        "{% if accrued %}, начислено {{ accrued | join: ', ' }}{% endif %}"
        "{% if remembered %}, запомнено {{ remembered | join: ', ' }}{% endif %}. {{ link }}"
    ),
}

HELLO_EN = "Hello{% if name %} {{ name }}{% endif %},\n\n"
HELLO_RU = "Здравствуйте{% if name %}, {{ name }}{% endif %}!\n\n"
SHARES_EN = (
    "{% if worst %}On {{ observed_on }} the lowest share of the basket, {{ worst }}, closed at "
    "{{ worst_level }} of its initial price.{% endif %}\n\n"
)
SHARES_RU = (
    "{% if worst %}{{ observed_on }} самая слабая акция корзины, {{ worst }}, закрылась на уровне "
    "{{ worst_level }} начальной цены.{% endif %}\n\n"
)
NEXT_EN = "{% if next_on %}The shares are looked at again on {{ next_on }}.{% endif %}\n\n"
NEXT_RU = "{% if next_on %}Следующая дата наблюдения: {{ next_on }}.{% endif %}\n\n"
PAGE_EN = "Every share, date and figure is on your own page:\n\n{{ link }}"
PAGE_RU = "Все акции, даты и суммы собраны на вашей личной странице:\n\n{{ link }}"
ON_EN = "{{ strategy }}{% if tranche %} ({{ tranche }}){% endif %}"
ON_RU = "«{{ strategy }}»{% if tranche %} ({{ tranche }}){% endif %}"
BACK_EN = "{% if redemption %}The amount to be paid back is {{ redemption }}.{% endif %} "
BACK_RU = "{% if redemption %}Сумма к возврату: {{ redemption }}.{% endif %} "
PAYS_EN = "{% if pays_on %}The payment day is {{ pays_on }}.{% endif %}\n\n"
PAYS_RU = "{% if pays_on %}День выплаты: {{ pays_on }}.{% endif %}\n\n"

EMAIL = {
    ("coupon.accrued", "en", "plain"): (
        "Your coupon on {{ strategy }} is accrued",
        f"{HELLO_EN}Your coupon on {ON_EN} is accrued: {{{{ amount }}}}. {PAYS_EN}"
        f"{SHARES_EN}{NEXT_EN}{PAGE_EN}",
    ),
    ("coupon.accrued", "en", "gentle"): (
        "Your coupon on {{ strategy }} is accrued",
        f"{HELLO_EN}The shares of {ON_EN} are below their start for now. Your coupon has its own "
        f"condition, and it was met: {{{{ amount }}}} is accrued. {PAYS_EN}"
        f"{SHARES_EN}{NEXT_EN}{PAGE_EN}",
    ),
    ("coupon.saved", "en", "plain"): (
        "{{ strategy }}: the coupon is remembered",
        f"{HELLO_EN}The coupon on {ON_EN} was not paid this time, because its condition was not "
        "met. It is remembered: {{ remembered }} will be added to the next coupon whose condition "
        f"is met.\n\n{SHARES_EN}{NEXT_EN}{PAGE_EN}",
    ),
    ("coupon.saved", "en", "gentle"): (
        "{{ strategy }}: the coupon is remembered",
        f"{HELLO_EN}The market has been low, and the coupon on {ON_EN} was not paid this time. "
        "It is not lost: {{ remembered }} is remembered and will be added to the next coupon whose "
        f"condition is met. You need not do anything.\n\n{SHARES_EN}{NEXT_EN}{PAGE_EN}",
    ),
    ("coupon.lost", "en", "plain"): (
        "{{ strategy }}: no coupon this time",
        f"{HELLO_EN}There is no coupon on {ON_EN} this time, because its condition was not met."
        f"\n\n{SHARES_EN}{NEXT_EN}{PAGE_EN}",
    ),
    ("coupon.lost", "en", "gentle"): (
        "{{ strategy }}: no coupon this time",
        f"{HELLO_EN}The market has been low, and there is no coupon on {ON_EN} this time. We know "
        "this is not the news you hoped for, so here is exactly how the shares stand."
        f"\n\n{SHARES_EN}{NEXT_EN}{PAGE_EN}",
    ),
    ("strategy.called", "en", "plain"): (
        "{{ strategy }} has ended early",
        f"{HELLO_EN}{ON_EN} has ended early: on {{{{ observed_on }}}} the shares met the condition "
        "that its terms set for this.\n\n"
        "{% if amount %}Your coupon is {{ amount }}.{% endif %} "
        f"{BACK_EN}{PAYS_EN}{PAGE_EN}",
    ),
    ("strategy.matured", "en", "plain"): (
        "{{ strategy }} has reached its end",
        f"{HELLO_EN}{ON_EN} has reached its last date, {{{{ observed_on }}}}. Thank you for having "
        "stayed with it.\n\n"
        "{% if amount %}Your last coupon is {{ amount }}.{% endif %} "
        f"{BACK_EN}{PAYS_EN}{PAGE_EN}",
    ),
    ("digest.monthly", "en", "plain"): (
        "Your month: {{ month }}",
        f"{HELLO_EN}Here is where your policies stood at the end of {{{{ month }}}}.\n\n"
        "Policies: {{ policies }}\n"
        "{% if accrued %}Coupons accrued so far: {{ accrued | join: ', ' }}\n{% endif %}"
        "{% if remembered %}Remembered for later: {{ remembered | join: ', ' }}\n{% endif %}"
        "{% if next_on %}Next date: {{ next_on }}{% endif %}\n\n"
        f"{PAGE_EN}",
    ),
    ("email.confirm", "en", "plain"): (
        "Please confirm your e-mail address",
        f"{HELLO_EN}You asked us to send news about your contracts to this address. One press "
        "confirms that it is yours:\n\n{{ confirm_url }}\n\n"
        "If it was not you, simply leave this letter unanswered: nothing will be sent here.",
    ),
    ("coupon.accrued", "ru", "plain"): (
        "Купон по «{{ strategy }}» начислен",
        f"{HELLO_RU}Ваш купон по {ON_RU} начислен: {{{{ amount }}}}. {PAYS_RU}"
        f"{SHARES_RU}{NEXT_RU}{PAGE_RU}",
    ),
    ("coupon.accrued", "ru", "gentle"): (
        "Купон по «{{ strategy }}» начислен",
        f"{HELLO_RU}Акции {ON_RU} сейчас ниже своих начальных цен. У купона своё условие, и оно "
        f"выполнено: {{{{ amount }}}} начислено. {PAYS_RU}"
        f"{SHARES_RU}{NEXT_RU}{PAGE_RU}",
    ),
    ("coupon.saved", "ru", "plain"): (
        "«{{ strategy }}»: купон запомнен",
        f"{HELLO_RU}Купон по {ON_RU} в этот раз не выплачивается: его условие не выполнено. Он "
        "запомнен: {{ remembered }} добавятся к ближайшему купону, условие которого будет "
        f"выполнено.\n\n{SHARES_RU}{NEXT_RU}{PAGE_RU}",
    ),
    ("coupon.saved", "ru", "gentle"): (
        "«{{ strategy }}»: купон запомнен",
        f"{HELLO_RU}Рынок снизился, и купон по {ON_RU} в этот раз не выплачивается. Он не потерян: "
        "запомнено {{ remembered }}, эта сумма добавится к ближайшему купону, условие которого будет "
        f"выполнено. Делать ничего не нужно.\n\n{SHARES_RU}{NEXT_RU}{PAGE_RU}",
    ),
    ("coupon.lost", "ru", "plain"): (
        "«{{ strategy }}»: в этот раз без купона",
        f"{HELLO_RU}По {ON_RU} в этот раз купона нет: его условие не выполнено."
        f"\n\n{SHARES_RU}{NEXT_RU}{PAGE_RU}",
    ),
    ("coupon.lost", "ru", "gentle"): (
        "«{{ strategy }}»: в этот раз без купона",
        f"{HELLO_RU}Рынок снизился, и по {ON_RU} в этот раз купона нет. Понимаем, что вы ждали "
        "других новостей, поэтому показываем точно, где сейчас акции."
        f"\n\n{SHARES_RU}{NEXT_RU}{PAGE_RU}",
    ),
    ("strategy.called", "ru", "plain"): (
        "«{{ strategy }}»: досрочный отзыв",
        f"{HELLO_RU}Стратегия {ON_RU} завершилась досрочно: {{{{ observed_on }}}} акции "
        "достигли барьера отзыва, который установлен её условиями.\n\n"
        "{% if amount %}Ваш купон: {{ amount }}.{% endif %} "
        f"{BACK_RU}{PAYS_RU}{PAGE_RU}",
    ),
    ("strategy.matured", "ru", "plain"): (
        "Срок стратегии «{{ strategy }}» истёк",
        f"{HELLO_RU}{{{{ observed_on }}}} наступила последняя дата стратегии {ON_RU}. Спасибо, что "
        "оставались с нами до конца её срока.\n\n"
        "{% if amount %}Ваш последний купон: {{ amount }}.{% endif %} "
        f"{BACK_RU}{PAYS_RU}{PAGE_RU}",
    ),
    ("digest.monthly", "ru", "plain"): (
        "Ваш месяц: {{ month }}",
        f"{HELLO_RU}Вот как обстояли дела с вашими полисами на конец месяца ({{{{ month }}}}).\n\n"
        "Полисов: {{ policies }}\n"
        "{% if accrued %}Начислено купонов на эту дату: {{ accrued | join: ', ' }}\n{% endif %}"
        "{% if remembered %}Запомнено на будущее: {{ remembered | join: ', ' }}\n{% endif %}"
        "{% if next_on %}Следующая дата: {{ next_on }}{% endif %}\n\n"
        f"{PAGE_RU}",
    ),
    ("email.confirm", "ru", "plain"): (
        "Подтвердите, пожалуйста, адрес почты",
        f"{HELLO_RU}Вы попросили присылать новости о ваших договорах на этот адрес. Одно нажатие "
        "подтвердит, что он ваш:\n\n{{ confirm_url }}\n\n"
        "Если это были не вы, просто оставьте письмо без ответа: сюда ничего не придёт.",
    ),
}

# What messaging asks the timeline to be told of; the digest and the confirmation come by themselves.
HEARD = [code for code in TEMPLATES if code.startswith(("coupon.", "strategy."))]


def publish(apps, schema_editor):
    Template = apps.get_model("messaging", "Template")
    Version = apps.get_model("messaging", "TemplateVersion")
    Listening = apps.get_model("events", "Listening")
    templates = {
        code: Template.objects.get_or_create(code=code, defaults={"name": name, "purpose": purpose})[0]
        for code, (name, purpose) in TEMPLATES.items()
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
    Listening.objects.bulk_create(
        [Listening(listener="messaging", kind=kind) for kind in HEARD], ignore_conflicts=True
    )


class Migration(migrations.Migration):
    dependencies = [("messaging", "0002_message_handed_over"), ("events", "0001_initial")]
    operations = [migrations.RunPython(publish, migrations.RunPython.noop)]
