"""Results and coupons are never changed; a correction is a new row."""

from django.db import migrations

TABLES = ("products_observationresult", "products_policycoupon")
TRIGGER = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""
UNDO = "DROP TRIGGER append_only ON {table};"


class Migration(migrations.Migration):
    dependencies = [("products", "0001_initial"), ("profiles", "0002_append_only")]
    operations = [
        migrations.RunSQL(TRIGGER.format(table=table), UNDO.format(table=table))
        for table in TABLES
    ]
