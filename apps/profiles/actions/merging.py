"""Two clients made one, and two again: all that refers to the one goes to the other, and back."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.contrib.auth.models import AbstractBaseUser
from django.db import OperationalError, connection, transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from apps.core import audit
from apps.profiles.actions.duplicates import suggest_duplicates
from apps.profiles.actions.locks import change_identities
from apps.profiles.models import Client, Conflict, ConsentRecord, ContactPoint, Duplicate, Merge
from apps.profiles.queries.merging import (
    Preview,
    Question,
    counts,
    lacking,
    lacking_attributes,
    last_answers,
    preview,
    withdrawals,
)
from apps.profiles.queries.references import Reference, label, references, rows, twins

State = Merge.State
# Of two words about one address the one that forbids counts, the strictest first.
STRICT = (ContactPoint.State.REMOVED, ContactPoint.State.BOUNCED, ContactPoint.State.UNREACHABLE)
LATE = timedelta(days=1)  # nobody holds a client's id in memory for longer than a file takes


class MergeError(ValueError):
    """Two clients cannot be merged, or not yet, or not taken apart; the message says why."""


def propose_merge(
    kept_id: int, dropped_id: int, *, reason: str, by: AbstractBaseUser, seen: str, at: datetime
) -> Merge:
    """Merge one client into another, or propose it where a second person must agree.

    `seen` is the mark of the preview on which the person decided; raises MergeError where it would
    come out otherwise by now, or where somebody else was quicker.
    """
    with _alone(kept_id, dropped_id) as (kept, dropped):
        look = _look(kept, dropped, seen)
        if Merge.objects.filter(
            dropped__in=[kept, dropped], state__in=[State.PROPOSED, State.MERGED]
        ).exists():
            raise MergeError(_("Somebody has proposed to merge these clients already."))
        if not reason.strip():
            raise MergeError(_("Say how you know that they are one person."))
        merge = Merge.objects.create(
            kept=kept,
            dropped=dropped,
            reason=reason.strip()[:300],
            proposed_at=at,
            proposed_by_id=by.pk,
        )
        if not look.needs_second:
            _carry_out(merge, by, at)
        return merge


def confirm_merge(merge_id: int, *, by: AbstractBaseUser, seen: str, at: datetime) -> bool:
    """Carry out a proposed merge as a second person; False where somebody has decided on it."""
    merge = Merge.objects.get(pk=merge_id)
    if merge.proposed_by_id == by.pk:
        raise MergeError(_("You proposed this merge: a second person must confirm it."))
    with _alone(merge.kept_id, merge.dropped_id) as (kept, dropped):
        merge.refresh_from_db()
        if merge.state != State.PROPOSED:
            return False
        _look(kept, dropped, seen)
        merge.kept, merge.dropped = kept, dropped
        _carry_out(merge, by, at)
        return True


def reject_merge(merge_id: int, *, by: AbstractBaseUser, at: datetime) -> bool:
    """Turn a proposed merge away; False where somebody has decided on it."""
    proposed = Merge.objects.filter(pk=merge_id, state=State.PROPOSED)
    return bool(proposed.update(state=State.REJECTED, decided_by=by.pk, decided_at=at))


def unmerge(merge_id: int, *, by: AbstractBaseUser, at: datetime) -> bool:
    """Take a merge back; False where that was done already.

    What moved goes back. What came since stays with the client who stayed, since nothing tells
    whose it would have been.
    """
    merge = Merge.objects.get(pk=merge_id)
    with _alone(merge.kept_id, merge.dropped_id) as (kept, _dropped):
        if not Merge.objects.filter(pk=merge_id, state=State.MERGED).update(state=State.UNDOING):
            return False
        if kept.merged_into_id is not None:
            raise MergeError(
                _("%(client)s was merged into another client since. Take that merge back first.")
                % {"client": kept}
            )
        reason = _("merge № %(number)d taken back") % {"number": merge_id}
        with audit.context(by=by, reason=reason, at=at):
            merge.refresh_from_db()
            _make_two(merge, kept, by, at)
        return True


def _make_two(merge: Merge, kept: Client, by: AbstractBaseUser, at: datetime) -> None:
    for name, old, new, pks in reversed(merge.moved):
        reference = _reference(name)
        rows(reference, new).filter(pk__in=pks).update(**{reference.attname: old})
    _unpark(merge)
    _empty_again(kept, merge.filled)
    for pk, owner in merge.filled["consents"]:
        ConsentRecord.objects.filter(pk=pk, client=kept).exclude(client=owner).update(client=owner)
    Client.objects.filter(pk=merge.dropped_id).update(merged_into=None)
    merge.state, merge.undone_at, merge.undone_by_id = State.UNDONE, at, by.pk
    merge.is_untold = True
    merge.save(update_fields=["state", "undone_at", "undone_by", "is_untold"])
    # A merge that somebody took back is nobody's suggestion again.
    _decide_pair(merge, Duplicate.State.DIFFERENT, Conflict.State.KEPT, by, at)
    suggest_duplicates([merge.kept_id, merge.dropped_id], at=at)


def follow_merges(*, at: datetime) -> int:
    """Move what came to merged clients from those who still knew them; return how many rows.

    An import that looked a client up before he was merged may write to him afterwards.
    """
    moved = 0
    for merge in Merge.objects.filter(state=State.MERGED, decided_at__gt=at - LATE):
        if _is_late(merge):
            with _alone(merge.kept_id, merge.dropped_id):
                merge.refresh_from_db()
                if merge.state == State.MERGED:
                    moves, _parked = _move(Client, merge.dropped_id, merge.kept_id)
                    merge.moved = [*merge.moved, *moves]
                    for name, _old, _new, pks in moves:
                        merge.counts[name] = merge.counts.get(name, 0) + len(pks)
                    merge.save(update_fields=["moved", "counts"])
                    moved += sum(len(pks) for *_rest, pks in moves)
    return moved


def _is_late(merge: Merge) -> bool:
    parked = {(each["table"], each["row"]) for each in merge.parked}
    for reference in references(Client):
        table = reference.model._meta.label_lower
        for pk in rows(reference, merge.dropped_id).values_list("pk", flat=True):
            if (table, pk) not in parked:
                return True
    return False


@contextmanager
def _alone(kept_id: int, dropped_id: int) -> Iterator[tuple[Client, Client]]:
    """Hold both clients, alone: nobody lands a file meanwhile, nor decides on the same pair."""
    try:
        with transaction.atomic():
            change_identities()
            pair = Client.objects.filter(pk__in=[kept_id, dropped_id]).order_by("pk")
            held = {client.pk: client for client in pair.select_for_update()}
            if len(held) != 2:
                raise MergeError(_("Choose two clients."))
            yield held[kept_id], held[dropped_id]
    except OperationalError as error:
        raise MergeError(
            _(
                "A file is landing just now, or somebody works on these clients. Try again in a minute."
            )
        ) from error


def _look(kept: Client, dropped: Client, seen: str) -> Preview:
    for client in (kept, dropped):
        if client.merged_into_id is not None:
            raise MergeError(
                _("%(client)s was merged into another client already.") % {"client": client}
            )
    look = preview(kept, dropped)
    if look.seen != seen:
        raise MergeError(
            _("Something about these clients has changed since you looked. Look at it again.")
        )
    return look


def _carry_out(merge: Merge, by: AbstractBaseUser, at: datetime) -> None:
    with audit.context(by=by, reason=_("merge № %(number)d") % {"number": merge.pk}, at=at):
        _make_one(merge, by, at)


def _make_one(merge: Merge, by: AbstractBaseUser, at: datetime) -> None:
    kept, dropped = merge.kept, merge.dropped
    withdrawn = withdrawals(kept.pk, dropped.pk)
    merge.state, merge.decided_at, merge.decided_by_id = State.MERGED, at, by.pk
    merge.save()  # the triggers of what is only added to look for it
    merge.moved, merge.parked = _move(Client, dropped.pk, kept.pk)
    merge.filled = _fill(kept, dropped)
    merge.filled["consents"] = _withdraw(withdrawn, kept, at)
    Client.objects.filter(pk=dropped.pk).update(merged_into=kept)
    merge.counts = counts(kept.pk)
    merge.is_untold = True
    merge.save()
    _settle_questions(merge, by, at)


def _move(model: type[Model], old: int, new: int) -> tuple[list[Any], list[Any]]:
    """Have all that refers to one row refer to another; return what moved and what could not."""
    moves: list[Any] = []
    parked: list[Any] = []
    for reference in references(model):
        stays = twins(reference, old, new)
        going = list(rows(reference, old).exclude(pk__in=stays).values_list("pk", flat=True))
        if going:
            rows(reference, old).filter(pk__in=going).update(**{reference.attname: new})
            moves.append([label(reference), old, new, going])
        for row, twin in stays.items():
            parked.append(_park(reference.model, row, twin))
            deeper = _move(reference.model, row, twin)
            moves += deeper[0]
            parked += deeper[1]
    return moves, parked


def _park(model: type[Model], row: int, twin: int) -> dict[str, Any]:
    """Note a row that stays with the merged client, since the other has one like it."""
    note: dict[str, Any] = {"table": model._meta.label_lower, "row": row, "twin": twin}
    if model is ContactPoint:
        note |= _settle_points(row, twin)
    return note


def _settle_points(row: int, twin: int) -> dict[str, Any]:
    """Keep one address of two alike: as forbidden as either was, and confirmed if either was."""
    gone, left = ContactPoint.objects.get(pk=row), ContactPoint.objects.get(pk=twin)
    before = {"row_state": gone.state, "twin_state": left.state}
    states = {gone.state, left.state}
    confirmed = ContactPoint.State.VALID if ContactPoint.State.VALID in states else left.state
    left.state = next((state for state in STRICT if state in states), confirmed)
    gone.state = ContactPoint.State.REMOVED
    ContactPoint.objects.bulk_update([gone, left], ["state"])
    return {**before, "settled": left.state}


def _unpark(merge: Merge) -> None:
    for note in merge.parked:
        if "settled" not in note:
            continue
        left = ContactPoint.objects.get(pk=note["twin"])
        stricter = left.state if left.state in STRICT and left.state != note["settled"] else None
        ContactPoint.objects.filter(pk=note["row"]).update(state=stricter or note["row_state"])
        if left.state == note["settled"]:
            ContactPoint.objects.filter(pk=note["twin"]).update(state=note["twin_state"])


def _fill(kept: Client, dropped: Client) -> dict[str, Any]:
    """Give the client who stays what he lacks; return the values before and after."""
    taken, more = lacking(kept, dropped), lacking_attributes(kept, dropped)
    fields = {}
    for name, value in taken.items():
        before = _written(kept, name)
        setattr(kept, name, value)
        fields[name] = [before, _written(kept, name)]
    attributes = {name: [kept.attributes.get(name), value] for name, value in more.items()}
    kept.attributes = kept.attributes | more
    kept.save(update_fields=[*fields, "attributes"])
    return {"fields": fields, "attributes": attributes}


def _empty_again(kept: Client, filled: dict[str, Any]) -> None:
    """Take back what a merge filled in, unless somebody has changed it since."""
    changed = ["attributes"]
    for name, (before, after) in filled["fields"].items():
        if _written(kept, name) == after:
            field: Any = Client._meta.get_field(name)
            setattr(kept, name, None if before is None else field.to_python(before))
            changed.append(name)
    for name, (before, after) in filled["attributes"].items():
        if kept.attributes.get(name) == after:
            kept.attributes.pop(name)
            kept.attributes |= {} if before is None else {name: before}
    kept.save(update_fields=changed)


def _written(client: Client, name: str) -> str | None:
    field: Any = Client._meta.get_field(name)
    return None if getattr(client, name) is None else str(field.value_to_string(client))


def _withdraw(withdrawn: dict[Question, ConsentRecord], kept: Client, at: datetime) -> list[Any]:
    """Say a withdrawal again where the other one's consent is younger; return whose word it was."""
    last = last_answers(kept.pk)
    made = []
    for question, record in withdrawn.items():
        if not (latest := last[question]).granted:
            continue
        again = ConsentRecord.objects.create(
            client=kept,
            purpose=record.purpose,
            channel=record.channel,
            granted=False,
            text_version=record.text_version,
            source=record.source,  # a file's stays a file's, a client's own his own
            given_on=record.given_on,
            recorded_at=max(at, latest.recorded_at),
        )
        made.append([again.pk, record.client_id])
    return made


