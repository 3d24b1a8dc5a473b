"""A template may say in which channels it is told, and in which order."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("messaging", "0029_reactions"),
    ]

    operations = [
        migrations.AddField(
            model_name="template",
            name="channels",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=16),
                blank=True,
                db_default=[],
                default=list,
                help_text="Those allowed, in the order in which they are tried. Empty: all but calls.",
                size=None,
                verbose_name="channels",
            ),
        ),
    ]
