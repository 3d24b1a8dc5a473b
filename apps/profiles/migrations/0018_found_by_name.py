"""Find clients by how their names begin; the indexes are made beside running work.

Django could write them only with its app for PostgreSQL installed.
"""

from django.db import migrations

MAKE = """
CREATE INDEX CONCURRENTLY IF NOT EXISTS client_{which}_name
ON profiles_client (upper({which}_name) text_pattern_ops)
"""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("profiles", "0017_calls")]
    operations = [
        migrations.RunSQL(
            MAKE.format(which=which), f"DROP INDEX CONCURRENTLY IF EXISTS client_{which}_name"
        )
        for which in ("last", "first")
    ]
