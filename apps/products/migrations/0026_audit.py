"""Follow contracts, money and whatever files can change in the audit trail."""

from django.db import migrations

from apps.core.audit import Audit


class Migration(migrations.Migration):
    dependencies = [("products", "0025_issued_late"), ("core", "0003_audit_trail")]
    operations = [
        Audit("products_policy", without=("is_untold",)),
        Audit("products_paymentplan"),
        Audit("products_payment"),
        Audit("products_account"),
        Audit("products_transaction"),
        Audit("products_creditaccount"),
        Audit("products_instalment"),
        Audit("products_deadline", without=("told_at",)),
        Audit("products_moverule"),
        Audit("products_strategy"),
        Audit("products_basketmember"),
        Audit("products_observation"),
        Audit("products_exchange"),
        Audit("products_tradingday"),
        Audit("products_underlying"),
        Audit("products_quote"),
        Audit("products_corporateaction"),
        Audit("products_fund", key="underlying_id"),
        Audit("products_modelportfolio"),
        Audit("products_portfolioweight"),
    ]
