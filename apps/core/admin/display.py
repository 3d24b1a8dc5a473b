"""How values read in the back office: money, levels, badges and links."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, TypeVar

from babel.numbers import format_decimal, format_percent
from django.db.models import DecimalField, Model
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import get_language, to_locale
from unfold.decorators import display

from apps.core.money import spoken

Text = str | Promise


Shown = Callable[..., Any]  # a function, or a page's method, that a list shows as a column
C = TypeVar("C", bound=Shown)


LINE = 14  # letters of a label that stays in one line


def locale() -> str:
    return to_locale(get_language() or "en")


def money(minor: int | None, currency: str) -> str:
    """Write minor units as people read them: $1,234.50."""
    return "–" if minor is None else spoken(minor, currency, locale())


def percent(level: Decimal | None) -> str:
    """Write a fraction as a percentage with at most four decimals: 97.25 %."""
    return "–" if level is None else str(format_percent(level, "#,##0.####%", locale=locale()))


def price(close: Decimal | None, currency: str = "") -> str:
    if close is None:
        return "–"
    return f"{format_decimal(close, '#,##0.00######', locale=locale())} {currency}".strip()


def count(value: int) -> str:
    """Write a count as people read it: 12,345."""
    return str(format_decimal(value, "#,##0", locale=locale()))


def day(value: date | None) -> str:
    return date_format(value, "SHORT_DATE_FORMAT") if value else "–"


def moment(value: datetime | None) -> str:
    """Write a moment in the time zone of the page."""
    return date_format(localtime(value), "SHORT_DATETIME_FORMAT") if value else "–"


def page_url(row: Model) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])


def list_url(model: type[Model], **filters: str | int) -> str:
    """Return the address of a model's list, filtered."""
    meta = model._meta
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    return f"{url}?{urlencode(filters)}" if filters else url


def page_link(row: Model | None, text: object = "") -> SafeString | str:
    if row is None:
        return "–"
    return format_html('<a class="desk-link" href="{}">{}</a>', page_url(row), text or row)


def pill(text: object, tone: str = "") -> SafeString:
    """Write a state as a small coloured label; tones: good, wait, bad, quiet."""
    length = "desk-long" if len(str(text)) > LINE else ""
    return format_html(
        '<span class="desk-pill desk-{} {}">{}</span>', tone or "quiet", length, text
    )


def stacked(state: str, words: str) -> SafeString | str:
    """Put words under a state, so that both are seen without a column more, and on a phone."""
    return format_html("{}<br>{}", state, words) if words else state


def column(title: Text, *, ordering: str | None = None) -> Callable[[C], C]:
    return display(description=title, ordering=ordering)  # type: ignore[no-any-return]


def badge(field: str, title: Text, **tones: str) -> Shown:
    """Make a column that shows a choice field as a coloured label."""

    def shown(row: Any) -> SafeString | str:
        value = getattr(row, field)
        text = getattr(row, f"get_{field}_display")()
        return pill(text, tones.get(str(value).lower(), "quiet")) if text else "–"

    shown.__name__ = field
    return column(title, ordering=field)(shown)


def percents(field: str, title: Text) -> Shown:
    """Make a column that shows a level, or a rate, in percent."""

    def shown(row: Any) -> str:
        return percent(getattr(row, field))

    shown.__name__ = field
    return column(title, ordering=field)(shown)


def amounts(field: str, title: Text, currency: Callable[[Any], str]) -> Shown:
    """Make a column that shows minor units with the currency that the row knows of."""

    def shown(row: Any) -> str:
        return money(getattr(row, field), currency(row))

    shown.__name__ = field
    return column(title, ordering=field)(shown)


def linked(path: str, title: Text, ordering: str) -> Shown:
    """Make a column that leads to a related row, sorted by a field of that row."""
    related = attrgetter(path.replace("__", "."))

    def shown(row: Any) -> SafeString | str:
        return page_link(related(row))

    shown.__name__ = path
    return column(title, ordering=f"{path}__{ordering}")(shown)


def readable_fields(model: type[Model]) -> dict[str, Shown]:
    """Return a column in percent for every level and rate of a table."""
    return {
        field.name: percents(field.name, field.verbose_name)
        for field in model._meta.fields
        if isinstance(field, DecimalField)
    }


def readable(fields: list[Any], columns: dict[str, Shown]) -> list[Any]:
    """Return the lines of a fieldset with columns in place of the fields that have one."""
    return [
        tuple(columns.get(name, name) for name in line)
        if isinstance(line, tuple)
        else columns.get(line, line)
        for line in fields
    ]
