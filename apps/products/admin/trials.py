"""Try terms: a term sheet on its own past, before any client sees it."""

import gzip
import hashlib
from decimal import Decimal
from fractions import Fraction
from typing import Any

from babel.numbers import format_decimal
from django import forms
from django.contrib import messages
from django.core.cache import cache
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.text import slugify
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextareaWidget

from apps.core import clock
from apps.core import money as currencies
from apps.core.admin.display import day, locale, money, page_url, percent, pill
from apps.products.actions.drafts import draft_strategy
from apps.products.actions.strategies import StrategyError
from apps.products.models.strategies import ObservationResult, Strategy
from apps.products.payoff import Event, Status
from apps.products.queries.trials import (
    LONGEST_TEXT,
    Played,
    Trial,
    read_trials,
    stored_trial,
    trial_figure,
)
from apps.products.replay import Observed, PaymentKind
from apps.products.terms.sheet import ObservationTerms, RedemptionKind, TermSheet, TermSheetError

CHART_KEPT_FOR = 3600  # seconds; a page that stays open longer is tried again
TONES = {"ACCRUED": "good", "GUARANTEED": "good", "PARTIAL": "good", "SAVED": "wait", "LOST": "bad"}
STATUSES: dict[Status, Promise] = {
    Status.LIVE: _("goes on"),
    Status.CALLED: _("called early"),
    Status.MATURED: _("matured"),
}
PAYMENTS: dict[PaymentKind, Promise] = {
    PaymentKind.COUPON: _("coupon"),
    PaymentKind.REDEMPTION: _("capital"),
    PaymentKind.RESIDUAL: _("residual"),
}
PENDING = _("not known yet")


class TrialForm(forms.Form):
    """Terms with past prices, pasted or as a file; the file's text is kept for the next try."""

    text = forms.CharField(
        label=_("Terms and prices"),
        required=False,
        max_length=LONGEST_TEXT,
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 10, "spellcheck": "false"}),
        help_text=_(
            "JSON: one case with “spec” and “market”, many under “cases”, or one case a line."
        ),
    )
    file = forms.FileField(
        label=_("or a file with them"), required=False, widget=UnfoldAdminFileFieldWidget
    )

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        if file := said.get("file"):
            if file.size > LONGEST_TEXT:
                raise ValidationError(
                    gettext("The file is too large: at most %(most)d bytes.")
                    % {"most": LONGEST_TEXT}
                )
            try:
                said["text"] = file.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                raise ValidationError(
                    gettext("The file is no text in UTF-8; save it as UTF-8 and try again.")
                ) from None
        if not (said.get("text") or "").strip() and not self.errors:
            raise ValidationError(gettext("Paste terms, or choose a file."))
        return said


