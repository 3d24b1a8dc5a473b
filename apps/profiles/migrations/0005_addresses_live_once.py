"""Phones and e-mails are contact points alone; made beside running work, some rows at a time."""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.deletion import CASCADE, PROTECT

# An address that only the identifier knew is kept, but not written to: nobody confirmed it.
MOVE = """
WITH few AS (
    SELECT id FROM profiles_identifier
    WHERE id > %s AND kind IN ('phone', 'email') ORDER BY id LIMIT 10000
), gone AS (
    DELETE FROM profiles_identifier USING few WHERE profiles_identifier.id = few.id
    RETURNING profiles_identifier.*
), kept AS (
    INSERT INTO profiles_contactpoint (client_id, channel, address, state, created_at)
    SELECT client_id, CASE kind WHEN 'phone' THEN 'sms' ELSE 'email' END, value, 'unconfirmed',
        created_at
    FROM gone
    WHERE value ~ CASE kind WHEN 'phone' THEN '^\\+[1-9][0-9]{6,14}$' ELSE '^[^@\\s]+@[^@\\s]+$' END
    ON CONFLICT DO NOTHING
)
SELECT max(id) FROM few
"""


def move_addresses(_apps: Any, editor: Any) -> None:
    last = 0
    with editor.connection.cursor() as cursor:
        while last is not None:
            cursor.execute(MOVE, [last])
            last = cursor.fetchone()[0]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("profiles", "0004_consent_day")]
    operations = [
        migrations.RunPython(move_addresses, migrations.RunPython.noop),
        migrations.AlterField(
            "identifier",
            "kind",
            models.CharField(
                choices=[
                    ("core_id", "core system id"),
                    ("contract", "contract number"),
                    ("cookie", "cookie"),
                ],
                max_length=16,
                verbose_name="kind",
            ),
        ),
        migrations.AlterField(
            "identifier", "value", models.CharField(max_length=200, verbose_name="value")
        ),
        # These indexes repeated the beginning of others, and cost every insert.
        migrations.AlterField(
            "consentrecord",
            "client",
            models.ForeignKey(
                db_index=False,
                on_delete=PROTECT,
                related_name="consents",
                to="profiles.client",
                verbose_name="client",
            ),
        ),
        migrations.AlterField(
            "contactpoint",
            "client",
            models.ForeignKey(
                db_index=False,
                on_delete=CASCADE,
                related_name="contact_points",
                to="profiles.client",
                verbose_name="client",
            ),
        ),
        AddIndexConcurrently(
            "contactpoint",
            models.Index(
                fields=["channel", "address"],
                name="contact_point_in_use",
                condition=models.Q(("state", "removed"), _negated=True),
            ),
        ),
    ]
