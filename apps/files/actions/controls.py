"""Totals that the core system says of its file, against those that the file has."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext as _

from apps.core.imports.columns import Number
from apps.core.imports.report import Fault
from apps.files.actions.passes import Source
from apps.files.models import Batch

ROWS = "rows"


def contradictions(batch: Batch, source: Source) -> Iterator[Fault]:
    """Yield why the file is not the one of which the totals were said."""
    for name, said in batch.controls.items():
        try:
            expected = _number(said)
        except InvalidOperation:
            expected = Decimal("nan")
        if not expected.is_finite():
            reason = _("The control total “%(said)s” is no number.") % {"said": said}
            yield Fault(reason, column=name, code="control_total")
            continue
        found = _found(batch, source, name)
        if found is None:
            reason = _("There is no such amount in the file to hold the control total against.")
            yield Fault(reason, column=name, code="control_total")
        elif found != expected:
            reason = _("The file has %(found)s in all, but the control total says %(said)s.")
            yield Fault(reason % {"found": found, "said": said}, column=name, code="control_total")


def _number(said: str) -> Decimal:
    number = Decimal(said)
    if not number.is_finite():  # NaN can be compared with nothing
        raise InvalidOperation
    return number


def _found(batch: Batch, source: Source, name: str) -> Decimal | None:
    if name == ROWS:
        return Decimal(source.records - source.passed + source.repeated)
    if not isinstance(batch.of.resource().column(name), Number):
        return None
    total = source.total(name)
    return None if total is None else Decimal(total)
