"""What is said about a file: where it is wrong and why, or what it brought."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


@dataclass(frozen=True)
class Fault:
    """A reason to refuse a file, with its place in the file as far as there is one."""

    reason: str
    line: int | None = None
    column: str = ""
    code: str = "invalid"  # stable, for programs; the reason is for people
    value: str = ""  # the cell, as a message may show it

    def __str__(self) -> str:
        place = []
        if self.line is not None:
            place.append(_("line %(line)d") % {"line": self.line})
        if self.column:
            place.append(_("column “%(column)s”") % {"column": self.column})
        return ": ".join(filter(None, (", ".join(place), self.reason)))


@dataclass(frozen=True)
class Report:
    """The outcome of one file: nothing of it is stored while it has a single fault."""

    filename: str
    stored: bool
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    faults: tuple[Fault, ...] = ()
    remarks: tuple[Fault, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.faults

    @property
    def lines(self) -> list[str]:
        """Return every fault and remark as a sentence that begins with the file and its line."""
        return [f"{self.filename}, {said}" for said in (*self.faults, *self.remarks)]

    def __str__(self) -> str:
        counts = _("%(new)d new, %(changed)d changed, %(unchanged)d unchanged") % {
            "new": self.new,
            "changed": self.changed,
            "unchanged": self.unchanged,
        }
        if self.ok:
            return f"{self.filename}: {counts}"
        refused = ngettext("%(count)d fault", "%(count)d faults", len(self.faults)) % {
            "count": len(self.faults)
        }
        return "\n".join([f"{self.filename}: {refused}", *self.lines])
