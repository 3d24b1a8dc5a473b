"""Let the undoing of a file take back the answers that it alone brought; the trail keeps them."""

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_change_but_merge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF to_jsonb(NEW) - 'client_id' = to_jsonb(OLD) - 'client_id' AND EXISTS (
            SELECT FROM profiles_merge
            WHERE state = 'merged' AND dropped_id = OLD.client_id AND kept_id = NEW.client_id
                OR state = 'undoing' AND kept_id = OLD.client_id AND dropped_id = NEW.client_id
        ) THEN
            RETURN NEW;
        END IF;
    ELSIF EXISTS (
        SELECT FROM core_change WHERE kind = 'added' AND table_name = TG_TABLE_NAME
            AND batch = nullif(current_setting('tidings.undoing', true), '')::bigint
            AND rows @> OLD.id
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only: rows are added, never changed or deleted', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
"""
UNDO = """
CREATE OR REPLACE FUNCTION refuse_change_but_merge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF to_jsonb(NEW) - 'client_id' = to_jsonb(OLD) - 'client_id' AND EXISTS (
            SELECT FROM profiles_merge
            WHERE state = 'merged' AND dropped_id = OLD.client_id AND kept_id = NEW.client_id
                OR state = 'undoing' AND kept_id = OLD.client_id AND dropped_id = NEW.client_id
        ) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: rows are added, never changed or deleted', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("profiles", "0012_erased_and_seen"), ("core", "0003_audit_trail")]
    operations = [migrations.RunSQL(FUNCTION, UNDO)]
