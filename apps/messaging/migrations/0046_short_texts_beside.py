"""Keep a text that is short, or is so once compressed, in its message's row: it is cheaper there."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("messaging", "0045_marks_on_their_page")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE messaging_message SET (toast_tuple_target = 1000)",
            "ALTER TABLE messaging_message SET (toast_tuple_target = 128)",
        ),
    ]
