"""Let a million coupons and payments be written without looking a million times at their parents."""

import django.db.models.deletion
from django.db import migrations, models

# What a foreign key did: a policy with coupons or payments stays. Results stay by their append_only.
# The lock waits for who is writing such rows just now, so that the look at them misses none.
KEEP = """
CREATE FUNCTION products_keep_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_LEVEL = 'STATEMENT' THEN
        LOCK TABLE products_policycoupon, products_payment IN SHARE MODE;
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM products_policycoupon WHERE policy_id = OLD.id)
        OR EXISTS (SELECT FROM products_payment WHERE policy_id = OLD.id) THEN
        RAISE foreign_key_violation
            USING MESSAGE = format('policy %s has coupons or payments', OLD.number);
    END IF;
    RETURN OLD;
END
$$;
CREATE TRIGGER keep_with_money_wait BEFORE DELETE ON products_policy
    FOR EACH STATEMENT EXECUTE FUNCTION products_keep_policy();
CREATE TRIGGER keep_with_money BEFORE DELETE ON products_policy
    FOR EACH ROW EXECUTE FUNCTION products_keep_policy();
"""
UNDO = """
DROP TRIGGER keep_with_money ON products_policy;
DROP TRIGGER keep_with_money_wait ON products_policy;
DROP FUNCTION products_keep_policy();
"""


class Migration(migrations.Migration):
    dependencies = [("products", "0017_counted_payment_days")]
    operations = [
        migrations.RunSQL(KEEP, UNDO),
        migrations.AlterField(
            model_name="policycoupon",
            name="policy",
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name="coupons", to="products.policy", verbose_name="policy"),
        ),
        migrations.AlterField(
            model_name="policycoupon",
            name="observation",
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name="coupons", to="products.observation", verbose_name="observation"),
        ),
        migrations.AlterField(
            model_name="policycoupon",
            name="result",
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="coupons", to="products.observationresult", verbose_name="result"),
        ),
        migrations.AlterField(
            model_name="payment",
            name="policy",
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name="payments", to="products.policy", verbose_name="policy"),
        ),
        migrations.AlterField(
            model_name="payment",
            name="result",
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="payments", to="products.observationresult", verbose_name="result"),
        ),
    ]
