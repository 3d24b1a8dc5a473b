"""Shares and their prices; a held price waits here for somebody's word."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    AutocompleteSelectMultipleFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    RadioFilter,
    RangeDateFilter,
)

from apps.core import clock
from apps.core.admin.display import (
    badge,
    column,
    day,
    page_link,
    page_url,
    percents,
    pill,
    price,
    stacked,
)
from apps.core.admin.pages import Page, ReadOnlyPage, deed
from apps.products.actions.quotes import confirm_quotes, reject_quotes
from apps.products.actions.restatement.foreseeing import foresee_quotes
from apps.products.actions.restatement.ordering import propose_actions
from apps.products.admin.previews import preview_table
from apps.products.imports.markets import (
    CorporateActionResource,
    UnderlyingResource,
)
from apps.products.imports.quotes import QuoteResource
from apps.products.models.markets import (
    CorporateAction,
    Quote,
    Underlying,
)
from apps.products.models.restatements import Foresight
from apps.products.queries.due import late_quotes


class LateFilter(RadioFilter):
    title = _("closing price")
    parameter_name = "late"

    def lookups(self, request: HttpRequest, page: Any) -> list[tuple[str, Any]]:
        return [("1", _("missing for the last session"))]

    def queryset(self, request: HttpRequest, rows: QuerySet[Underlying]) -> QuerySet[Underlying]:
        if self.value() != "1":
            return rows
        return rows.filter(pk__in=[late.underlying.pk for late in late_quotes(at=clock.now())])


@admin.register(Underlying)
class UnderlyingPage(Page[Underlying]):
    resource_classes = [UnderlyingResource]
    list_display = [
        "ticker", "name", badge("kind", _("kind")), "exchange", "currency", "isin",
        percents("jump_limit", _("largest believable move")), "last_close",
    ]  # fmt: skip
    list_select_related = ["exchange"]
    list_filter = [
        LateFilter,
        ("kind", ChoicesDropdownFilter),
        ("exchange", AutocompleteSelectMultipleFilter),
    ]
    search_fields = ["ticker", "name", "isin"]
    autocomplete_fields = ["exchange"]
    ordering = ["ticker"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Underlying]:
        rows: QuerySet[Underlying] = super().get_queryset(request)
        last = Quote.objects.filter(underlying=OuterRef("pk"), is_current=True).order_by("-day")
        return rows.annotate(
            last_day=Subquery(last.values("day")[:1]), last_price=Subquery(last.values("close")[:1])
        )

    @column(_("last close"), ordering="last_day")
    def last_close(self, share: Any) -> str:
        if share.last_day is None:
            return "–"
        return f"{price(share.last_price, share.currency)} · {day(share.last_day)}"


@admin.register(Quote)
class QuotePage(ReadOnlyPage[Quote]):
    """Prices come from files; a wrong one is replaced by a new version, never written over."""

    resource_classes = [QuoteResource]
    list_display = [
        "day", "share", "shown_close", "shown_state", "source", "brought_by", "received_at",
        "version",
    ]  # fmt: skip
    list_select_related = ["underlying", "brought_by"]
    list_filter = [
        ("state", ChoicesDropdownFilter),
        ("underlying", AutocompleteSelectMultipleFilter),
        ("day", RangeDateFilter),
        ("is_current", BooleanRadioFilter),
    ]
    search_fields = ["underlying__ticker", "underlying__name", "source", "held_because"]
    date_hierarchy = "day"
    ordering = ["-day", "underlying__ticker", "-version"]
    actions = ["foresee", "confirm", "reject"]

    @column(_("share"), ordering="underlying__ticker")
    def share(self, quote: Quote) -> str:
        return page_link(quote.underlying)

    @column(_("state"), ordering="state")
    def shown_state(self, quote: Quote) -> str:
        tone = {"confirmed": "good", "held": "wait"}.get(quote.state, "quiet")
        return stacked(pill(quote.get_state_display(), tone), quote.held_because)

    @column(_("close"), ordering="close")
    def shown_close(self, quote: Quote) -> str:
        return price(quote.close, quote.underlying.currency)

    def has_confirm_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("products.change_quote")

    @admin.action(description=_("Preview what confirming would change"), permissions=["confirm"])
    def foresee(self, request: HttpRequest, quotes: QuerySet[Quote]) -> HttpResponse:
        chosen = list(quotes.values_list("pk", flat=True))
        seen = foresee_quotes(chosen, at=clock.now())
        if isinstance(seen, Foresight):
            return HttpResponseRedirect(page_url(seen))
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("What confirming would change"),
            "content": preview_table(seen) | {"note": ""},
            "chosen": chosen,
            "opts": self.model._meta,
        }
        return TemplateResponse(request, "products/preview.html", context)

    @admin.action(description=_("Confirm held quotes"), permissions=["confirm"])
    def confirm(self, request: HttpRequest, quotes: QuerySet[Quote]) -> None:
        confirm_held(request, quotes)

    @admin.action(description=_("Reject held quotes"), permissions=["confirm"])
    def reject(self, request: HttpRequest, quotes: QuerySet[Quote]) -> None:
        reject_held(request, quotes)


def is_held(quote: Quote) -> bool:
    return quote.state == Quote.State.HELD


@deed(
    Quote, _("Confirm"), permission="products.change_quote", icon="check", offered=is_held
)  # fmt: skip
def confirm_one(request: HttpRequest, quote: Quote) -> None:
    confirm_held(request, Quote.objects.filter(pk=quote.pk))


@deed(
    Quote, _("Reject"), permission="products.change_quote", icon="block", offered=is_held
)  # fmt: skip
def reject_one(request: HttpRequest, quote: Quote) -> None:
    reject_held(request, Quote.objects.filter(pk=quote.pk))


def confirm_held(request: HttpRequest, quotes: QuerySet[Quote]) -> None:
    """Confirm what is held of the quotes, but nothing that the reader brought himself."""
    own = quotes.filter(state=Quote.State.HELD, brought_by=request.user.pk).count()
    chosen = list(quotes.values_list("pk", flat=True))
    count = len(confirm_quotes(chosen, by=person(request), at=clock.now()))
    said = ngettext("%d quote confirmed.", "%d quotes confirmed.", count) % count
    tell(request, said, count, left=len(chosen) - count - own)
    if own:
        alone = ngettext(
            "%d was brought by you: a second person must confirm it.",
            "%d were brought by you: a second person must confirm them.",
            own,
        )
        messages.warning(request, alone % own)


def reject_held(request: HttpRequest, quotes: QuerySet[Quote]) -> None:
    chosen = list(quotes.values_list("pk", flat=True))
    count = len(reject_quotes(chosen, by=person(request), at=clock.now()))
    said = ngettext("%d quote rejected.", "%d quotes rejected.", count) % count
    tell(request, said, count, left=len(chosen) - count)


def person(request: HttpRequest) -> AbstractBaseUser | None:
    return request.user if request.user.is_authenticated else None


def tell(request: HttpRequest, said: str, count: int, *, left: int) -> None:
    """Say what was done, and how many rows somebody else had decided already."""
    if left > 0:
        said += " " + ngettext(
            "%d was not held any more.", "%d were not held any more.", left
        ) % left  # fmt: skip
    messages.add_message(request, messages.SUCCESS if count else messages.WARNING, said)


@admin.register(CorporateAction)
class CorporateActionPage(Page[CorporateAction]):
    resource_classes = [CorporateActionResource]
    list_display = ["ex_on", "underlying", badge("kind", _("kind")), "shown_ratio", "shown_amount",
                    "source"]  # fmt: skip
    list_select_related = ["underlying"]
    list_filter = [
        ("kind", ChoicesDropdownFilter),
        ("underlying", AutocompleteSelectMultipleFilter),
        ("ex_on", RangeDateFilter),
    ]
    search_fields = ["underlying__ticker", "source"]
    autocomplete_fields = ["underlying"]
    date_hierarchy = "ex_on"
    ordering = ["-ex_on"]

    def save_model(
        self,
        request: HttpRequest,
        happened: CorporateAction,
        form: Any,
        change: bool,  # noqa: FBT001 (Django's own)
    ) -> None:
        before = CorporateAction.objects.filter(pk=happened.pk).first()
        super().save_model(request, happened, form, change)
        if {*form.changed_data} - {"source"}:
            propose(request, [happened, *([before] if before else [])])

    def delete_model(self, request: HttpRequest, happened: CorporateAction) -> None:
        super().delete_model(request, happened)
        propose(request, [happened])

    def delete_queryset(self, request: HttpRequest, rows: QuerySet[CorporateAction]) -> None:
        removed = list(rows.select_related("underlying"))
        super().delete_queryset(request, rows)
        propose(request, removed)

    @column(_("ratio"))
    def shown_ratio(self, happened: CorporateAction) -> str:
        ratio = happened.ratio
        return "–" if ratio is None else f"{ratio.normalize():f} : 1"

    @column(_("amount"))
    def shown_amount(self, happened: CorporateAction) -> str:
        return price(happened.amount, happened.underlying.currency)


def propose(request: HttpRequest, changed: Iterable[CorporateAction]) -> None:
    """Propose to restate what was computed without a change, and say so."""
    actions = list(changed)
    first: dict[int, date] = {}
    for one in actions:
        first[one.underlying_id] = min(one.ex_on, first.get(one.underlying_id, one.ex_on))
    reason = gettext("corporate action put right: %(action)s") % {"action": actions[0]}
    proposed = propose_actions(first, reason=reason, at=clock.now(), by=person(request))
    if proposed:
        messages.warning(
            request,
            gettext(
                "Results were computed before: restatement %(number)s waits for a second person."
            )
            % {"number": proposed.pk},
        )
