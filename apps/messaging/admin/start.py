"""What messaging tells the start page: messages that failed, and today's messages and visits."""

from collections.abc import Iterable
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core.admin.display import list_url, page_url
from apps.core.site import COUNTED, Concern, Figure, Line, concerns, figures
from apps.messaging.models.links import Hit
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.queries.desk import (
    REMEMBERED,
    broken_messages,
    broken_notices,
    opened_today,
    sent_today,
)
from apps.messaging.queries.reasons import said
from apps.profiles.models import Channel

SHOWN = 5
ICONS = {Channel.SMS: "sms", Channel.EMAIL: "mail"}


def since(field: str, at: datetime) -> dict[str, str]:
    """Return the list's filter for what is remembered, as its own form would write it."""
    begin = timezone.localtime(at - REMEMBERED)
    return {f"{field}_from_0": f"{begin:%Y-%m-%d}", f"{field}_from_1": f"{begin:%H:%M:%S}"}


@concerns("messaging.view_message")
def messages_broken(at: datetime) -> Iterable[Concern]:
    titles = {
        Message.State.FAILED: _("Messages that failed"),
        Message.State.UNKNOWN: _("Messages of which nobody knows whether they were sent"),
    }
    for state, title in titles.items():
        rows = broken_messages(state, at=at)
        yield Concern(
            title=title,
            count=rows[: COUNTED + 1].count(),
            url=list_url(Message, state__exact=state, **since("queued_at", at)),
            lines=[
                Line(
                    f"{row.notice.template} → {row.notice.client}",
                    f"{row.get_channel_display()}: "
                    + said(row.reason, row.channel, template=row.notice.template),
                    page_url(row),
                )
                for row in rows[:SHOWN]
            ],
            tone="bad",
            icon="sms_failed",
        )


@concerns("messaging.view_notice")
def notices_broken(at: datetime) -> Iterable[Concern]:
    rows = broken_notices(at=at)
    yield Concern(
        title=_("News that could not be worded"),
        count=rows[: COUNTED + 1].count(),
        url=list_url(
            Notice,
            state__exact=Notice.State.FAILED,
            **since("created_at", at),
        ),
        lines=[
            Line(str(row), said(row.reason, template=row.template), page_url(row))
            for row in rows[:SHOWN]
        ],
        tone="bad",
        icon="edit_off",
    )


@figures("messaging.view_message")
def messages_today(at: datetime) -> Iterable[Figure]:
    sent = sent_today(at=at)
    for channel in (Channel.SMS, Channel.EMAIL, *sorted(set(sent) - {"sms", "email"})):
        yield Figure(
            label=_("Sent by %(channel)s") % {"channel": Channel(channel).label},
            value=str(sent.get(channel, 0)),
            url=list_url(Message, channel__exact=channel),
            icon=ICONS.get(Channel(channel), "notifications"),
        )


@figures("messaging.view_hit")
def pages_opened(at: datetime) -> Iterable[Figure]:
    visits, clients = opened_today(at=at)
    yield Figure(
        label=_("Pages opened"),
        value=str(visits),
        note=ngettext("by %d client", "by %d clients", clients) % clients,
        url=list_url(Hit, verdict__exact=Hit.Verdict.HUMAN),
        icon="ads_click",
    )
