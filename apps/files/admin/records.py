"""The rows of a file that did not simply land: why, counted, searched and shown page by page."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from apps.core.admin.display import count as counted
from apps.core.masking import DOTS
from apps.files.admin.codes import code_title
from apps.files.admin.kinds import may_read
from apps.files.models import Batch, Record

PAGE = 50  # rows shown at once

TITLES: dict[str, str | Promise] = {
    Record.Fate.REJECTED: _("Left out"),
    Record.Fate.HELD: _("Held"),
    Record.Fate.SKIPPED: _("Passed over"),
}


@dataclass(frozen=True)
class Asked:
    """What the address asks to see: which fate, which code, which words, which page."""

    fate: str
    code: str
    q: str
    page: int

    def url(self, **changes: str | int) -> str:
        said = {"fate": self.fate, "code": self.code, "q": self.q, **changes}
        return f"?{urlencode({name: value for name, value in said.items() if value})}#rows"


def asked(request: HttpRequest, fates: list[str]) -> Asked:
    said = request.GET
    page = said.get("page", "")
    fate = said.get("fate", "")
    return Asked(
        fate if fate in fates else fates[0],
        said.get("code", "")[:40],
        said.get("q", "").strip()[:100],
        max(1, int(page)) if page.isdecimal() and len(page) < 7 else 1,
    )


def records_of(request: HttpRequest, batch: Batch) -> dict[str, Any] | None:
    """Return what the page shows of the rows; None where every row simply landed.

    Who may not read the file is told the lines and the kinds of reasons, but no cell.
    """
    is_open = may_read(request.user, batch)
    fates = dict(
        Record.objects.filter(batch=batch).order_by().values_list("fate").annotate(Count("pk"))
    )
    present = [fate for fate in TITLES if fates.get(fate)]
    if not present:
        return None
    view = asked(request, present)
    rows = Record.objects.filter(batch=batch, fate=view.fate)
    codes = rows.order_by().values_list("code").annotate(times=Count("pk")).order_by("-times")
    found = _found(rows, view, is_open=is_open)
    total = found.count()
    begin = min((view.page - 1) * PAGE, max(0, (total - 1) // PAGE * PAGE))
    page = begin // PAGE + 1
    # As values: of whom they may be shown to is decided here, not by the row's mask.
    shown = found.order_by("number").values_list("line", "code", "faults")[begin : begin + PAGE]
    return {
        "fate": view.fate,
        "code": view.code,
        "q": view.q,
        "tabs": [
            {
                "name": TITLES[fate],
                "count": counted(fates[fate]),
                "url": view.url(fate=fate, code="", q=""),
                "here": fate == view.fate,
            }
            for fate in present
        ],
        "chips": _chips(view, codes, fates[view.fate]),
        "rows": [line for record in shown for line in _lines(*record, is_open=is_open)],
        "range": _range(begin, min(begin + PAGE, total), total),
        "earlier_url": view.url(page=page - 1) if page > 1 else "",
        "later_url": view.url(page=page + 1) if begin + PAGE < total else "",
    }


def _found(rows: QuerySet[Record], view: Asked, *, is_open: bool) -> QuerySet[Record]:
    if view.code:
        rows = rows.filter(code=view.code)
    if view.q:
        is_line = view.q.isdecimal() and len(view.q) < 10
        said = Q(line=int(view.q)) if is_line else Q(pk=None)
        if is_open:
            said |= Q(words__icontains=view.q)
        rows = rows.annotate(words=Cast("faults", TextField())).filter(said)
    return rows


def _chips(view: Asked, codes: Any, total: int) -> list[dict[str, Any]]:
    chips = [("", gettext("All"), total), *((code, code_title(code), n) for code, n in codes)]
    return [
        {
            "name": name,
            "count": counted(times),
            "url": view.url(code=code),
            "here": code == view.code,
        }
        for code, name, times in chips
    ]


def _lines(line: int, code: str, faults: list[list[str]], *, is_open: bool) -> list[dict[str, Any]]:
    if not is_open:
        return [{"line": line, "column": "", "reason": code_title(code), "value": DOTS}]
    return [
        {"line": line, "column": column, "reason": reason, "value": value}
        for _code, column, reason, value in faults
    ]


def _range(begin: int, end: int, total: int) -> str:
    if not total:
        return ""
    return ngettext(
        "%(begin)s to %(end)s of %(total)s row", "%(begin)s to %(end)s of %(total)s rows", total
    ) % {"begin": counted(begin + 1), "end": counted(end), "total": counted(total)}
