"""From what we mean to tell to how: each queued notice gets one message, or a reason why not."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from apps.messaging import gate
from apps.messaging.actions.notices import hide_addresses
from apps.messaging.gate import Refusal
from apps.messaging.models.content import TemplateVersion, Variant
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.queries import wishes
from apps.profiles.models import Channel, Purpose

# The channels we send through, as they are tried after the client's preferred one.
CHANNELS = (Channel.SMS, Channel.EMAIL)
FALLBACK_LANGUAGE = "en"

Wordings = Mapping[tuple[int, str, str, str], TemplateVersion]


@transaction.atomic
def plan_messages(*, at: datetime, limit: int) -> int:
    """Plan a message for each of the next queued notices; return how many notices were decided."""
    notices = list(
        Notice.objects.filter(state=Notice.State.QUEUED)
        .select_related("client", "template", "contact_point")
        .order_by("pk")
        .select_for_update(skip_locked=True, of=("self",))[:limit]
    )
    plan = Plan(notices, at)
    messages = [message for notice in notices if (message := plan.decide(notice))]
    Message.objects.bulk_create(messages)
    save_decisions(notices)
    return len(notices)


def save_decisions(notices: Sequence[Notice]) -> None:
    """Write states and reasons, one statement for each of the few that differ."""
    alike = defaultdict(list)
    for notice in notices:
        alike[notice.state, notice.reason].append(notice.pk)
    for (state, reason), pks in alike.items():
        Notice.objects.filter(pk__in=pks).update(state=state, reason=reason)
    hide_addresses(notice for notice in notices if notice.state != Notice.State.PLANNED)


class Plan:
    """Everything that the decisions on one batch of notices need, read with a few queries."""

    def __init__(self, notices: Sequence[Notice], at: datetime) -> None:
        self.at = at
        self.consents = wishes.standing_consents(notices)
        self.outdated = wishes.out_of_date(notices)
        self.addresses, self.stopped = wishes.addresses(notices)
        self.wordings = published({notice.template_id for notice in notices})

    def decide(self, notice: Notice) -> Message | None:
        """Make the message in the first channel that will do, or note on the notice why none."""
        refusals: dict[str, Refusal] = {}
        unworded = []
        for channel in channels(notice):
            point = notice.contact_point or self.addresses.get((notice.client_id, channel))
            asked = wishes.wish(notice, channel, point, self.consents, self.outdated, self.stopped)
            verdict = gate.decide(asked, at=self.at)
            wording = wording_of(notice, channel, self.wordings)
            if verdict.refusal is not None or verdict.send_at is None or point is None:
                refusals[channel] = verdict.refusal or Refusal.NO_ADDRESS
            elif wording is None:
                unworded.append(channel)
            else:
                notice.state = Notice.State.PLANNED
                return Message(
                    notice=notice,
                    channel=channel,
                    contact_point=point,
                    language=wording.language,
                    wording=wording,
                    queued_at=self.at,
                    send_after=verdict.send_at,
                )
        if unworded:
            notice.state = Notice.State.FAILED
            notice.reason = _("“%(template)s” has no published wording for %(channels)s.") % {
                "template": notice.template,
                "channels": either(unworded),
            }
        else:
            notice.state = Notice.State.SKIPPED
            notice.reason = explain(refusals, notice.template.purpose)
        return None


def channels(notice: Notice) -> Sequence[str]:
    """List the channels to try, the best first."""
    if notice.contact_point is not None:
        return [notice.contact_point.channel]
    preferred = notice.client.preferred_channel
    return sorted(CHANNELS, key=lambda channel: channel != preferred)


def published(template_ids: Collection[int]) -> Wordings:
    versions = TemplateVersion.objects.filter(
        template__in=template_ids, state=TemplateVersion.State.PUBLISHED
    )
    return {
        (version.template_id, version.channel, version.language, version.variant): version
        for version in versions
    }


def wording_of(notice: Notice, channel: str, wordings: Wordings) -> TemplateVersion | None:
    """Choose the client's language before English, and the wanted variant before the plain one."""
    found: Iterator[TemplateVersion] = (
        wordings[key]
        for language in (notice.client.language, FALLBACK_LANGUAGE)
        for variant in (notice.variant, Variant.PLAIN)
        if (key := (notice.template_id, channel, language, variant)) in wordings
    )
    return next(found, None)


def explain(refusals: Mapping[str, Refusal], purpose: str) -> str:
    """Say in a marketer's words why a client was not told."""
    reasons = []
    for refusal in Refusal:
        refused = [channel for channel, why in refusals.items() if why == refusal]
        if refused:
            reasons.append(sentence(refusal, refused, purpose))
    return " ".join(reasons)


def sentence(refusal: Refusal, refused: Sequence[str], purpose: str) -> str:
    if refusal == Refusal.SUPPRESSED:
        return _("The address for %(channels)s must not be written to: it is suppressed.") % {
            "channels": either(refused)
        }
    if refusal == Refusal.NO_CONSENT:
        return _("No consent to %(purpose)s by %(channels)s.") % {
            "purpose": Purpose(purpose).label,
            "channels": either(refused),
        }
    if refusal == Refusal.NO_ADDRESS:
        return _("No valid address for %(channels)s.") % {"channels": either(refused)}
    if refusal == Refusal.OUT_OF_DATE:
        return _("Out of date: what it says was corrected.")
    return _("Too late: by the time it could be sent it would be old news.")


def either(names: Sequence[str]) -> str:
    """Write channels as “SMS or e-mail”."""
    return _(" or ").join(str(Channel(name).label) for name in names)
