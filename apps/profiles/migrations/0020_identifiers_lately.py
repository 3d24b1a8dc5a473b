"""Find who has come lately; the index takes next to nothing, and is made beside running work."""

from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("profiles", "0019_contact_point_to_check")]
    operations = [
        AddIndexConcurrently(
            "identifier", BrinIndex(fields=["created_at"], name="identifier_lately")
        )
    ]
