"""Find the events that wait for a client by what he is known as; made beside running work."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("events", "0004_arrivals")]
    operations = [
        AddIndexConcurrently(
            "stray",
            models.Index(
                fields=["reference"],
                condition=models.Q(("reason", "no_client")),
                name="stray_waiting",
            ),
        )
    ]
