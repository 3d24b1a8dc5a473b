"""What is wrong with a file, and where."""

from dataclasses import dataclass

from django.utils.translation import gettext as _


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
