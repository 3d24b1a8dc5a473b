"""Write down which notices wait: what is queued is always found, whoever queues it."""

import django.db.models.deletion
from django.db import migrations, models

KEEP = """
-- Most are born queued, many in one statement; one that comes to be queued again, or drafted, is a
-- rare one. What planning changes passes by: only WHEN is asked for it. Whoever plans takes out of
-- the queue what is not queued, under the lock of the notice, which these triggers have too.
CREATE FUNCTION messaging_notices_wait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO messaging_queuednotice (notice_id)
    SELECT id FROM came WHERE state = 'queued' ON CONFLICT DO NOTHING;
    INSERT INTO messaging_draftednotice (notice_id)
    SELECT id FROM came WHERE state = 'drafted' ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER notices_wait AFTER INSERT ON messaging_notice REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION messaging_notices_wait();

CREATE FUNCTION messaging_notice_waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'queued' THEN
        INSERT INTO messaging_queuednotice (notice_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
    ELSIF NEW.state = 'drafted' THEN
        INSERT INTO messaging_draftednotice (notice_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
    END IF;
    IF OLD.state = 'drafted' THEN
        DELETE FROM messaging_draftednotice WHERE notice_id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER notice_waits AFTER UPDATE OF state ON messaging_notice FOR EACH ROW
    WHEN (OLD.state <> NEW.state AND (NEW.state IN ('queued', 'drafted') OR OLD.state = 'drafted'))
    EXECUTE FUNCTION messaging_notice_waits();

CREATE FUNCTION messaging_notices_went() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM messaging_queuednotice WHERE notice_id IN (SELECT id FROM went);
    DELETE FROM messaging_draftednotice WHERE notice_id IN (SELECT id FROM went);
    RETURN NULL;
END
$$;
CREATE TRIGGER notices_went AFTER DELETE ON messaging_notice REFERENCING OLD TABLE AS went
    FOR EACH STATEMENT EXECUTE FUNCTION messaging_notices_went();

-- From here on nobody can change a notice until this is over; those that wait have an index still.
INSERT INTO messaging_queuednotice SELECT id FROM messaging_notice WHERE state = 'queued';
INSERT INTO messaging_draftednotice SELECT id FROM messaging_notice WHERE state = 'drafted';
"""
LEAVE = """
DROP TRIGGER notices_went ON messaging_notice;
DROP FUNCTION messaging_notices_went();
DROP TRIGGER notice_waits ON messaging_notice;
DROP FUNCTION messaging_notice_waits();
DROP TRIGGER notices_wait ON messaging_notice;
DROP FUNCTION messaging_notices_wait();
"""


class Migration(migrations.Migration):
    dependencies = [("messaging", "0039_halt_what_is_edited")]
    operations = [
        migrations.CreateModel(
            name="QueuedNotice",
            fields=[
                (
                    "notice",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="messaging.notice",
                        verbose_name="notice",
                    ),
                )
            ],
            options={"verbose_name": "queued", "verbose_name_plural": "queued"},
        ),
        migrations.CreateModel(
            name="DraftedNotice",
            fields=[
                (
                    "notice",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="messaging.notice",
                        verbose_name="notice",
                    ),
                )
            ],
            options={
                "verbose_name": "waits for approval",
                "verbose_name_plural": "waits for approval",
            },
        ),
        migrations.RunSQL(KEEP, LEAVE),
    ]
