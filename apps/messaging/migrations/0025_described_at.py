"""Since when a provider is the service that it is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0024_in_app_channel")]
    operations = [
        migrations.AddField(
            model_name="provider",
            name="described_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="What it was handed before, another service may have: it is not asked for it.",
                null=True,
                verbose_name="described so since",
            ),
        ),
    ]
