"""Erasing a person: asked for, confirmed by somebody else, done in one transaction, proven for good."""

import hashlib
import json
from collections import Counter
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import Q

from apps.core import audit
from apps.messaging.models.outbox import Message
from apps.privacy.actions import emptying, scattered, sealing
from apps.privacy.manifest.tables import TABLES
from apps.privacy.models import Erasure
from apps.privacy.queries.holding import refusals, retained_until
from apps.privacy.queries.trail import persons, rows_of
from apps.profiles.models import Client, ConsentRecord

State = Erasure.State


class ErasureError(Exception):
    """A person who cannot be erased now; the sentences say why."""


def ask_erasure(client: Client, *, reason: str, by: AbstractBaseUser, at: datetime) -> Erasure:
    """Ask for a person to be erased; a second member of staff has to confirm it."""
    _refuse(client)
    return Erasure.objects.create(client=client, reason=reason, asked_by_id=by.pk, asked_at=at)


def reject_erasure(erasure_id: int, *, by: AbstractBaseUser, at: datetime) -> bool:
    """Turn a request down; False where somebody decided before."""
    asked = Erasure.objects.filter(pk=erasure_id, state=State.ASKED)
    return bool(asked.update(state=State.REJECTED, decided_by=by.pk, decided_at=at))


@transaction.atomic
def confirm_erasure(erasure_id: int, *, by: AbstractBaseUser, at: datetime) -> bool:
    """Erase whom another asked to erase; False where it is decided, or by was who asked."""
    asked = Erasure.objects.filter(pk=erasure_id, state=State.ASKED)
    if not asked.exclude(asked_by=by.pk).update(
        state=State.ERASED, decided_by=by.pk, decided_at=at, erased_at=at
    ):
        return False
    erasure = Erasure.objects.get(pk=erasure_id)
    client = Client.objects.select_for_update().get(pk=erasure.client_id)
    _refuse(client)
    with audit.context(by=by, reason=f"erasure {erasure.pk}", at=at):
        _carry_out(erasure, at=at)
    return True


@transaction.atomic
def complete(erasure_id: int, *, at: datetime) -> bool:
    """Erase what had to wait for the law; False where somebody did or it still has to."""
    waited = Erasure.objects.filter(pk=erasure_id, state=State.LIMITED, waits_until__lt=at.date())
    if not waited.update(state=State.ERASED, completed_at=at):
        return False
    client_id = Erasure.objects.values_list("client_id", flat=True).get(pk=erasure_id)
    with audit.context(reason=f"erasure {erasure_id}", at=at):
        _take_out(persons(client_id), limited=False, at=at)
    return True


def complete_due(*, at: datetime) -> int:
    """Erase the rest of whom the law no longer keeps; return of how many."""
    waited = Erasure.objects.filter(state=State.LIMITED, waits_until__lt=at.date())
    return sum(complete(pk, at=at) for pk in waited.values_list("pk", flat=True))


@transaction.atomic
def erase_again(client_id: int, *, reason: str, at: datetime) -> bool:
    """Erase a person whom a restored backup brought back; False where he is erased here too.

    It was confirmed once: nobody is asked again, and nothing may stand against it but the law.
    """
    client = Client.objects.select_for_update().filter(pk=client_id).first()
    done = Q(client_id=client_id, state__in=[State.LIMITED, State.ERASED])
    if client is None or Erasure.objects.filter(done).exists():
        return False
    erasure = Erasure.objects.create(
        client=client, reason=reason, state=State.ERASED, asked_at=at, decided_at=at, erased_at=at
    )
    with audit.context(reason=f"erasure {erasure.pk}", channel="command", at=at):
        _carry_out(erasure, at=at)
    return True


def _refuse(client: Client) -> None:
    if sentences := list(refusals(client, persons(client.pk))):
        raise ErasureError("\n".join(sentences))


def _carry_out(erasure: Erasure, *, at: datetime) -> None:
    ids = persons(erasure.client_id)
    until = retained_until(ids)
    limited = until is not None and until >= at.date()
    evidence = _evidence(erasure, ids, at=at)
    _take_out(ids, limited=limited, at=at)
    Erasure.objects.filter(pk=erasure.pk).update(
        state=State.LIMITED if limited else State.ERASED,
        waits_until=until if limited else None,
        **_chained(evidence),
    )


def _take_out(ids: list[int], *, limited: bool, at: datetime) -> None:
    """Remember what must not come back, empty the rows, and take their values out of the trail."""
    scattered.remember(ids, at=at)
    scattered.clear(ids, at=at)
    kept = {table.label: list(rows_of(table, ids).values_list("pk", flat=True)) for table in TABLES}
    emptying.stop_messages(ids, at=at)
    for table in TABLES:
        emptying.empty(table, kept[table.label], limited=limited)
    sealing.seal(ids, kept, limited=limited, at=at)


def _evidence(erasure: Erasure, ids: list[int], *, at: datetime) -> dict[str, Any]:
    """Write down that there was consent, that messages were sent, and how much there was of what."""
    consents = ConsentRecord.objects.filter(client__in=ids).order_by("recorded_at", "pk")
    messages = Message.objects.filter(notice__client__in=ids).values_list("channel", "state")
    counts = {table.label: rows_of(table, ids).count() for table in TABLES}
    evidence = {
        "erasure": erasure.pk,
        "client": erasure.client_id,
        "asked_by": erasure.asked_by_id,
        "decided_by": erasure.decided_by_id,
        "erased_at": at,
        "consents": list(
            consents.values("purpose", "channel", "granted", "text_version", "recorded_at")
        ),
        "messages": {" ".join(key): count for key, count in sorted(Counter(messages).items())},
        "rows": {label: count for label, count in counts.items() if count},
    }
    written: dict[str, Any] = json.loads(json.dumps(evidence, cls=DjangoJSONEncoder))
    return written


def _chained(evidence: dict[str, Any]) -> dict[str, Any]:
    """Bind an evidence to the one before it; one erasure at a time is bound."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('privacy_erasure'))")
    chain = Erasure.objects.exclude(digest="")
    last = chain.exclude(digest__in=chain.values("previous")).first()
    previous = last.digest if last else ""
    return {"evidence": evidence, "previous": previous, "digest": digest(previous, evidence)}


def digest(previous: str, evidence: dict[str, Any]) -> str:
    text = json.dumps(evidence, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def broken_links() -> list[int]:
    """Return the erasures whose evidence is not what was bound, or whose predecessor is gone."""
    chain = list(Erasure.objects.exclude(digest=""))
    digests = {each.digest for each in chain}
    return [
        each.pk
        for each in chain
        if each.digest != digest(each.previous, each.evidence)
        or (each.previous and each.previous not in digests)
    ]
