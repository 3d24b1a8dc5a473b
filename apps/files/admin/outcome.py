"""What a file would change, or has changed, in sentences that a person reads at a glance."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from babel.numbers import format_compact_decimal, format_decimal
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from apps.core.admin.display import count, locale
from apps.core.money import decimals
from apps.files.models import Batch

Text = str | Promise

TITLES: dict[str, Text] = {
    Batch.State.LANDED: _("What changed"),
    Batch.State.UNDOING: _("What changed, and is being taken back"),
    Batch.State.DROPPED: _("What would have changed"),
    Batch.State.UNDONE: _("What had changed, and was taken back"),
}
SAMPLE = 12  # changes shown one by one
COMPACT_FROM = 100_000  # smaller sums are read as they are


@dataclass(frozen=True)
class Sentence:
    """A figure and what it counts; tones: new, changed, held, out, quiet."""

    figure: str
    text: Text
    tone: str = ""
    note: Text = ""


def title(batch: Batch) -> Text:
    return TITLES.get(batch.state, _("What would change"))


def things(batch: Batch, number: int) -> str:
    """Return what the rows of a file are: one policy, many policies."""
    meta = batch.of.resource._meta.model._meta
    return str(meta.verbose_name if number == 1 else meta.verbose_name_plural)


def sentences(batch: Batch) -> list[Sentence]:
    """Return all that is to be said, the most telling first."""
    said = [*_counted(batch), *_columns(batch), *_gone(batch), *_sums(batch), *_left(batch)]
    return said or [Sentence("0", _("rows in the file"), "quiet")]


def strip(batch: Batch) -> list[dict[str, Any]]:
    """Return the parts of the coloured strip above the sentences."""
    parts = {
        "new": batch.new,
        "changed": batch.changed,
        "held": batch.held,
        "out": batch.rejected,
        "quiet": batch.skipped,
    }
    return [{"tone": tone, "share": share} for tone, share in parts.items() if share]


def _counted(batch: Batch) -> list[Sentence]:
    said = []
    if batch.new:
        new = _("new %(things)s") % {"things": things(batch, batch.new)}
        said.append(Sentence(count(batch.new), new, "new"))
    if batch.changed:
        changed = _("changed %(things)s") % {"things": things(batch, batch.changed)}
        said.append(Sentence(count(batch.changed), changed, "changed"))
    return said


def _columns(batch: Batch) -> list[Sentence]:
    """Tell which columns change, the most changed first; a file of one column has said it."""
    changes = sorted(batch.diff.get("columns", {}).items(), key=lambda one: -one[1])
    return [
        Sentence(
            count(times),
            ngettext("changes its %(column)s", "change their %(column)s", times)
            % {"column": readable(column)},
            "changed",
        )
        for column, times in changes
    ]


def undone(batch: Batch) -> list[Sentence]:
    """Return what taking a landed file back would do."""
    said = []
    if batch.new:
        text = ngettext("%(things)s goes again", "%(things)s go again", batch.new)
        said.append(Sentence(count(batch.new), text % {"things": things(batch, batch.new)}, "out"))
    if batch.changed:
        text = ngettext(
            "%(things)s becomes what it was", "%(things)s become what they were", batch.changed
        )
        changed = text % {"things": things(batch, batch.changed)}
        said.append(Sentence(count(batch.changed), changed, "changed"))
    return said


def readable(column: str) -> str:
    return column.replace("_", " ")


def _gone(batch: Batch) -> list[Sentence]:
    if not batch.gone:
        return []
    text = ngettext("disappears", "disappear", batch.gone)
    return [Sentence(count(batch.gone), text, "held", _("known here, but not in the file"))]


def _sums(batch: Batch) -> list[Sentence]:
    said = []
    for total in batch.diff.get("sums", []):
        before, after = Decimal(total["before"]), Decimal(total["after"])
        if before == after:
            continue
        said.append(
            Sentence(
                signed(after - before),
                gettext("%(column)s total, in %(currency)s")
                % {"column": readable(total["column"]), "currency": total["currency"]},
                "changed",
                f"{exact(before, total['currency'])} → {exact(after, total['currency'])}",
            )
        )
    return said


def plain(amount: Decimal) -> str:
    return str(format_decimal(amount, "#,##0.##", locale=locale()))


def exact(amount: Decimal, currency: str) -> str:
    places = decimals(currency)
    return str(format_decimal(amount, f"#,##0{'.' * bool(places)}{'0' * places}", locale=locale()))


def signed(amount: Decimal) -> str:
    """Write a difference with its sign, short where it is large: +1.2M."""
    sign = "+" if amount > 0 else "−"
    size = abs(amount)
    if size < COMPACT_FROM:
        return f"{sign}{plain(size)}"
    return f"{sign}{format_compact_decimal(size, fraction_digits=1, locale=locale())}"


def _left(batch: Batch) -> list[Sentence]:
    said = []
    if batch.held:
        text = ngettext("is held for a second person", "are held for a second person", batch.held)
        said.append(Sentence(count(batch.held), text, "held"))
    if batch.rejected:
        text = ngettext("is left out", "are left out", batch.rejected)
        why = _("the reasons are below")
        said.append(Sentence(count(batch.rejected), text, "out", why))
    if batch.unchanged:
        text = ngettext("says what is known already", "say what is known already", batch.unchanged)
        said.append(Sentence(count(batch.unchanged), text, "quiet"))
    if batch.passed:
        text = ngettext("is passed over", "are passed over", batch.passed)
        said.append(Sentence(count(batch.passed), text, "quiet", _("totals and the like")))
    return said


def controls(batch: Batch) -> list[dict[str, Text]]:
    """Return what the source counted; a file that contradicts it was refused."""
    if batch.faults:
        return []
    return [
        {"name": _("rows") if name == "rows" else readable(name), "told": plain(Decimal(said))}
        for name, said in batch.controls.items()
    ]


def sample(batch: Batch) -> list[dict[str, Any]]:
    """Return some changes of single rows, each column with what it was and what it becomes."""
    return [
        {
            "line": example["line"],
            "key": " ".join(said for said in example["key"] if said),
            "fate": example["fate"],
            "cells": [
                {"column": column, "before": before, "after": after}
                for column, (before, after) in example["changes"].items()
            ],
        }
        for example in batch.diff.get("examples", [])[:SAMPLE]
    ]
