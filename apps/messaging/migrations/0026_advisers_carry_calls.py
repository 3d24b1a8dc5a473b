"""The advisers' queue becomes a provider, and messaging hears what came of calls."""

from typing import Any

from django.db import migrations

PROVIDER = {"name": "advisers", "channel": "call", "kind": "call", "settles": "key"}
HEARD = (
    "reached",
    "interested",
    "not_interested",
    "wrong_number",
    "refused",
    "complaint",
    "given_up",
    "expired",
    "withdrawn",
)


def publish(apps: Any, schema_editor: Any) -> None:
    apps.get_model("messaging", "Provider").objects.get_or_create(
        name=PROVIDER["name"], defaults=PROVIDER
    )
    listening = apps.get_model("events", "Listening")
    listening.objects.bulk_create(
        [listening(listener="messaging", kind=f"call.{said}") for said in HEARD],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("messaging", "0025_calls"),
        ("messaging", "0026_stranded"),
        ("events", "0001_initial"),
    ]
    operations = [migrations.RunPython(publish, migrations.RunPython.noop)]
