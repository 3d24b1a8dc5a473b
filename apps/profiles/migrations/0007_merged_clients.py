"""Find who was merged into a client; the index is made beside running work."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("profiles", "0006_who_is_who")]
    operations = [
        AddIndexConcurrently(
            "client",
            models.Index(
                fields=["merged_into"],
                condition=models.Q(("merged_into__isnull", False)),
                name="client_merged",
            ),
        ),
    ]
