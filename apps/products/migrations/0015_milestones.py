"""The events that dates bring, as they are written until a marketer decides otherwise."""

from django.db import migrations

DAYS = {
    "policy.issued": 0,
    "policy.waiting_over": 0,
    "observation.near": 7,
    "policy.maturing": 30,
    "policy.matured": 0,
    "payment.due": 7,
    "payment.overdue": 0,
}
APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON products_policychange
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""
UNDO = "DROP TRIGGER append_only ON products_policychange"


def publish(apps, schema_editor):
    Milestone = apps.get_model("products", "Milestone")
    Milestone.objects.bulk_create(
        [Milestone(kind=kind, days=days) for kind, days in DAYS.items()], ignore_conflicts=True
    )


class Migration(migrations.Migration):
    dependencies = [("products", "0014_lifecycle"), ("profiles", "0002_append_only")]
    operations = [
        migrations.RunPython(publish, migrations.RunPython.noop),
        migrations.RunSQL(APPEND_ONLY, UNDO),
    ]
