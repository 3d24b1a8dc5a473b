"""Events go to the client into whom theirs was merged, and back; nothing else of them changes."""

from django.db import migrations

TRIGGER = """
DROP TRIGGER append_only ON events_event;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON events_event
    FOR EACH ROW EXECUTE FUNCTION {function}();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0002_clients_kept_by_trigger"),
        ("profiles", "0006_who_is_who"),
    ]
    operations = [
        migrations.RunSQL(
            TRIGGER.format(function="refuse_change_but_merge"),
            TRIGGER.format(function="refuse_change"),
        )
    ]
