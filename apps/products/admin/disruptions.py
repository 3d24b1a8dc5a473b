"""Market disruptions: declared by a person, withdrawn where that was a mistake."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    AutocompleteSelectMultipleFilter,
    RangeDateFilter,
)

from apps.core import clock
from apps.core.admin.display import column, pill
from apps.core.admin.pages import Page, deed
from apps.products.actions.disruptions import (
    DisruptionError,
    declare_disruption,
    withdraw_disruption,
)
from apps.products.admin.markets import person
from apps.products.models.disruptions import Disruption


class DisruptionForm(forms.ModelForm[Disruption]):
    class Meta:
        model = Disruption
        fields = ["underlying", "exchange", "day", "reason"]

    def clean_day(self) -> Any:
        day = self.cleaned_data["day"]
        if day > clock.now().date():
            raise ValidationError(
                gettext(
                    "A session cannot be disrupted before it is held: choose a day until today."
                )
            )
        return day


@admin.register(Disruption)
class DisruptionPage(Page[Disruption]):
    """What a person declares is kept; a mistake is withdrawn."""

    form = DisruptionForm
    list_display = ["day", "whom", "reason", "stands", "made_by", "made_at"]
    list_select_related = ["underlying", "exchange", "made_by"]
    list_filter = [
        ("underlying", AutocompleteSelectMultipleFilter),
        ("exchange", AutocompleteSelectFilter),
        ("day", RangeDateFilter),
    ]
    search_fields = ["underlying__ticker", "exchange__code", "reason"]
    autocomplete_fields = ["underlying", "exchange"]
    date_hierarchy = "day"
    ordering = ["-day", "-pk"]
    actions = ["withdraw"]

    @column(_("disrupted"))
    def whom(self, disruption: Disruption) -> str:
        return str(disruption.underlying or disruption.exchange)

    @column(_("state"))
    def stands(self, disruption: Disruption) -> str:
        return pill(_("withdrawn")) if disruption.withdrawn_at else pill(_("counts"), "wait")

    def has_change_permission(self, request: HttpRequest, row: Disruption | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, row: Disruption | None = None) -> bool:
        return False

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("products.change_disruption")

    def save_model(self, request: HttpRequest, obj: Disruption, form: Any, change: Any) -> None:
        made = declare_disruption(
            underlying_id=obj.underlying_id,
            exchange_id=obj.exchange_id,
            day=obj.day,
            reason=obj.reason,
            by=person(request),
            at=clock.now(),
        )
        obj.pk, obj.made_at, obj.made_by = made.pk, made.made_at, made.made_by

    @admin.action(description=_("Withdraw"), permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, disruptions: QuerySet[Disruption]) -> None:
        withdraw_all(request, disruptions)


def stands(disruption: Disruption) -> bool:
    return disruption.withdrawn_at is None


@deed(
    Disruption, _("Withdraw"), permission="products.change_disruption", icon="undo",
    offered=stands,
)  # fmt: skip
def withdraw_one(request: HttpRequest, disruption: Disruption) -> None:
    withdraw_all(request, Disruption.objects.filter(pk=disruption.pk))


def withdraw_all(request: HttpRequest, disruptions: QuerySet[Disruption]) -> None:
    done = 0
    for pk in list(disruptions.values_list("pk", flat=True)):
        try:
            withdraw_disruption(pk, by=person(request), at=clock.now())
        except DisruptionError as refused:
            messages.warning(request, str(refused))
        else:
            done += 1
    if done:
        said = ngettext("%d disruption withdrawn.", "%d disruptions withdrawn.", done) % done
        messages.success(request, said)
