"""Looking numbers up with the networks (HLR and MNP) by HTTP: POST {"numbers": [...]}.

Answered with {"results": [{"number", "state", "network", "ported_from", "owner_since"}]}, whose state is
valid, off, roaming or invalid. Other services are told apart by an adapter before them.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings

from apps.core.recipients import may_be_written_to
from apps.messaging.channels import calls

STATES = frozenset({"valid", "off", "roaming", "invalid"})


@dataclass(frozen=True)
class Found:
    """What the networks say of one number."""

    number: str
    state: str
    network: str = ""
    ported_from: str = ""
    owner_since: date | None = None


def look_up(numbers: Sequence[str]) -> list[Found]:
    """Return what is known of numbers; those of which nothing certain is said are left out.

    Outside production the networks are told of the test list's alone.
    """
    numbers = [number for number in numbers if may_be_written_to(number)]
    if not numbers:
        return []
    token = settings.NUMBER_CHECK_TOKEN
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with calls.client(headers) as opened:
            reply = calls.post(opened, settings.NUMBER_CHECK_URL, data={"numbers": numbers})
    except (calls.NotTakenError, calls.NoAnswerError):
        return []
    results = reply.said().get("results") if reply.is_success else None
    asked = set(numbers)
    given = results if isinstance(results, list) else []
    found = [_read(each) for each in given if isinstance(each, dict)]
    return [each for each in found if each.number in asked and each.state in STATES]


def _read(result: dict[str, Any]) -> Found:
    since = None
    with suppress(ValueError):
        since = date.fromisoformat(_text(result, "owner_since"))
    return Found(
        number=_text(result, "number"),
        state=_text(result, "state"),
        network=_text(result, "network"),
        ported_from=_text(result, "ported_from"),
        owner_since=since,
    )


def _text(result: dict[str, Any], name: str) -> str:
    said = result.get(name)
    return said[:60] if isinstance(said, str) and said.isprintable() else ""
