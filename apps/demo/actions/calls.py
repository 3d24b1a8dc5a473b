"""Work for the demo's advisers: a few clients agreed to calls, and two asked for one."""

from datetime import datetime, timedelta

from apps.advisers.actions.opening import Wish, open_task
from apps.messaging.actions import inbound
from apps.messaging.actions.letters import sample
from apps.messaging.actions.passing_on import AT_ONCE
from apps.messaging.models.content import TemplateVersion
from apps.messaging.models.outbox import Notice
from apps.messaging.models.providers import Provider
from apps.profiles.actions.consents import Answer, record_consents
from apps.profiles.models import Channel, Client, ContactPoint, Purpose

CALLED = 5  # of those whose strategy ended last
ASKED = {"en": "Please call me, what is a barrier?", "ru": "Перезвоните мне, пожалуйста"}
HOURS = 9  # between the moments at which calls were asked for


def ask_for_calls(*, at: datetime) -> None:
    """Put calls into the advisers' queue, some of them overdue; doing it again changes nothing."""
    Provider.objects.filter(channel=Channel.CALL).update(options={AT_ONCE: True})
    words = {
        (version.template_id, version.language): version
        for version in TemplateVersion.objects.filter(
            channel=Channel.CALL, state=TemplateVersion.State.PUBLISHED
        )
    }
    ended = Notice.objects.filter(template__in={template for template, _language in words})
    rows = ended.select_related("client", "template").order_by("-created_at", "pk")
    for place, notice in enumerate(rows[:CALLED]):
        version = words.get((notice.template_id, notice.client.language))
        if version is not None:
            ask_to_tell(notice, version, at=at - timedelta(hours=place * HOURS))
    for language, text in ASKED.items():
        client = Client.objects.filter(language=language, contact_points__channel="sms").earliest(
            "pk"
        )
        said = inbound.Said(phone_of(client).address, text, f"demo-{language}")
        inbound.receive("sms-gateway", Channel.SMS, [said], at=at)


def ask_to_tell(notice: Notice, version: TemplateVersion, *, at: datetime) -> None:
    client = notice.client
    agreed = Answer(client.pk, Purpose.SERVICE, Channel.CALL, True, "1", "demo")  # noqa: FBT003
    record_consents([agreed], at=at)
    title, script = sample(notice, version, at=at)
    open_task(
        Wish(
            key=f"demo:{notice.pk}",
            client=client.pk,
            contact_point=phone_of(client).pk,
            title=title,
            script=script,
            language=version.language,
            purpose=Purpose.SERVICE,
            source="demo",
            about=notice.subject,
        ),
        at=at,
    )


def phone_of(client: Client) -> ContactPoint:
    return client.contact_points.filter(channel=Channel.SMS).latest("pk")
