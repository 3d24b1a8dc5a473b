"""Rank the calls of one priority by the tiers of their clients."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("advisers", "0001_calls")]
    operations = [
        migrations.AddField(
            model_name="calltask",
            name="standing",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                default=0,
                help_text="Of calls with the same priority the higher number is called first.",
                verbose_name="by tier",
            ),
        ),
    ]
