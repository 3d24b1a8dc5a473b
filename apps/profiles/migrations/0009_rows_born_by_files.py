"""Let a million clients land without looking six million times at what was just written."""

from typing import Any

from django.db import migrations, models
from django.db.models.deletion import CASCADE, PROTECT

KEEP = """
-- What the foreign keys did: a client with rows of his own stays.
CREATE FUNCTION profiles_keep_client() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept text := CASE
        WHEN EXISTS (SELECT FROM profiles_identifier WHERE client_id = OLD.id) THEN 'identifiers'
        WHEN EXISTS (SELECT FROM profiles_contactpoint WHERE client_id = OLD.id)
            THEN 'contact points'
        WHEN EXISTS (SELECT FROM profiles_consentrecord WHERE client_id = OLD.id) THEN 'consents'
    END;
BEGIN
    IF kept IS NOT NULL THEN
        RAISE foreign_key_violation USING MESSAGE = format('client %s has %s', OLD.id, kept);
    END IF;
    RETURN OLD;
END
$$;
CREATE TRIGGER keep_with_rows BEFORE DELETE ON profiles_client
    FOR EACH ROW EXECUTE FUNCTION profiles_keep_client();
"""
UNDO = """
DROP TRIGGER keep_with_rows ON profiles_client;
DROP FUNCTION profiles_keep_client();
"""


def born(on_delete: Any, related_name: str, **options: Any) -> Any:
    return models.ForeignKey(
        db_constraint=False, on_delete=on_delete, related_name=related_name,
        to="profiles.client", verbose_name="client", **options,
    )  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("profiles", "0008_merges_told")]
    operations = [
        migrations.RunSQL(KEEP, UNDO),
        migrations.AlterField(
            "identifier", "client", born(CASCADE, "identifiers")
        ),
        migrations.AlterField(
            "contactpoint",
            "client",
            born(CASCADE, "contact_points", db_index=False),
        ),
        migrations.AlterField(
            "consentrecord",
            "client",
            born(PROTECT, "consents", db_index=False),
        ),
    ]
