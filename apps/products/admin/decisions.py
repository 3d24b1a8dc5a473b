"""Decisions on a policy: a top-up, a withdrawal, a surrender or a lapse, each with its day."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from apps.core import clock, money
from apps.core.admin.amounts import AmountField
from apps.core.admin.display import money as spoken
from apps.core.admin.display import page_url
from apps.core.admin.pages import deed
from apps.products.actions.policies import ENDS, ChangeError, Wanted, change_policy, issue
from apps.products.models.holdings import Policy
from apps.products.models.lifecycle import PolicyChange


class DecisionForm(forms.Form):
    """What is decided; the amounts are in the currency of the policy's strategy."""

    kind = forms.ChoiceField(
        label=_("Decision"), choices=PolicyChange.Kind, widget=UnfoldAdminSelectWidget
    )
    on = forms.DateField(
        label=_("Effective on"),
        widget=UnfoldAdminSingleDateWidget,
        help_text=_("Observations from this day on count with the new nominal."),
    )
    nominal = AmountField(
        label=_("Nominal"),
        required=False,
        help_text=_("How much is added or taken; nothing for a surrender or a lapse."),
    )
    amount = AmountField(
        label=_("Amount"),
        required=False,
        help_text=_("The money that the client pays in or is paid; planned for that day."),
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=200, required=False, widget=UnfoldAdminTextInputWidget
    )

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        places = money.decimals(self.currency)
        for name in ("nominal", "amount"):
            try:
                said[name] = money.minor_units(said.get(name) or 0, places)
            except ValueError:
                self.add_error(
                    name,
                    gettext("It is finer than %(currency)s allows: at most %(places)d decimals.")
                    % {"currency": self.currency, "places": places},
                )
        if said.get("kind") in ENDS and said.get("nominal"):
            self.add_error("nominal", gettext("A contract that ends keeps no part of its nominal."))
        return said


class DecisionPages:
    """Gives the page of policies the page on which something is decided of one."""

    admin_site: Any
    get_object: Any

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(self.decide_view)
        urls: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [path("<int:pk>/decide/", decide, name="products_policy_decide"), *urls]

    def decide_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the form of a decision, and carry it out."""
        if not request.user.has_perm("products.change_policy"):
            raise PermissionDenied
        policy = Policy.objects.select_related("strategy", "client").filter(pk=pk).first()
        if policy is None:
            raise Http404
        at = clock.now()
        currency = policy.strategy.currency
        form = DecisionForm(
            request.POST or None, currency=currency, initial={"on": clock.issuer_day(at)}
        )
        if request.method == "POST" and form.is_valid():
            try:
                change = change_policy(Wanted(policy_id=pk, **form.cleaned_data), at=at)
            except ChangeError as refusal:
                form.add_error(None, str(refusal))
            else:
                self.log_change(request, policy, str(change))  # type: ignore[attr-defined]
                messages.success(request, gettext("Done: %(change)s") % {"change": change})
                return HttpResponseRedirect(page_url(policy))
        return TemplateResponse(
            request,
            "products/admin/decide.html",
            {
                **self.admin_site.each_context(request),
                "title": _("Change the contract"),
                "opts": Policy._meta,
                "original": policy,
                "nominal": spoken(policy.nominal, currency),
                "form": form,
            },
        )


def is_active(policy: Policy) -> bool:
    return policy.state == Policy.State.ACTIVE


def is_applied(policy: Policy) -> bool:
    return policy.state == Policy.State.APPLIED


@deed(
    Policy, _("Change the contract"), permission="products.change_policy", icon="edit_document",
    offered=is_active,
)  # fmt: skip
def decide(_request: HttpRequest, policy: Policy) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:products_policy_decide", args=[policy.pk]))


@deed(
    Policy, _("Issue today"), permission="products.change_policy", icon="verified",
    offered=is_applied,
)  # fmt: skip
def issue_today(request: HttpRequest, policy: Policy) -> None:
    if issue(policy.pk, on=clock.issuer_day(clock.now())):
        messages.success(request, gettext("The policy is in force."))
