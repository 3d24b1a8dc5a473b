"""Hard identifiers that a source gives to another client than we do: held until a person decides."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.utils.translation import gettext as _
from psycopg.types.json import Jsonb

from apps.core import audit
from apps.profiles.actions.locks import change_identities
from apps.profiles.models import Client, Conflict, Identifier
from apps.profiles.queries.merging import holdings
from apps.profiles.queries.references import references, rows

State = Conflict.State

# A claim that was turned down before is not asked again.
HOLD = """
INSERT INTO profiles_conflict
    (claimant_id, holder_id, kind, value, source, line, claimed, state, found_at)
SELECT claim.claimant, coalesce(claim.holder, held.client_id), claim.kind, claim.value, claim.source, claim.line,
    claim.claimed, 'open', %s
FROM unnest(
    %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::int[], %s::jsonb[]
) AS claim (claimant, holder, kind, value, source, line, claimed)
LEFT JOIN profiles_identifier AS held USING (kind, value)
WHERE coalesce(claim.holder, held.client_id) <> claim.claimant
ON CONFLICT DO NOTHING
"""


class ConflictError(ValueError):
    """A contradiction cannot be decided so; the message says why."""


@dataclass(frozen=True)
class Claim:
    """A source says that a hard identifier is this client's; `claimed` is its row as it came."""

    client_id: int
    kind: str
    value: str
    source: str
    line: int | None = None
    claimed: Mapping[str, Any] = field(default_factory=dict)
    holder_id: int | None = None  # of something with a number, which no identifier names


def hold_claims(claims: Iterable[Claim], *, at: datetime) -> int:
    """Put claims to identifiers that another client has into the queue; return how many are new.

    The identifiers stay where they are. Whoever read the row holds it back as a whole.
    """
    given = list(claims)
    with connection.cursor() as cursor:
        cursor.execute(
            HOLD,
            [
                at,
                [each.client_id for each in given],
                [each.holder_id for each in given],
                [each.kind for each in given],
                [each.value for each in given],
                [each.source[:200] for each in given],
                [each.line for each in given],
                [Jsonb(dict(each.claimed)) for each in given],
            ],
        )
        return int(cursor.rowcount)


def keep_identifier(conflict_id: int, *, by: AbstractBaseUser, at: datetime) -> bool:
    """Leave an identifier with who has it, and never ask again; False where it is decided."""
    asked = Conflict.objects.filter(pk=conflict_id, state__in=Conflict.OPEN_STATES)
    return bool(asked.update(state=State.KEPT, decided_by=by.pk, decided_at=at))


@transaction.atomic
def give_identifier(conflict_id: int, *, by: AbstractBaseUser, at: datetime) -> str:
    """Give an identifier to the client for whom it is claimed; return the state that follows.

    Later files bring their money to whoever has the identifier. Where either client holds money,
    the first person only proposes it and another one does it.
    """
    change_identities()
    asked = Conflict.objects.select_for_update().get(pk=conflict_id)
    if asked.state not in Conflict.OPEN_STATES:
        raise ConflictError(_("Somebody has decided on this already."))
    pair = (asked.claimant_id, asked.holder_id)
    has_money = any(holdings(client) is not None for client in pair)
    if asked.state == State.OPEN and has_money:
        asked.state, asked.proposed_by_id = State.PROPOSED, by.pk
        asked.save(update_fields=["state", "proposed_by"])
        return asked.state
    if asked.proposed_by_id == by.pk:
        raise ConflictError(_("You proposed this: a second person must confirm it."))
    reason = _("contradiction № %(number)d") % {"number": asked.pk}
    with audit.context(by=by, reason=reason, at=at):
        given = _give(asked)
    if not given:
        raise ConflictError(
            _("%(client)s does not have this identifier any more.") % {"client": asked.holder}
        )
    asked.state, asked.decided_by_id, asked.decided_at = State.MOVED, by.pk, at
    asked.save(update_fields=["state", "decided_by", "decided_at"])
    return asked.state


def _give(asked: Conflict) -> int:
    """Give the claimant the identifier and what the holder has under its number."""
    held = Identifier.objects.filter(kind=asked.kind, value=asked.value, client=asked.holder)
    given = held.update(client=asked.claimant)
    for reference in references(Client):
        fields = {field.name for field in reference.model._meta.fields}
        if hasattr(reference.model, "MONEY") and "number" in fields:
            owned = rows(reference, asked.holder_id).filter(number=asked.value)
            given += owned.update(**{reference.attname: asked.claimant_id})
    return given
