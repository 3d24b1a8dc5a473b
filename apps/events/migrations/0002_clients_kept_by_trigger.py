"""Let a million events be written without looking a million times at their clients."""

import django.db.models.deletion
from django.db import migrations, models

KEEP = """
ALTER TABLE events_event DROP CONSTRAINT events_event_client_id_fkey;
-- What the foreign key did: a client with events stays.
CREATE FUNCTION events_keep_client() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM events_event WHERE client_id = OLD.id) THEN
        RAISE foreign_key_violation USING MESSAGE = format('client %s has events', OLD.id);
    END IF;
    RETURN OLD;
END
$$;
CREATE TRIGGER keep_with_events BEFORE DELETE ON profiles_client
    FOR EACH ROW EXECUTE FUNCTION events_keep_client();
"""
UNDO = """
DROP TRIGGER keep_with_events ON profiles_client;
DROP FUNCTION events_keep_client();
ALTER TABLE events_event ADD CONSTRAINT events_event_client_id_fkey
    FOREIGN KEY (client_id) REFERENCES profiles_client (id) DEFERRABLE INITIALLY DEFERRED;
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]
    operations = [
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(KEEP, UNDO)],
            [
                migrations.AlterField(
                    model_name="event",
                    name="client",
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="events", to="profiles.client", verbose_name="client"),
                ),
            ],
        ),
    ]
