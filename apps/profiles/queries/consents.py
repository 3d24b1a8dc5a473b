"""What clients agreed to."""

from collections.abc import Iterable

from django.db import connection

from apps.profiles.models import Client, ConsentRecord

LATEST = """
SELECT DISTINCT ON (client_id, channel) client_id, channel, granted
FROM profiles_consentrecord
WHERE client_id = ANY(%(clients)s) AND purpose = %(purpose)s
ORDER BY client_id, channel, recorded_at DESC, id DESC
"""


def consents(client_ids: Iterable[int], purpose: str) -> set[tuple[int, str]]:
    """Return (client id, channel) for every consent to the purpose that stands today."""
    with connection.cursor() as cursor:
        cursor.execute(LATEST, {"clients": list(client_ids), "purpose": purpose})
        return {(client, channel) for client, channel, granted in cursor.fetchall() if granted}


def consent_history(client: Client, limit: int = 30) -> list[ConsentRecord]:
    """Return the client's answers, newest first."""
    return list(client.consents.order_by("-recorded_at", "-pk")[:limit])
