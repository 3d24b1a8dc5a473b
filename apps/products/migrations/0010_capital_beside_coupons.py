"""Write beside each last coupon what its end paid back, as its payments have said so far."""

from django.db import migrations

# Only the few coupons that ended a policy have such payments.
FILL = """
ALTER TABLE products_policycoupon DISABLE TRIGGER append_only;
UPDATE products_policycoupon AS coupon
SET redemption = due.redemption, residual = due.residual
FROM (
    SELECT result_id, policy_id,
        max(amount) FILTER (WHERE kind = 'redemption') AS redemption,
        max(amount) FILTER (WHERE kind = 'residual') AS residual
    FROM products_payment
    WHERE kind IN ('redemption', 'residual') AND result_id IS NOT NULL
    GROUP BY result_id, policy_id
) AS due
WHERE coupon.result_id = due.result_id AND coupon.policy_id = due.policy_id;
ALTER TABLE products_policycoupon ENABLE TRIGGER append_only;
"""


class Migration(migrations.Migration):
    dependencies = [("products", "0009_payment_once")]
    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
