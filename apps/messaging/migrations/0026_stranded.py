"""Find what waits to go again to its provider; made beside running work."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("messaging", "0025_described_at")]
    operations = [
        AddIndexConcurrently(
            "message",
            models.Index(
                fields=["send_after"],
                condition=models.Q(("handed_at__isnull", False), ("state", "queued")),
                name="message_repeated",
            ),
        ),
    ]
