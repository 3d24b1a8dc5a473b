"""Several messages of one step of a cascade, as a push to each of a client's devices."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0036_limit_raised_by_two")]
    operations = [
        migrations.AddField(
            "message",
            "step",
            models.PositiveSmallIntegerField(
                blank=True,
                editable=False,
                help_text="Of the cascade; several devices are one. Empty: the attempt's own number.",
                null=True,
                verbose_name="step",
            ),
        ),
    ]
