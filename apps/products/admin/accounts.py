"""Funds, model portfolios, and what clients hold of them; each figure as the client's page has it."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    MultipleChoicesDropdownFilter,
    RangeDateFilter,
)

from apps.core import clock
from apps.core.admin.display import (
    amounts,
    badge,
    column,
    day,
    linked,
    list_url,
    money,
    page_link,
    page_url,
    percent,
    pill,
    price,
)
from apps.core.admin.pages import Page, PlainNumbers, panel
from apps.core.site import Concern, Line, concerns
from apps.events.admin import subjects
from apps.products.imports.accounts import AccountResource, TransactionResource
from apps.products.imports.funds import FundResource
from apps.products.models.accounts import Account, Transaction
from apps.products.models.funds import Fund, ModelPortfolio, PortfolioWeight
from apps.products.models.markets import Quote
from apps.products.queries.facts import Figure
from apps.products.queries.movers import late_holdings
from apps.products.queries.wealth import holdings_of
from apps.products.queries.wealth_facts import Change, Holdings, Position
from apps.profiles.models import Client

SHOWN = 5  # concerns told one by one
LISTED = 20  # rows of a panel


@admin.register(Fund)
class FundPage(Page[Fund]):
    """Funds come from files, each with its underlying; here their facts are corrected."""

    resource_classes = [FundResource]
    list_display = [
        "ticker", "name", badge("aim", _("invests in")), "currency", "isin", "lag", "mix_on",
    ]  # fmt: skip
    list_select_related = ["underlying"]
    list_filter = [("aim", MultipleChoicesDropdownFilter)]
    search_fields = ["underlying__ticker", "underlying__name", "underlying__isin"]
    autocomplete_fields = ["underlying"]
    ordering = ["underlying__ticker"]
    fieldsets = [
        (None, {"fields": [("underlying", "aim", "lag")]}),
        (_("Mix"), {"fields": [("shares", "bonds", "cash", "other"), "mix_on"]}),
    ]

    @column(_("ticker"), ordering="underlying__ticker")
    def ticker(self, fund: Fund) -> str:
        return fund.underlying.ticker

    @column(_("name"), ordering="underlying__name")
    def name(self, fund: Fund) -> str:
        return page_link(fund.underlying, fund.underlying.name)

    @column(_("currency"), ordering="underlying__currency")
    def currency(self, fund: Fund) -> str:
        return fund.underlying.currency

    @column(_("ISIN"))
    def isin(self, fund: Fund) -> str:
        return fund.underlying.isin or "–"


class WholeWeights(BaseInlineFormSet[PortfolioWeight, ModelPortfolio, Any]):
    """The weights of a portfolio, which together are the whole."""

    def clean(self) -> None:
        super().clean()
        kept = [
            form.cleaned_data.get("weight") or Decimal(0)
            for form in self.forms
            if form.cleaned_data and not form.cleaned_data.get("DELETE")
        ]
        if kept and sum(kept) != 1:
            raise ValidationError(
                gettext("The weights add up to %(sum)s; together they must be 1.")
                % {"sum": f"{sum(kept):f}"}
            )


class WeightInline(PlainNumbers, TabularInline):
    model = PortfolioWeight
    formset = WholeWeights
    extra = 0
    autocomplete_fields = ["underlying"]


@admin.register(ModelPortfolio)
class ModelPortfolioPage(Page[ModelPortfolio]):
    list_display = ["code", "name", badge("aim", _("invests in")), "currency"]
    list_filter = [("aim", MultipleChoicesDropdownFilter)]
    search_fields = ["code", "name"]
    ordering = ["code"]
    inlines = [WeightInline]


def of_account(row: Transaction) -> str:
    return row.account.currency


@admin.register(Account)
class AccountPage(Page[Account]):
    resource_classes = [AccountResource]
    list_display = [
        "number", linked("client", _("client"), "last_name"), "name", badge("kind", _("kind")),
        "currency", "portfolio",
        "opened_on", "closed_on",
    ]  # fmt: skip
    list_select_related = ["client", "portfolio"]
    list_filter = [
        ("kind", MultipleChoicesDropdownFilter),
        ("portfolio", AutocompleteSelectFilter),
        ("client", AutocompleteSelectFilter),
        ("opened_on", RangeDateFilter),
    ]
    search_fields = ["number__startswith", "^client__last_name", "^client__first_name"]
    autocomplete_fields = ["client", "portfolio"]
    ordering = ["-pk"]
    fieldsets = [
        (None, {"fields": [("number", "name"), ("client", "kind"), ("currency", "portfolio")]}),
        (_("Term"), {"fields": [("opened_on", "closed_on")]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, row: Account | None = None) -> list[str]:
        """Keep what the figures rest on: once something is booked, only the rest may change."""
        booked = row is not None and row.transactions.exists()
        return ["number", "client", "currency"] if booked else []


@admin.register(Transaction)
class TransactionPage(Page[Transaction]):
    resource_classes = [TransactionResource]
    list_display = [
        "day", "reference", linked("account", _("account"), "number"),
        linked("account__client", _("client"), "last_name"), badge("kind", _("kind")),
        linked("underlying", _("fund or share"), "ticker"), "shown_units",
        amounts("amount", _("amount"), of_account),
    ]  # fmt: skip
    list_select_related = ["account__client", "underlying"]
    list_filter = [
        ("kind", MultipleChoicesDropdownFilter),
        ("underlying", AutocompleteSelectFilter),
        ("account", AutocompleteSelectFilter),
        ("day", RangeDateFilter),
    ]
    search_fields = [
        "reference__exact", "account__number__startswith", "^account__client__last_name",
    ]  # fmt: skip
    autocomplete_fields = ["account", "underlying"]
    ordering = ["-pk"]
    fieldsets = [
        (None, {"fields": [("account", "reference"), ("kind", "day")]}),
        (_("Dealt"), {"fields": [("underlying", "units"), "amount"]}),
    ]

    @column(_("units"))
    def shown_units(self, row: Transaction) -> str:
        return units(row.units)


def units(number: Decimal | None) -> str:
    return "–" if number is None else f"{number.normalize():f}"


def figure(told: Figure[int], currency: str) -> SafeString | str:
    """Write an amount, or a dash with the reason on it where it is not known."""
    if told.value is None:
        return format_html('<span title="{}">–</span>', told.detail)
    return money(told.value, currency)


def change(told: Change, currency: str) -> SafeString | str:
    """Write a gain or loss with its percentage."""
    if told.amount.value is None:
        return figure(told.amount, currency)
    rate = told.rate.value
    tone = "bad" if told.amount.value < 0 else "good"
    said = money(told.amount.value, currency)
    return pill(f"{said} · {of_a_hundred(rate)}" if rate is not None else said, tone)


def of_a_hundred(rate: Fraction | Decimal) -> str:
    """Write a part or a gain in percent, to the hundredth of one."""
    exact = Fraction(rate)
    return percent(round(Decimal(exact.numerator) / exact.denominator, 4))


def priced(told: Position | Holdings) -> SafeString | str:
    """Write the day of the prices; what is wrong with one stands beside it."""
    late = told.late if isinstance(told.late, str) else "; ".join(told.late)
    said = day(told.value.as_of)
    return format_html("{} {}", pill(said, "wait"), late) if late else said


@panel(Client, _("Accounts"), permission="products.view_account", wide=True, order=55)
def accounts_of(_request: HttpRequest, client: Client) -> dict[str, Any] | None:
    held = holdings_of(client.accounts.all()[:LISTED], at=clock.now())
    if not held:
        return None
    return {
        "headers": [
            _("number"), _("name"), _("value"), _("gained since the purchase"), _("of the day"),
            _("prices of"),
        ],
        "rows": [
            [
                page_link(one.account),
                one.account.name,
                figure(one.value, one.account.currency),
                change(one.profit, one.account.currency),
                change(one.day, one.account.currency),
                priced(one),
            ]
            for one in held
        ],
        "empty": "",
        "more": _("All"),
        "more_url": list_url(Account, client__id__exact=client.pk),
    }  # fmt: skip


@panel(Account, _("Holdings"), permission="products.view_account", wide=True)
def positions_of(_request: HttpRequest, account: Account) -> dict[str, Any]:
    found = holdings_of([account], at=clock.now())
    currency = account.currency
    return {
        "headers": [
            _("fund or share"), _("units"), _("price"), _("value"), _("part"),
            _("gained since the purchase"), _("of the day"), _("money-weighted return"),
            _("prices of"),
        ],
        "rows": [
            [
                page_link(one.underlying, one.underlying.name),
                units(one.units.value),
                price(one.price.value, currency),
                figure(one.value, currency),
                of_a_hundred(one.part) if one.part is not None else "–",
                change(one.profit, currency),
                change(one.day, currency),
                returned(one),
                priced(one),
            ]
            for holdings in found
            for one in holdings.positions
        ],
        "empty": _("Nothing has been booked yet."),
        "more": _("Transactions"),
        "more_url": list_url(Transaction, account__id__exact=account.pk),
    }  # fmt: skip


def returned(one: Position) -> SafeString | str:
    """Write a year's return, or that of the whole period where it is shorter than a year."""
    told = one.money_weighted
    if told.value is None:
        return format_html('<span title="{}">–</span>', told.detail)
    if told.value.yearly is None:
        words = {"rate": of_a_hundred(told.value.whole), "days": told.value.days}
        return gettext("%(rate)s in %(days)d days") % words
    return gettext("%(rate)s a year") % {"rate": of_a_hundred(told.value.yearly)}


@subjects("account")
def accounts_named(ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    rows = Account.objects.filter(pk__in=list(ids))
    return {row.pk: (f"{row} · {row.name}", page_url(row)) for row in rows}


@concerns("products.view_account")
def holdings_without_price(at: datetime) -> Iterable[Concern]:
    late = late_holdings(at=at)
    yield Concern(
        title=gettext("Holdings without a price of today"),
        count=len(late),
        url=list_url(Quote),
        lines=[Line(one.underlying.ticker, one.late, page_url(one.underlying))
               for one in late[:SHOWN]],
        tone="bad",
        icon="hourglass_disabled",
    )  # fmt: skip
