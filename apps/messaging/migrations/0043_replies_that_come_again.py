"""Know a reply without an id when it comes again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0042_tests_by_their_process")]
    operations = [
        migrations.AddField(
            "reply",
            "times",
            models.PositiveSmallIntegerField(
                db_default=1,
                default=1,
                editable=False,
                help_text="How often the same words came within ten minutes, from him or by a repetition.",
                verbose_name="times",
            ),
        ),
        migrations.AddField(
            "reply",
            "again_at",
            models.DateTimeField(blank=True, editable=False, null=True, verbose_name="came last"),
        ),
        migrations.AddField(
            "replypart",
            "joined_at",
            models.DateTimeField(
                blank=True,
                help_text="Kept a little longer, so that it is known when it comes again.",
                null=True,
                verbose_name="joined",
            ),
        ),
    ]
