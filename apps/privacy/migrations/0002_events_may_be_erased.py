"""Erasure, which says so in its transaction, may take away what else is only ever added: events."""

from django.db import migrations

TRIGGER = """
DROP TRIGGER append_only ON events_event;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON events_event
    FOR EACH ROW {when} EXECUTE FUNCTION refuse_change_but_merge();
"""
WHEN = "WHEN (current_setting('tidings.sealing', true) IS DISTINCT FROM 'on')"


class Migration(migrations.Migration):
    dependencies = [("privacy", "0001_initial"), ("events", "0003_timelines_follow_merges")]
    operations = [migrations.RunSQL(TRIGGER.format(when=WHEN), TRIGGER.format(when=""))]
