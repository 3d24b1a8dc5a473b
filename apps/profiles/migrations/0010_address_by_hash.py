"""Find whose an address is by its hash; the index is made beside running work."""

from django.contrib.postgres.indexes import HashIndex
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("profiles", "0009_rows_born_by_files")]
    operations = [
        AddIndexConcurrently(
            "contactpoint",
            HashIndex(
                fields=["address"],
                name="contact_point_address",
                condition=models.Q(("state", "removed"), _negated=True),
            ),
        ),
        RemoveIndexConcurrently("contactpoint", "contact_point_in_use"),
    ]
