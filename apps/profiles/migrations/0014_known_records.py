"""Know a file's record again that says nothing new; whatever changes of a client voids it."""

from django.db import migrations, models

# One trigger an event, since PostgreSQL gives changed rows as a table only so. Voiding always writes,
# be there a digest or not: who is about to store one for what he saw notices, see ClientSets.
VOID = """
CREATE FUNCTION profiles_void_record() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    clients bigint[];
BEGIN
    IF current_setting('tidings.landing', true) = 'sets' THEN
        RETURN NULL;  -- it renews the digests of what it writes
    ELSIF TG_TABLE_NAME <> 'profiles_client' THEN
        IF TG_OP = 'UPDATE' THEN
            clients := ARRAY(SELECT client_id FROM former UNION SELECT client_id FROM touched ORDER BY 1);
        ELSE
            clients := ARRAY(SELECT DISTINCT client_id FROM touched ORDER BY client_id);
        END IF;
    ELSIF TG_OP = 'UPDATE' THEN
        clients := ARRAY(SELECT id FROM touched ORDER BY id);
    ELSE
        DELETE FROM profiles_knownrecord USING touched WHERE client_id = touched.id;
        RETURN NULL;
    END IF;
    INSERT INTO profiles_knownrecord AS known (client_id, changes) SELECT unnest(clients), 1
    ON CONFLICT (client_id) DO UPDATE SET digest = NULL, changes = known.changes + 1;
    RETURN NULL;
END
$$;
"""
EVENTS = {
    "insert": "NEW TABLE AS touched",
    "update": "OLD TABLE AS former NEW TABLE AS touched",
    "delete": "OLD TABLE AS touched",
}
TABLES = {
    "client": ("update", "delete"),  # of a client who is new nothing is known
    "identifier": EVENTS,
    "contactpoint": EVENTS,
    "consentrecord": EVENTS,
}
TRIGGERS = [(table, event) for table, events in TABLES.items() for event in events]


class Migration(migrations.Migration):
    dependencies = [("profiles", "0013_files_undone")]
    operations = [
        migrations.CreateModel(
            name="KnownRecord",
            fields=[
                ("client_id", models.BigIntegerField(primary_key=True, serialize=False, verbose_name="client")),
                ("digest", models.UUIDField(null=True, verbose_name="digest")),
                ("changes", models.IntegerField(help_text="How often it was voided or renewed.", verbose_name="changes")),
            ],
            options={"verbose_name": "known record", "verbose_name_plural": "known records"},
        ),
        migrations.RunSQL(VOID, "DROP FUNCTION profiles_void_record()"),
        migrations.RunSQL(
            [
                f"CREATE TRIGGER void_{event} AFTER {event.upper()} ON profiles_{table}"
                f" REFERENCING {EVENTS[event]}"
                " FOR EACH STATEMENT EXECUTE FUNCTION profiles_void_record()"
                for table, event in TRIGGERS
            ],
            [f"DROP TRIGGER void_{event} ON profiles_{table}" for table, event in TRIGGERS],
        ),
    ]
