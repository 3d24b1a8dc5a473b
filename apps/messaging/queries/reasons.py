"""What the gate said, in a marketer's words and his language: codes are worded when shown."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.messaging.gate import Refusal
from apps.messaging.models.content import Template
from apps.messaging.models.outbox import Notice
from apps.messaging.models.verdicts import Verdict
from apps.profiles.models import Channel, Purpose


def why(notice: Notice, verdicts: Iterable[Verdict]) -> str:
    """Say why a notice stands as it does: by its newest verdict, else as somebody wrote it."""
    newest = max(verdicts, key=lambda verdict: verdict.pk, default=None)
    if newest is not None and notice.reason in {newest.reason, ""}:
        return explain(newest, notice)
    return said(notice.reason, template=notice.template)


def explain(verdict: Verdict, notice: Notice) -> str:
    """Say what one verdict was, for every channel that it speaks of."""
    channels = verdict.inputs.get("channels") or {}
    refused = {channel: reason for channel, reason in channels.items() if reason}
    if verdict.outcome == Verdict.Outcome.GRANTED:
        return _granted(verdict)
    return _refused(refused or {"": verdict.reason}, notice.template, verdict.inputs)


def said(reason: str, channel: str = "", *, template: Template) -> str:
    """Word a stored reason: a code of the gate, or what was written as it is."""
    if reason not in set(Refusal):
        return reason
    return sentence(Refusal(reason), [channel] if channel else [], template, {})


def _granted(verdict: Verdict) -> str:
    until = verdict.inputs.get("until")
    channel = Channel(verdict.channel).label
    if not until:
        return _("May be told by %(channel)s.") % {"channel": channel}
    return _("May be told by %(channel)s, once his quiet hours are over: %(moment)s.") % {
        "channel": channel,
        "moment": moment(until),
    }


def _refused(refused: Mapping[str, str], template: Template, inputs: Mapping[str, object]) -> str:
    sentences = []
    for refusal in Refusal:
        channels = [channel for channel, reason in refused.items() if reason == refusal and channel]
        if refusal in refused.values():
            sentences.append(sentence(refusal, channels, template, inputs))
    return " ".join(sentences)


def sentence(
    refusal: Refusal, channels: list[str], template: Template, inputs: Mapping[str, object]
) -> str:
    """Say one reason, of the channels that share it."""
    most, _slash, days = str(inputs.get("most", "")).partition("/")
    values = {
        "channels": either(channels),
        "purpose": Purpose(template.purpose).label if template.purpose else "",
        "template": template,
        "group": inputs.get("group", ""),
        "by": inputs.get("by", ""),
        "offers": most,
        "days": days,
    }
    names, words = EXACT.get(refusal, ("", PLAIN[refusal]))
    return (words() if not names or values[names] else PLAIN[refusal]()) % values


# What is said where more is known: what must be known, and the sentence.
EXACT: dict[Refusal, tuple[str, Callable[[], str]]] = {
    Refusal.STOPPED: (
        "channels",
        lambda: _("Stopped for the time being: nothing goes out by %(channels)s."),
    ),
    Refusal.NO_CONSENT: ("channels", lambda: _("No consent to %(purpose)s by %(channels)s.")),
    Refusal.SUPPRESSED: (
        "channels",
        lambda: _("The address for %(channels)s must not be written to: it is suppressed."),
    ),
    Refusal.CLOSED: (
        "channels",
        lambda: _(
            "Waits: the provider that reaches him by %(channels)s is closed for the time being."
        ),
    ),
    Refusal.NO_ADDRESS: ("channels", lambda: _("No valid address for %(channels)s.")),
    Refusal.NO_WORDING: (
        "channels",
        lambda: _("“%(template)s” has no published wording for %(channels)s."),
    ),
    Refusal.HELD_OUT: (
        "group",
        lambda: _("He is in the hold-out group “%(group)s”, which is told nothing."),
    ),
    Refusal.DAY_TAKEN: (
        "by",
        lambda: _("He gets one offer a day at most, and that day has another: notice № %(by)s."),
    ),
    Refusal.TOO_OFTEN: (
        "offers",
        lambda: _("He has had %(offers)s offers in %(days)s days, which is the limit."),
    ),
    Refusal.DISPLACED: (
        "by",
        lambda: _("Gave way to an offer that counts more, before it had left: notice № %(by)s."),
    ),
}
PLAIN: dict[Refusal, Callable[[], str]] = {
    Refusal.STOPPED: lambda: _("Stopped for the time being: nothing goes out."),
    Refusal.NO_CONSENT: lambda: _("No consent."),
    Refusal.SUPPRESSED: lambda: _("The address must not be written to: it is suppressed."),
    Refusal.OUT_OF_DATE: lambda: _("Out of date: what it says was corrected."),
    Refusal.HELD: lambda: _("Waits: a price that it rests on is in doubt."),
    Refusal.TOO_LATE: lambda: _("Too late: by the time it could be sent it would be old news."),
    Refusal.HELD_OUT: lambda: _("He is in a hold-out group, which is told nothing."),
    Refusal.DAY_TAKEN: lambda: _("He gets one offer a day at most, and that day has another."),
    Refusal.TOO_OFTEN: lambda: _("He has had as many offers as the limits allow."),
    Refusal.QUIET: lambda: _(
        "Nobody knows his time zone, and no hour is day everywhere in his country."
    ),
    Refusal.CLOSED: lambda: _("Waits: the provider that reaches him is closed for the time being."),
    Refusal.NO_ADDRESS: lambda: _("No valid address."),
    Refusal.NO_WORDING: lambda: _("Nothing is published that could be said."),
    Refusal.DISPLACED: lambda: _("Gave way to an offer that counts more, before it had left."),
}


def either(names: Iterable[str]) -> str:
    """Write channels as “push, SMS or e-mail”."""
    *others, last = [str(Channel(name).label) for name in names] or [""]
    return _(" or ").join([", ".join(others), last] if others else [last])


def moment(text: str) -> str:
    """Write a stored moment in the zone and language of whoever looks."""
    return date_format(timezone.localtime(datetime.fromisoformat(text)), "SHORT_DATETIME_FORMAT")
