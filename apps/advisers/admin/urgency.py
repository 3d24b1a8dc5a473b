"""How urgent a call is, in words and colour."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from apps.advisers.models import CallTask
from apps.advisers.queries import zone_of
from apps.core.admin.display import moment, pill
from apps.profiles.models import Client

SOON = timedelta(hours=2)


def urgency(task: CallTask, *, at: datetime) -> SafeString:
    """Say how urgent a task is: the words alone say it, the colour repeats them."""
    if task.state not in CallTask.UNFINISHED:
        return pill(_("ended"))
    if task.call_after > at:
        return pill(_("not before %(moment)s") % {"moment": moment(task.call_after)})
    if task.due_at < at:
        late = timesince(task.due_at, at, depth=1)
        return pill(_("overdue by %(time)s") % {"time": late}, "bad")
    left = timeuntil(task.due_at, at, depth=1)
    return pill(_("%(time)s left") % {"time": left}, "wait" if task.due_at - at < SOON else "quiet")


def local_time(task: CallTask, at: datetime) -> str:
    """Say what time it is where the client lives; "" where nobody knows."""
    zone = task.client.time_zone
    if not zone:
        return ""
    return _("It is %(time)s where he lives (%(zone)s).") % {
        "time": f"{localtime(at, ZoneInfo(zone)):%H:%M}",
        "zone": zone,
    }


def both_moments(at: datetime, client: Client) -> str:
    """Write a moment by the client's clock, with ours beside it where it is another."""
    his, ours = localtime(at, zone_of(client)), localtime(at)
    clocks = [his] if his.utcoffset() == ours.utcoffset() else [his, ours]
    return " = ".join(
        f"{date_format(each, 'SHORT_DATETIME_FORMAT')} {each.tzinfo}" for each in clocks
    )
