"""Find the phones that are due for a check by an index; made beside running work."""

from datetime import UTC, datetime

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Coalesce


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("profiles", "0018_found_by_name")]
    operations = [
        AddIndexConcurrently(
            "contactpoint",
            models.Index(
                Coalesce("checked_at", models.Value(datetime(1970, 1, 1, tzinfo=UTC))),
                "id",
                condition=models.Q(("channel", "sms"), ("state", "valid")),
                name="contact_point_to_check",
            ),
        ),
    ]
