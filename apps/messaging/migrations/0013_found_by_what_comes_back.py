"""Find messages by their provider's id and links by their address; made beside running work."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("messaging", "0012_what_comes_back")]
    operations = [
        AddIndexConcurrently(
            "link",
            models.Index(
                fields=["contact_point"],
                condition=models.Q(("contact_point__isnull", False)),
                name="link_of_address",
            ),
        ),
        AddIndexConcurrently(
            "message",
            models.Index(
                fields=["provider_id"],
                condition=models.Q(("provider_id", ""), _negated=True),
                name="message_of_provider",
            ),
        ),
    ]
