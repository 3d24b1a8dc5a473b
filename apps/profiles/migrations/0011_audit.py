"""Follow what is known of clients in the audit trail."""

from django.db import migrations

from apps.core.audit import Audit


class Migration(migrations.Migration):
    dependencies = [("profiles", "0010_address_by_hash"), ("core", "0003_audit_trail")]
    operations = [
        Audit("profiles_client"),
        Audit("profiles_identifier"),
        Audit("profiles_contactpoint"),
        Audit("profiles_consentrecord"),
        Audit("profiles_suppression"),
        Audit("profiles_duplicate"),
        Audit("profiles_conflict"),
        Audit("profiles_merge"),
    ]
