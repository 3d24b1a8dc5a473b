"""One payment a result, policy and kind, and one correction of each; made beside running work."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations, models

# A UniqueConstraint with a condition is an index of its name.
NEW = """
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS payment_once
ON products_payment (result_id, policy_id, kind, corrects) WHERE result_id IS NOT NULL
"""
NOT_NEW = "DROP INDEX CONCURRENTLY IF EXISTS payment_once"
OLD = """
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS payment_once_per_result
ON products_payment (result_id, policy_id, kind) WHERE result_id IS NOT NULL
"""
NOT_OLD = "DROP INDEX CONCURRENTLY IF EXISTS payment_once_per_result"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("products", "0008_restatements")]
    operations = [
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(NEW, NOT_NEW), migrations.RunSQL(NOT_OLD, OLD)],
            [
                migrations.RemoveConstraint("payment", "payment_once_per_result"),
                migrations.AddConstraint(
                    "payment",
                    models.UniqueConstraint(
                        fields=["result", "policy", "kind", "corrects"],
                        condition=models.Q(result__isnull=False),
                        name="payment_once",
                    ),
                ),
            ],
        ),
        ValidateConstraint("payment", "payment_paid_has_day"),
        ValidateConstraint("payment", "payment_signed_correction"),
    ]
