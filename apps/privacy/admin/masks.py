"""What is masked for staff without the right to see people: whatever the manifest says is personal."""

from apps.core.masking import DOTS, mask
from apps.events.admin import has_words
from apps.events.models import Event
from apps.privacy.manifest.tables import SCATTERED, TABLES
from apps.privacy.queries.trail import model_of
from apps.profiles.models import Client


def properties(event: Event, values: dict[str, object]) -> dict[str, object]:
    """Leave the values of our own kinds, which tell of contracts; those from outside tell anything."""
    return values if has_words(event.kind) else dict.fromkeys(values, DOTS)


for _table in [*TABLES, *SCATTERED]:
    mask(model_of(_table), [name for name, rule in _table.fields.items() if rule.is_masked])
# A client without a name is still told from others by his number.
mask(Client, ["first_name"], lambda _row, _value: "")
mask(Client, ["last_name"], lambda client, _value: f"№ {client.pk}")
mask(Event, ["properties"], properties)
