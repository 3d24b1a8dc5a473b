"""Which channel and which words tell one notice: for few notices at a time, in Python.

`deciding` does the same for whole batches in SQL; a test holds the two together.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from apps.messaging import gate
from apps.messaging.gate import Refusal, Verdict
from apps.messaging.models.content import TemplateVersion, Variant
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.queries.channels import Carried
from apps.messaging.queries.wishes import Grounds
from apps.profiles.models import Channel, ContactPoint, address_channel

# As they are tried after the client's preferred one: what he notices at once before what waits for
# him. A call takes a person's time: only a template or a step of its cascade asks for one.
FIRST = (Channel.PUSH, Channel.MESSENGER, Channel.SMS, Channel.EMAIL)
ASKED_FOR = frozenset({Channel.CALL})
USUAL = (*FIRST, *sorted({*Channel} - {*FIRST} - ASKED_FOR))
FALLBACK_LANGUAGE = "en"

Wordings = Mapping[
    tuple[int, str, str, str], TemplateVersion
]  # template, channel, language, variant


class Plan:
    """Everything that the decisions on some notices need, read with a few queries."""

    def __init__(self, notices: Sequence[Notice], at: datetime) -> None:
        self.at = at
        self.grounds = Grounds(notices, at=at)
        self.wordings = published({notice.template_id for notice in notices})

    def verdicts(self, notice: Notice, *, among: Sequence[str] = ()) -> dict[str, Verdict]:
        """Ask the gate for each channel, the best first."""
        return {
            channel: gate.decide(
                self.grounds.wish(
                    notice,
                    channel,
                    self.point(notice, channel),
                    worded=self.wording(notice, channel) is not None,
                ),
                at=self.at,
            )
            for channel in among or self.channels(notice)
        }

    def message(self, notice: Notice, *, among: Sequence[str] = ()) -> Message | None:
        """Make the message in the first channel that will do; None where none does."""
        for channel, verdict in self.verdicts(notice, among=among).items():
            point, wording = self.point(notice, channel), self.wording(notice, channel)
            if verdict.send_at is not None and point is not None and wording is not None:
                return Message(
                    notice=notice,
                    channel=channel,
                    contact_point=point,
                    language=wording.language,
                    wording=wording,
                    queued_at=self.at,
                    send_after=verdict.send_at,
                )
        return None

    def point(self, notice: Notice, channel: str) -> ContactPoint | None:
        addresses = self.grounds.addresses
        return notice.contact_point or addresses.get((notice.client_id, address_channel(channel)))

    def channels(self, notice: Notice) -> list[str]:
        """List the channels that come into question: those with words, unless none has any."""
        if notice.contact_point is not None:
            return [notice.contact_point.channel]
        template, client = notice.template, notice.client
        every = tried(template.channels, client.preferred_channel, self.grounds.carried)
        return [channel for channel in every if self.wording(notice, channel)] or every

    def wording(self, notice: Notice, channel: str) -> TemplateVersion | None:
        return wording_of(notice, channel, self.wordings)


def tried(wanted: Sequence[str], preferred: str, carried: Carried) -> list[str]:
    """List the channels to try for a template, the best first; `wanted` are its own.

    One whose providers are closed is the last resort: what is planned there waits for them.
    """
    had = [channel for channel in wanted or USUAL if channel in carried.known]
    return sorted(
        had or wanted or FIRST,
        key=lambda channel: (channel in carried.closed, channel != preferred),
    )


def decisive(verdicts: Mapping[str, Verdict]) -> Refusal | None:
    """Return what stands for the refusals of all channels; None where one is granted.

    While one waits, all wait. Else the one that came furthest: so a text that is missing where all
    else is right, our own fault, is what is seen.
    """
    refusals = [verdict.refusal for verdict in verdicts.values() if verdict.refusal]
    if len(refusals) < len(verdicts):
        return None
    waiting = (patient for patient in gate.PATIENCE if patient in refusals)
    return next(waiting, max(refusals, key=list(Refusal).index))


def published(template_ids: Collection[int]) -> Wordings:
    versions = TemplateVersion.objects.filter(
        template__in=template_ids, state=TemplateVersion.State.PUBLISHED
    )
    return {
        (version.template_id, version.channel, version.language, version.variant): version
        for version in versions
    }


def wording_of(notice: Notice, channel: str, wordings: Wordings) -> TemplateVersion | None:
    return worded(
        notice.template_id, channel, notice.client.language, notice.variant, wordings=wordings
    )


def worded(
    template: int, channel: str, language: str, variant: str, *, wordings: Wordings
) -> TemplateVersion | None:
    """Choose the client's language before English, and the wanted variant before the plain one."""
    found: Iterator[TemplateVersion] = (
        wordings[key]
        for spoken in (language, FALLBACK_LANGUAGE)
        for kind in (variant, Variant.PLAIN)
        if (key := (template, channel, spoken, kind)) in wordings
    )
    return next(found, None)
