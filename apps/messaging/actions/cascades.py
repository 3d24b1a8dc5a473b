"""The next channel: where a message failed, may not go out, was not delivered or not seen in time.

Never a second notice. A message says when to look after it; whoever looks makes the notice's next
attempt and takes that moment away, in one transaction.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Min
from django.utils.translation import gettext as _

from apps.messaging.actions.choosing import Plan
from apps.messaging.actions.spreading import lock
from apps.messaging.models.content import Kind
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.providers import Provider
from apps.messaging.models.sendings import CascadeStep
from apps.messaging.models.verdicts import Verdict

# What has not left is spared once another channel has reached him: the rest of an alarm, and what
# followed a message of which only a late receipt says that it arrived. A push is beside those to his
# other devices, too, and yet no alarm.
SPARE = """
UPDATE messaging_message AS message SET state = 'skipped', reason = %(reason)s, ended_at = %(at)s
WHERE message.state = 'queued' AND (message.number > 1 OR message.is_beside)
    AND message.handed_at IS NULL AND EXISTS (
        SELECT FROM messaging_message AS other
        WHERE other.notice_id = message.notice_id AND (
            other.seen_at IS NOT NULL
            OR other.delivered_at IS NOT NULL AND NOT EXISTS (
                SELECT FROM messaging_cascadestep AS step
                JOIN messaging_template AS template ON template.id = step.template_id
                JOIN messaging_notice AS notice ON notice.template_id = template.id
                WHERE notice.id = message.notice_id AND step.number = coalesce(message.step, message.number)
                    AND step.unless = 'seen'
                    AND NOT (message.is_beside AND template.kind = 'security')
            )
        )
    )
"""

State = Message.State
UNSENT = {State.SKIPPED, State.FAILED}
Steps = Mapping[tuple[int, int], CascadeStep]  # by template and attempt


@transaction.atomic
def follow_up(*, at: datetime, limit: int) -> int:
    """Look after the messages whose moment has come; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(SPARE, {"at": at, "reason": _("Another channel has reached him.")})
    due = list(
        Message.objects.filter(follow_at__lte=at)
        .select_related("notice__client", "notice__template", "notice__contact_point")
        .order_by("follow_at", "pk")
        .select_for_update(skip_locked=True, of=("self",))[:limit]
    )
    Message.objects.filter(pk__in=[message.pk for message in due]).update(follow_at=None)
    following(due, at=at)
    return len(due)


def following(due: Sequence[Message], *, at: datetime) -> None:
    """Make the next attempts of those notices that need one."""
    lock(one.notice_id for one in due)  # of several devices' messages each may be due to another
    before = defaultdict(list)
    for message in Message.objects.filter(notice__in={one.notice_id for one in due}):
        before[message.notice_id].append(message)
    steps = {
        (step.template_id, step.number): step
        for step in CascadeStep.objects.filter(template__in={one.notice.template_id for one in due})
    }
    last = {
        one.notice_id: one
        for one in due
        if is_last(one, before[one.notice_id])
        and not is_tried_elsewhere(one, before[one.notice_id])
    }
    wanting = [one for one in last.values() if wants_more(one, before[one.notice_id], steps)]
    plan, costs = Plan([one.notice for one in wanting], at), cost_of_channels()
    made = [
        made_one
        for one in wanting
        if (made_one := next_message(one, before[one.notice_id], steps, plan, costs))
    ]
    Message.objects.bulk_create(made)
    Message.objects.filter(
        notice__in=[message.notice_id for message in made if message.is_beside]
    ).update(is_beside=True)
    Notice.objects.filter(
        pk__in=[message.notice_id for message in made],
        state__in=[Notice.State.FAILED, Notice.State.SKIPPED],
    ).update(state=Notice.State.PLANNED, reason="")
    Verdict.objects.bulk_create(granted(message) for message in made)


def granted(message: Message) -> Verdict:
    """Write that the gate let this be told in another channel: else its last word was a refusal."""
    late = (
        {"until": message.send_after.isoformat()} if message.send_after > message.queued_at else {}
    )
    return Verdict(
        notice_id=message.notice_id,
        at=message.queued_at,
        outcome=Verdict.Outcome.GRANTED,
        channel=message.channel,
        inputs={"channels": {message.channel: ""}, **late},
    )


def is_last(message: Message, all_of_it: Iterable[Message]) -> bool:
    return message.at_step == max(other.at_step for other in all_of_it)


def is_tried_elsewhere(message: Message, all_of_it: Iterable[Message]) -> bool:
    """Say whether what one device did not take may reach another; else that one is looked after."""
    return message.state in UNSENT and any(
        other.at_step == message.at_step and other.state not in UNSENT for other in all_of_it
    )


def wants_more(message: Message, all_of_it: Sequence[Message], steps: Steps) -> bool:
    """Say whether what has happened by now calls for another channel.

    What came to nothing is followed as if it were out: what it followed may have arrived since.
    """
    if any(other.seen_at for other in all_of_it):
        return False
    step = steps.get((message.notice.template_id, message.at_step + 1))
    if step is not None and step.unless == CascadeStep.Unless.SEEN:
        return True
    return not any(other.delivered_at for other in all_of_it)


def next_message(
    message: Message,
    all_of_it: Iterable[Message],
    steps: Steps,
    plan: Plan,
    costs: Mapping[str, int],
) -> Message | None:
    """Make the next attempt, in the step's channel or the cheapest one that was not tried.

    A step into a channel that has no provider counts as one that names none. Where nothing went
    out, since the address may not be written to, another one may be.
    """
    notice = message.notice
    step = steps.get((notice.template_id, message.at_step + 1))
    tried = {other.channel for other in all_of_it if other.state != State.SKIPPED}
    spent = {(other.channel, other.contact_point_id) for other in all_of_it}
    if step is not None and step.channel in plan.grounds.carried.known:
        wanted = [step.channel]
    else:
        wanted = sorted(
            (one for one in plan.channels(notice) if one not in tried),
            key=lambda channel: costs.get(channel, 0),
        )
    for channel in wanted:
        made = plan.message(notice, among=[channel])
        if made and (channel, made.contact_point_id) not in spent:
            made.number = max(other.number for other in all_of_it) + 1
            made.step = message.at_step + 1
            made.is_beside = notice.template.kind == Kind.SECURITY
            return made
    return None


def cost_of_channels() -> dict[str, int]:
    """Return what a part costs at least in each channel that has a provider."""
    open_ones = Provider.objects.filter(is_open=True).order_by()
    return dict(open_ones.values_list("channel").annotate(least=Min("cost")))
