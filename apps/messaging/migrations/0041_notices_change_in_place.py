"""Have a notice planned without writing any index; all of it beside running work."""

from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("messaging", "0040_queued_notices")]
    operations = [
        AddIndexConcurrently(
            "notice",
            BrinIndex(
                fields=["state", "created_at"],
                name="notice_wants_somebody",
                condition=models.Q(("state__in", ["drafted", "failed"])),
                pages_per_range=16,
                autosummarize=True,
            ),
        ),
        RemoveIndexConcurrently("notice", "notice_broken"),
        RemoveIndexConcurrently("notice", "notice_drafted"),
        RemoveIndexConcurrently("notice", "notice_queued"),
        # For pages to come; those that are there keep what they have.
        migrations.RunSQL(
            "ALTER TABLE messaging_notice SET (fillfactor = 50)",
            "ALTER TABLE messaging_notice RESET (fillfactor)",
        ),
    ]
