"""The form of a strategy's terms: what belongs together, what may stay hidden, what is refused."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import ValidationError
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget

from apps.core import money
from apps.core.admin.pages import PlainDecimalField, PlainNumbers
from apps.products.models.strategies import BasketMember, Observation, Strategy
from apps.products.queries.contradictions import contradictions, without_sessions
from apps.products.queries.spec import REDEMPTION

FIELDSETS: list[tuple[Any, dict[str, Any]]] = [
    (
        _("Product"),
        {
            "fields": [
                ("name", "tranche"), ("code", "state"), ("currency", "denomination"),
                ("struck_on", "matures_on"), "called_on",
            ],
            "description": _(
                "The terms may be changed while the strategy is a draft; publishing freezes them."
            ),
        },
    ),
    (
        _("Coupon"),
        {
            "fields": [
                ("coupon_rate", "rate_basis"), ("day_count", "coupon_frequency"),
                ("coupon_barrier", "corridor_upper"), ("coupon_kind", "barrier_strict"),
                ("memory", "memory_end"), ("guaranteed", "guaranteed_rate"), ("growth_step", "growth_reset"),
            ],
            "classes": ["tab"],
            "description": _("Levels are fractions of the initial fixing: 0.75 is 75 %."),
        },
    ),
    (
        _("Judged by"),
        {
            "fields": [("basket", "basket_m"), "fx", ("lock_in_barrier", "level_dp")],
            "classes": ["tab"],
            "description": _("Which shares must be where for a coupon, and in which currency."),
        },
    ),
    (
        _("Early call"),
        {
            "fields": [
                ("call_barrier", "call_first"), ("call_basket", "call_m"),
                ("call_coupon", "call_stock_memory"), "bonus_on", ("call_redemption", "call_deferred"),
            ],
            "classes": ["tab"],
            "description": _("Empty call barrier: the strategy always runs to its maturity."),
        },
    ),
    (
        _("Capital at maturity"),
        {
            "fields": [
                "redemption", "redemption_level", ("buffer", "gearing"),
                ("knock_in_barrier", "knock_in_style"), ("knock_in_from", "knock_in_inclusive"),
                ("strike", "one_star"), ("redemption_basket", "redemption_m"),
                ("participation", "up_strike"), ("step", "step_barrier"), ("min_return", "cap"),
            ],
            "classes": ["tab"],
            "description": _("What the client gets back of his nominal on the maturity date."),
        },
    ),
    (
        _("Days and rounding"),
        {
            "fields": [
                ("roll", "common_sessions"), ("max_disruption", "disruption_scope"),
                ("payment_lag", "payment_calendar"), ("rounding", "round_per"),
            ],
            "classes": ["tab"],
            "description": _("What happens when an exchange is shut, and how money is rounded."),
        },
    ),
]  # fmt: skip


FIELDS = {field.name: field for field in Strategy._meta.fields}
OF_REDEMPTION = {column for table in REDEMPTION.values() for column in table.values()}


def said_terms(lines: Sequence[Any], strategy: Strategy) -> list[Any]:
    """Return the lines of a fieldset without the terms that say nothing of this strategy."""
    said = []
    for line in lines:
        names = [line] if isinstance(line, str) else line
        if kept := tuple(name for name in names if _says(strategy, name)):
            said.append(kept)
    return said


def _says(strategy: Strategy, name: str) -> bool:
    used = REDEMPTION[strategy.redemption].values()
    if name in OF_REDEMPTION and name not in used:
        return False
    return getattr(strategy, name) not in (None, "")


def shown_when() -> dict[str, str]:
    """Return when the form shows a field, in the words of its script.

    A field that holds something unusual is never hidden: what is refused must be seen.
    """
    shown = {
        "basket_m": "basket == 'n_of_m'",
        "call_m": "call_basket == 'n_of_m'",
        "redemption_m": "redemption_basket == 'n_of_m'",
        "day_count": "rate_basis == 'annual'",
        "coupon_frequency": "rate_basis == 'annual'",
        "growth_reset": "growth_step",
        "memory_end": "memory",
        "step_barrier": "step",
        "up_strike": "participation",
    }
    for kind, table in REDEMPTION.items():
        for column in table.values():
            known = f"{shown[column]} || " if column in shown else ""
            shown[column] = f"{known}redemption == '{kind}'"
    return {column: f"{when} || {_unusual(column)}" for column, when in shown.items()}


def _unusual(column: str) -> str:
    default: Any = FIELDS[column].get_default()
    return f"{column} && {column} != '{default}'" if default else column


class StrategyForm(forms.ModelForm[Strategy]):
    """Takes the denomination as people write money."""

    denomination = PlainDecimalField(
        label=capfirst(FIELDS["denomination"].verbose_name),
        required=False,
        min_value=0,
        max_digits=16,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=FIELDS["denomination"].help_text,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        note = self.instance.denomination
        if note is not None:
            places = money.decimals(self.instance.currency)
            self.initial["denomination"] = money.major_units(note, places)

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        note, currency = said.get("denomination"), said.get("currency", "")
        if note is not None:
            places = money.decimals(currency)
            try:
                said["denomination"] = money.minor_units(note, places)
            except ValueError:
                self.add_error(
                    "denomination",
                    gettext("It is finer than %(currency)s allows: at most %(places)d decimals.")
                    % {"currency": currency, "places": places},
                )
        return said


class BasketFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """Leaves its shares with the strategy, for the observations' turn to be held against them."""

    def clean(self) -> None:
        super().clean()
        self.instance.tried_members = _rows(self)


