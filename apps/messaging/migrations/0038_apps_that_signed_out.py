"""Apps that have signed out come back by themselves; those that were removed do not.

Of those that are gone already nobody knows which they are: they wait for their clients' word.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0037_push_to_all_devices")]
    operations = [
        migrations.AddField(
            "device",
            "has_signed_out",
            models.BooleanField(
                db_default=False,
                default=False,
                editable=False,
                help_text="It comes back by itself; what the client removed does when he says so.",
                verbose_name="has signed out",
            ),
        ),
    ]
