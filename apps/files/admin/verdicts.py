"""What a person may do with a file as it stands, and the sentence that stands above the buttons."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from apps.core.admin.display import count, moment
from apps.files.admin.kinds import may_bring, may_read
from apps.files.models import Batch

Text = str | Promise
State = Batch.State
RELEASE = "release"


@dataclass(frozen=True)
class Button:
    """Tones: main, grave."""

    label: Text
    icon: str
    url: str
    tone: str = ""
    post: bool = False


@dataclass(frozen=True)
class Verdict:
    said: Text
    note: Text = ""
    buttons: list[Button] = field(default_factory=list)


def verdict(batch: Batch, user: Any) -> Verdict | None:
    """Return what is to be decided, or was; None while the file is being worked on."""
    if batch.state in Batch.WORKING:
        return None
    say = _SAID.get(batch.state)
    said, note = say(batch) if say else _SIMPLY[batch.state]
    notes = [str(batch.note or note)]
    if waits_for_release(batch) and user.pk in (batch.received_by_id, batch.confirmed_by_id):
        notes.append(gettext("That cannot be you: you brought it, or confirmed it."))
    offered = [button for verb, button in _offered(batch) if may(user, batch, verb)]
    taken = [_report(batch)] if may_read(user, batch) else []
    return Verdict(said, " ".join(notes), [*taken, *offered])


def may(user: Any, batch: Batch, verb: str) -> bool:
    """Tell whether a person may; who releases need not bring such files, but is another one."""
    if verb == RELEASE:
        others = user.pk not in (batch.received_by_id, batch.confirmed_by_id)
        return others and bool(user.has_perm("files.release_batch"))
    return may_bring(user, batch.of)


def address(batch: Batch, name: str, *more: str) -> str:
    return reverse(f"admin:files_batch_{name}", args=[batch.pk, *more])


def waits_for_release(batch: Batch) -> bool:
    """Tell whether all of a file, or what was held of it, waits for a second person."""
    held = batch.state == State.LANDED and batch.held and batch.held_digest
    return batch.state == State.WAITING or bool(held and not batch.released_at)


def _offered(batch: Batch) -> list[tuple[str, Button]]:
    """Return the buttons of a state, each with the verb to which a right is needed."""
    buttons = [(verb, make(batch)) for verb, make in _OFFERED.get(batch.state, ())]
    if waits_for_release(batch):
        release = _deed(batch, RELEASE, _("Release"), "how_to_reg", "main")
        buttons.append((RELEASE, release))
    if any(fault[0] == "control_total" for fault in batch.faults):
        label = _("Check it without the totals")
        buttons.insert(0, ("uncounted", _deed(batch, "uncounted", label, "calculate")))
    return buttons


def _deed(batch: Batch, verb: str, label: Text, icon: str, tone: str = "") -> Button:
    return Button(label, icon, address(batch, "decide", verb), tone, post=True)


def _report(batch: Batch) -> Button:
    return Button(_("Report"), "download", address(batch, "report"))


def _reread(batch: Batch) -> Button:
    return Button(_("Read it otherwise"), "tune", address(batch, "layout"))


def _columns(batch: Batch) -> Button:
    return Button(_("Say which column is which"), "tune", address(batch, "layout"), "main")


def _drop(batch: Batch) -> Button:
    return _deed(batch, "drop", _("Throw away"), "delete")


def _undo(batch: Batch) -> Button:
    return Button(_("Take it back …"), "undo", address(batch, "undo"), "grave")


def _confirm(batch: Batch) -> Button:
    return _deed(batch, "confirm", _("Confirm"), "check", "main")


def _checked(batch: Batch) -> tuple[Text, Text]:
    lands = batch.new + batch.changed
    said = ngettext("Confirm, and %s row lands.", "Confirm, and %s rows land.", lands)
    notes = [gettext("All of them or none; it can be taken back.")]
    if batch.rejected:
        notes.append(gettext("What is left out keeps nothing else from landing."))
    if batch.held:
        notes.append(gettext("What is held lands when a second person has released it."))
    return said % count(lands), " ".join(notes)


def _waiting(batch: Batch) -> tuple[Text, Text]:
    said = gettext("%(who)s confirmed it; because it is so large, a second person releases it.")
    return said % {"who": batch.confirmed_by or "–"}, ""


def _landed(batch: Batch) -> tuple[Text, Text]:
    said = gettext("It landed %(when)s.") % {"when": moment(batch.landed_at)}
    notes = []
    if batch.confirmed_by:
        notes.append(gettext("Confirmed by %(who)s.") % {"who": batch.confirmed_by})
    if batch.released_by:
        notes.append(gettext("Released by %(who)s.") % {"who": batch.released_by})
    if waits_for_release(batch):
        held = ngettext(
            "%s row is held for a second person.",
            "%s rows are held for a second person.",
            batch.held,
        )
        notes.append(held % count(batch.held))
    return said, " ".join(notes)


def _undone(batch: Batch) -> tuple[Text, Text]:
    said = gettext("It was taken back %(when)s.") % {"when": moment(batch.undone_at)}
    note = gettext("By %(who)s.") % {"who": batch.undone_by} if batch.undone_by else ""
    return said, note


def _dropped(batch: Batch) -> tuple[Text, Text]:
    said = gettext("It was thrown away %(when)s.") % {"when": moment(batch.undone_at)}
    note = gettext("By %(who)s.") % {"who": batch.undone_by} if batch.undone_by else ""
    return said, note


_SAID: dict[str, Callable[[Batch], tuple[Text, Text]]] = {
    State.CHECKED: _checked,
    State.WAITING: _waiting,
    State.LANDED: _landed,
    State.UNDONE: _undone,
    State.DROPPED: _dropped,
}
_SIMPLY: dict[str, tuple[Text, Text]] = {
    State.RECEIVED: (_("It is not said yet which of its columns is which."), ""),
    State.REFUSED: (_("Mend the file and bring it again, or say here how it is written."), ""),
    State.UNCHANGED: (
        _("The file says nothing that is not known already."),
        _("There is nothing to land."),
    ),
}
_OFFERED: dict[str, list[tuple[str, Callable[[Batch], Button]]]] = {
    State.RECEIVED: [("drop", _drop), ("layout", _columns)],
    State.CHECKED: [("drop", _drop), ("layout", _reread), ("confirm", _confirm)],
    State.WAITING: [("drop", _drop)],
    State.REFUSED: [("drop", _drop), ("layout", _columns)],
    State.LANDED: [("undo", _undo)],
}