class ObservationForm(forms.ModelForm[Observation]):
    """Puts the valuation on the scheduled day; the publication rolls it onto a session."""

    accrual_days = SimpleArrayField(
        forms.DateField(), required=False, label=capfirst(_("days that count")),
        widget=UnfoldAdminTextInputWidget,
        help_text=_("With commas: 2020-02-03, 2020-02-04. Empty: every session of the period."),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        said["accrual_days"] = said.get("accrual_days") or None
        if day := said.get("scheduled_on"):
            self.instance.valuation_on = day
        return said


class ObservationFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """The last part of the form: here all of it is known, and held against itself."""

    def clean(self) -> None:
        super().clean()
        members = getattr(self.instance, "tried_members", [])
        refuse_contradictions(self.instance, members, _rows(self))

    def get_unique_error_message(self, unique_check: Sequence[str]) -> str:
        if "scheduled_on" in unique_check:
            return gettext("A day is scheduled twice; take one of them away.")
        return gettext("A number is there twice; number the observations 1, 2, 3 and so on.")


def refuse_contradictions(
    strategy: Strategy, members: Sequence[BasketMember], observations: Sequence[Observation]
) -> None:
    """Raise a ValidationError with every sentence; the form shows it above its parts."""
    in_order = sorted(observations, key=lambda one: one.number or 0)
    found = [each.sentence for each in contradictions(strategy, members, in_order)]
    if members and observations:
        found += without_sessions(strategy, members)
    if found:
        raise ValidationError(found)


def _rows(formset: Any) -> list[Any]:
    """Return the rows that the forms would save; none where one of them is not right itself."""
    kept = [form for form in formset.initial_forms + formset.extra_forms if not _gone(form)]
    return [] if any(form.errors for form in kept) else [form.instance for form in kept]


def _gone(form: Any) -> bool:
    unused = form.empty_permitted and not form.has_changed()
    return bool(unused or getattr(form, "cleaned_data", {}).get("DELETE"))


class _OfDraft(PlainNumbers, TabularInline):
    """Rows that change while their strategy is a draft."""

    extra = 0
    tab = True
    hide_title = True

    def has_change_permission(self, request: HttpRequest, row: Strategy | None = None) -> bool:
        return is_draft(row) and super().has_change_permission(request, row)

    has_add_permission = has_change_permission
    has_delete_permission = has_change_permission


class BasketInline(_OfDraft):
    model = BasketMember
    formset = BasketFormSet
    autocomplete_fields = ["underlying"]
    fields = ["underlying", "initial_fixing", "weight", "fx_pair", "fx_initial"]


class ObservationInline(_OfDraft):
    model = Observation
    form = ObservationForm
    formset = ObservationFormSet
    fields = [
        "number", "scheduled_on", "pays_on", "coupon_rate", "coupon_barrier", "call_barrier",
        "calls", "bonus", "call_redemption", "corridor_upper", "guaranteed", "starts_on", "ends_on",
        "days_inside", "days_total", "accrual_days",
    ]  # fmt: skip


def is_draft(strategy: Strategy | None) -> bool:
    return strategy is None or strategy.state == Strategy.State.DRAFT
