"""Find the next call, and a page of their list, by an index; made beside running work."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("advisers", "0002_standing")]
    operations = [
        AddIndexConcurrently(
            "calltask",
            models.Index(
                condition=models.Q(("state__in", ["open", "taken"])),
                fields=["-priority", "-standing", "due_at"],
                name="call_task_next",
            ),
        ),
        AddIndexConcurrently(
            "calltask",
            models.Index(
                models.F("ended_at").desc(nulls_first=True),
                models.F("priority").desc(),
                models.F("standing").desc(),
                models.F("due_at"),
                "id",
                name="call_task_listed",
            ),
        ),
        RemoveIndexConcurrently("calltask", "call_task_queue"),
    ]
