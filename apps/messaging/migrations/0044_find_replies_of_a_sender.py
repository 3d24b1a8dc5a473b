"""Find what a number has just said; the index is made beside running work."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("messaging", "0043_replies_that_come_again")]
    operations = [
        AddIndexConcurrently(
            "reply", models.Index(fields=["sender", "received_at"], name="reply_of_sender")
        ),
    ]