class TrialPages:
    """Gives the page of strategies the pages on which terms are tried; who may look may try."""

    admin_site: Any

    def trial_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("try/", view(self.try_view), name="products_strategy_try"),
            path("<int:pk>/try/", view(self.try_stored_view), name="products_strategy_try_stored"),
            path("try/<slug:key>/chart/", view(trial_chart), name="products_strategy_try_chart"),
        ]

    def try_view(self, request: HttpRequest) -> HttpResponse:
        """Show what pasted or uploaded cases did; save one of them as a draft where asked."""
        _refuse_strangers(request)
        form = TrialForm(request.POST or None, request.FILES or None)
        trials: list[Trial] = []
        if request.method == "POST" and form.is_valid():
            try:
                trials = read_trials(form.cleaned_data["text"])
            except TermSheetError as refusal:
                form.add_error(None, str(refusal))
            if request.FILES:
                form = TrialForm(initial={"text": form.cleaned_data["text"]})
        if "draft" in request.POST and (saved := _saved_draft(request, trials)):
            return HttpResponseRedirect(page_url(saved))
        return self._page(request, _("Try terms"), trials, form=form)

    def try_stored_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what a strategy would have done with the closes that the back office knows."""
        _refuse_strangers(request)
        strategy = get_object_or_404(Strategy, pk=pk)
        trial = stored_trial(strategy, as_of=clock.now().date())
        return self._page(request, _("Tried on its own past"), [trial], original=strategy)

    def _page(
        self, request: HttpRequest, title: Promise, trials: list[Trial], **context: Any
    ) -> HttpResponse:
        return TemplateResponse(
            request,
            "products/try.html",
            {
                **self.admin_site.each_context(request),
                "title": title,
                "opts": Strategy._meta,
                "trials": [_shown(trial, place) for place, trial in enumerate(trials)],
                "may_save": request.user.has_perm("products.add_strategy"),
                **context,
            },
        )


def _refuse_strangers(request: HttpRequest) -> None:
    names = ("products.view_strategy", "products.change_strategy")
    if not any(map(request.user.has_perm, names)):
        raise PermissionDenied


def trial_chart(request: HttpRequest, key: str) -> HttpResponse:
    """Give the figure of a case that was tried a while ago to the script that draws it."""
    _refuse_strangers(request)
    figure = cache.get(f"trial:{key}")
    if figure is None:
        raise Http404
    return HttpResponse(
        figure,
        content_type="application/json",
        headers={"Content-Encoding": "gzip", "Cache-Control": "private, no-cache"},
    )


def _saved_draft(request: HttpRequest, trials: list[Trial]) -> Strategy | None:
    if not request.user.has_perm("products.add_strategy"):
        raise PermissionDenied
    place = request.POST["draft"]
    if not (place.isdecimal() and int(place) < len(trials)):
        return None
    code, name = (request.POST.get(f"{field}-{place}", "").strip() for field in ("code", "name"))
    try:
        saved = draft_strategy(trials[int(place)].spec, code=code, name=name)
    except (StrategyError, TermSheetError) as refusal:
        messages.error(request, f"{trials[int(place)].name}: {refusal}")
        return None
    messages.success(request, gettext("The terms are saved as a draft; publishing comes later."))
    return saved


def _shown(trial: Trial, place: int) -> dict[str, Any]:
    """Return a case as its part of the page shows it."""
    shown: dict[str, Any] = {
        "place": place,
        "name": trial.name,
        "code": slugify(trial.name)[:40],
        "refusal": trial.refusal,
        "differences": trial.differences,
    }
    if trial.played is None:
        return shown
    terms, result = trial.played.terms, trial.played.replay
    shares = [share.id for share in terms.basket.underlyings]
    figures: list[tuple[Any, Any]] = [
        (_("status"), STATUSES[result.state.status]),
        (_("coupons in all"), _amount(result.coupons_total, terms)),
        (_("capital"), "–" if result.redemption is None else _amount(result.redemption, terms)),
        (_("paid in all"), _amount(result.total, terms)),
        (_("remembered, not paid"), _rate(result.memory_unpaid)),
    ]
    if terms.redemption.kind is RedemptionKind.BARRIER:
        broken = _("broken") if result.state.knocked_in else _("not broken")
        figures.append((_("knock-in barrier"), broken))
    return shown | {
        "for": _amount(terms.notional, terms),
        "figures": figures,
        "chart": _chart_url(trial.played),
        "shares": shares,
        "observations": [_row(one, shares, terms) for one in result.observations],
        "later": len(terms.observations) - len(result.observations),
        "payments": [
            (day(one.on), PAYMENTS[one.kind], _amount(one.amount, terms)) for one in result.payments
        ],
    }


def _row(one: Observed, shares: list[str], terms: TermSheet) -> dict[str, Any]:
    outcome = one.outcome
    days = {found.day for found in one.valuation.values()}
    together = len(days) == 1
    call = terms.observation(one.number).call_barrier
    return {
        "number": one.number,
        "scheduled": day(one.scheduled),
        "valued": day(*days) if together else _("share by share"),
        "moved": days != {one.scheduled},
        "shares": [
            {
                "level": _level(one.levels.get(share)),
                "day": "" if together else day(one.valuation[share].day),
                "worst": outcome is not None and outcome.worst == share and len(shares) > 1,
            }
            for share in shares
        ],
        "coupon_from": _corridor(terms.observation(one.number)),
        "call_from": call and _level(call),
        "event": pill(_event(one.event), TONES.get(one.event.value, "quiet")),
        "coupon": _amount(one.coupon, terms) if outcome else "–",
        "remembered": _rate(outcome.rate_remembered) if outcome else "–",
        "called": outcome is not None and outcome.called,
    }


def _event(event: Event) -> str | Promise:
    return PENDING if event is Event.PENDING else ObservationResult.Outcome(event.value).label


def _chart_url(played: Played) -> str:
    """Keep the figure for the script that asks for it, under the name of what it is."""
    figure: str = trial_figure(played).to_json()
    key = hashlib.sha256(figure.encode()).hexdigest()[:32]
    cache.set(f"trial:{key}", gzip.compress(figure.encode(), 6, mtime=0), CHART_KEPT_FOR)
    return reverse("admin:products_strategy_try_chart", args=[key])


def _amount(minor: int, terms: TermSheet) -> str:
    """Write money of a term sheet, which may have more decimals than its currency, or none named."""
    if terms.currency and terms.places == currencies.decimals(terms.currency):
        return money(minor, terms.currency)
    amount = currencies.major_units(minor, terms.places)
    return f"{format_decimal(amount, '#,##0.' + '#' * 8, locale=locale())} {terms.currency}".strip()


def _level(level: Fraction | None) -> str:
    return "–" if level is None else percent(round(_decimal(level), 4))


def _corridor(terms: ObservationTerms) -> str:
    """Write from where, and up to where, a coupon is earned: 75%, or 75% … 110%."""
    lower, upper = _level(terms.barrier), _level(terms.upper)
    return lower if terms.upper is None else f"{lower} … {upper}"


def _rate(rate: Fraction) -> str:
    return percent(_decimal(rate))


def _decimal(fraction: Fraction) -> Decimal:
    """Return a fraction with the six places that a page shows."""
    return round(Decimal(fraction.numerator) / fraction.denominator, 6)
