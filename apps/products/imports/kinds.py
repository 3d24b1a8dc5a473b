"""The kinds of files that bring products, prices, holdings and what is owed."""

from django.utils.translation import gettext_lazy as _

from apps.core.imports.kinds import Kind, register
from apps.products.imports.accounts import AccountResource, TransactionResource
from apps.products.imports.deadlines import DeadlineResource
from apps.products.imports.funds import FundResource
from apps.products.imports.instalments import CreditAccountResource, InstalmentResource
from apps.products.imports.markets import (
    CorporateActionResource,
    TradingDayResource,
    UnderlyingResource,
)
from apps.products.imports.payments import PaymentResource
from apps.products.imports.policies import PolicyResource
from apps.products.imports.quotes import QuoteResource
from apps.products.imports.strategies import StrategyResource
from apps.products.imports.undoing import news_of_policies, results_of_prices

register(
    Kind("underlyings", _("Shares"), UnderlyingResource),
    Kind("funds", _("Funds"), FundResource),
    Kind("trading_days", _("Trading days"), TradingDayResource),
    Kind(
        "corporate_actions",
        _("Corporate actions"),
        CorporateActionResource,
        built_on=results_of_prices,
    ),
    Kind("quotes", _("Closing prices"), QuoteResource, built_on=results_of_prices, scope="quotes"),
    Kind("strategies", _("Strategies"), StrategyResource),
    Kind(
        "policies",
        _("Policies"),
        PolicyResource,
        scope="policies",
        built_on=news_of_policies,
        amounts={"premium": "currency"},
    ),
    Kind(
        "payments",
        _("Payments"),
        PaymentResource,
        scope="payments",
        built_on=news_of_policies,
        group=("policy",),
        amounts={"amount": "currency"},
    ),
    Kind("accounts", _("Accounts"), AccountResource, scope="holdings"),
    Kind(
        "transactions",
        _("Transactions"),
        TransactionResource,
        scope="holdings",
        group=("account",),
        amounts={"amount": "currency"},
    ),
    Kind(
        "instalment_accounts",
        _("Instalment accounts"),
        CreditAccountResource,
        scope="holdings",
        amounts={"used": "currency"},
    ),
    Kind(
        "instalments",
        _("Instalments"),
        InstalmentResource,
        scope="holdings",
        group=("account",),
        amounts={"amount": "currency"},
    ),
    Kind("deadlines", _("Deadlines"), DeadlineResource, scope="holdings"),
)
