"""Find the share of a sending that its ramp lets out; made beside running work."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Mod


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("messaging", "0027_approvals")]
    operations = [
        AddIndexConcurrently(
            "notice",
            models.Index(
                models.F("sending"),
                Mod("id", 100),
                condition=models.Q(("sending__isnull", False)),
                name="notice_of_ramp",
            ),
        ),
        RemoveIndexConcurrently("notice", "notice_of_sending"),
    ]