def _settle_questions(merge: Merge, by: AbstractBaseUser, at: datetime) -> None:
    """Answer what was asked about the pair; what was decided about the one holds for the other."""
    _decide_pair(merge, Duplicate.State.MERGED, Conflict.State.MERGED, by, at)
    with connection.cursor() as cursor:
        cursor.execute(
            INHERIT,
            {"kept": merge.kept_id, "dropped": merge.dropped_id, "at": at, "by": by.pk},
        )
    suggest_duplicates([merge.kept_id, merge.dropped_id], at=at)


INHERIT = """
INSERT INTO profiles_duplicate AS known
    (first_id, second_id, shares, state, found_at, decided_at, decided_by_id)
SELECT least(%(kept)s, other), greatest(%(kept)s, other), '[]', 'different', %(at)s, %(at)s, %(by)s
FROM (
    SELECT CASE first_id WHEN %(dropped)s THEN second_id ELSE first_id END AS other
    FROM profiles_duplicate
    WHERE state = 'different' AND %(dropped)s IN (first_id, second_id)
) AS told
WHERE other <> %(kept)s
ON CONFLICT (first_id, second_id) DO UPDATE
SET state = 'different', decided_at = EXCLUDED.decided_at, decided_by_id = EXCLUDED.decided_by_id
WHERE known.state = 'open'
"""


def _decide_pair(
    merge: Merge, duplicate: str, conflict: str, by: AbstractBaseUser, at: datetime
) -> None:
    pair = sorted([merge.kept_id, merge.dropped_id])
    decided = {"decided_at": at, "decided_by_id": by.pk}
    Duplicate.objects.update_or_create(
        first_id=pair[0],
        second_id=pair[1],
        defaults={"state": duplicate, **decided},
        create_defaults={"state": duplicate, "found_at": at, **decided},
    )
    Conflict.objects.filter(claimant__in=pair, holder__in=pair).exclude(
        state=Conflict.State.MOVED
    ).update(state=conflict, **decided)


def _reference(name: str) -> Reference:
    table, _dot, field = name.rpartition(".")
    return apps.get_model(table)._meta.get_field(field)
