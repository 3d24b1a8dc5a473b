"""Follow what clients ask for on their pages in the audit trail."""

from django.db import migrations

from apps.core.audit import Audit


class Migration(migrations.Migration):
    dependencies = [("landing", "0001_initial"), ("core", "0003_audit_trail")]
    operations = [
        Audit("landing_emailsubscription"),
    ]
