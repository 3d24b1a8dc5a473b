"""Let a message be marked without a new entry in every index: it stays on its page (HOT)."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("messaging", "0044_find_replies_of_a_sender")]
    operations = [
        RemoveIndexConcurrently("message", "message_repeated"),
        AddIndexConcurrently(
            "message",
            models.Index(
                fields=["send_after"],
                condition=Q(state="queued", carried_by__isnull=False),
                name="message_repeated",
            ),
        ),
        migrations.AlterField(
            "message",
            "wording",
            models.ForeignKey(
                "messaging.templateversion",
                models.PROTECT,
                related_name="messages",
                db_constraint=False,
                db_index=False,
                verbose_name="wording",
            ),
        ),
        # Room for the marked version beside the claimed one; a long text lies outside.
        migrations.RunSQL(
            "ALTER TABLE messaging_message SET (fillfactor = 50, toast_tuple_target = 128)",
            "ALTER TABLE messaging_message RESET (fillfactor, toast_tuple_target)",
        ),
    ]
