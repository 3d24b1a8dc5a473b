"""What a merge of two clients would do, before anybody does it: counted, and nothing changed."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.db.models import Sum

from apps.profiles.models import Client, Conflict, ConsentRecord, ContactPoint, Identifier, Merge
from apps.profiles.queries.references import label, references, rows, twins

Question = tuple[str, str]  # purpose, channel
Money = dict[str, int]  # minor units by currency

ENOUGH = 2  # hard facts that stand for a second person

# What one client lacks of these is taken from the other, a line as a whole. The language has no
# empty value: nobody knows whether English was chosen.
FIELDS = (
    ("first_name",), ("last_name",), ("birth_on",), ("tier",), ("preferred_channel",),
    ("time_zone", "time_zone_source"), ("quiet_from", "quiet_until"),
)  # fmt: skip
SHOWN = (*(name for line in FIELDS for name in line if name != "time_zone_source"), "language")


@dataclass(frozen=True)
class Table:
    """The rows of one table that refer to the two clients."""

    name: str
    kept: int
    moves: int
    stays: int  # what the client who stays has himself already


@dataclass(frozen=True)
class Value:
    """One thing that is known of both: what each says, and what would be."""

    name: str
    kept: Any
    dropped: Any
    result: Any

    @property
    def differs(self) -> bool:
        return bool(self.kept != self.dropped)


@dataclass(frozen=True)
class Preview:
    """All that a merge would do."""

    kept: Client
    dropped: Client
    tables: list[Table]
    money: tuple[Money, Money]  # of the one who stays, of the one who goes into him
    holds: tuple[bool, bool]  # whether each has anything at all that is money
    values: list[Value]
    withdrawn: list[Question]  # consents that one withdrew and the other gave: withdrawn
    strange: tuple[list[str], list[str]]  # live addresses that only the one, only the other has
    facts: list[str]  # hard identifiers by which a source says that they are one

    @property
    def mixes_money(self) -> bool:
        return all(self.holds)

    @property
    def tells_of_money_elsewhere(self) -> bool:
        """Say whether one's money would be told at addresses that were the other's alone."""
        (kept_holds, dropped_holds), (kept_only, dropped_only) = self.holds, self.strange
        return bool((kept_holds and dropped_only) or (dropped_holds and kept_only))

    @property
    def needs_second(self) -> bool:
        """Say whether a second person must agree; two hard facts speak for one."""
        mixes = self.mixes_money or self.tells_of_money_elsewhere
        return mixes and len(self.facts) < ENOUGH

    @property
    def seen(self) -> str:
        """Return a mark of all that is shown, by which a later look tells whether it changed."""
        shown = (
            self.kept.pk, self.dropped.pk, self.tables, self.money, self.values, self.withdrawn,
            self.strange, self.facts,
        )  # fmt: skip
        return hashlib.sha256(repr(shown).encode()).hexdigest()


def preview(kept: Client, dropped: Client) -> Preview:
    """Count what a merge would move, and find what contradicts."""
    held = holdings(kept.pk), holdings(dropped.pk)
    own = addresses(kept), addresses(dropped)
    return Preview(
        kept=kept,
        dropped=dropped,
        tables=_tables(kept.pk, dropped.pk),
        money=(held[0] or {}, held[1] or {}),
        holds=(held[0] is not None, held[1] is not None),
        values=values(kept, dropped),
        withdrawn=sorted(withdrawals(kept.pk, dropped.pk)),
        strange=(sorted(own[0] - own[1]), sorted(own[1] - own[0])),
        facts=hard_facts(kept.pk, dropped.pk),
    )


def holdings(client_id: int) -> Money | None:
    """Sum what a client holds in the tables that name their MONEY; None where he has no row."""
    sums: Money = defaultdict(int)
    found = False
    for reference in references(Client):
        if named := getattr(reference.model, "MONEY", None):
            amount, currency = named
            held = rows(reference, client_id).values_list(currency).annotate(Sum(amount))
            for code, total in held:
                found = True
                sums[code] += int(total or 0)
    return dict(sorted(sums.items())) if found else None


def _tables(kept: int, dropped: int) -> list[Table]:
    found = []
    for reference in references(Client):
        here, there = rows(reference, kept).count(), rows(reference, dropped).count()
        stays = len(twins(reference, dropped, kept)) if there else 0
        if here or there:
            name = str(reference.model._meta.verbose_name_plural)
            found.append(Table(name, here, there - stays, stays))
    return sorted(found, key=lambda table: -table.moves)


def counts(client_id: int) -> dict[str, int]:
    """Count the rows that refer to a client, by reference."""
    return {label(each): rows(each, client_id).count() for each in references(Client)}


def lacking(kept: Client, dropped: Client) -> dict[str, Any]:
    """Return the fields that only the one who goes has filled in, with his values."""
    found = {}
    for line in FIELDS:
        if all(_is_empty(kept, name) for name in line) and not all(
            _is_empty(dropped, name) for name in line
        ):
            found.update({name: getattr(dropped, name) for name in line})
    return found


def _is_empty(client: Client, name: str) -> bool:
    field: Any = Client._meta.get_field(name)
    return getattr(client, name) in {field.get_default(), "", None}


def lacking_attributes(kept: Client, dropped: Client) -> dict[str, Any]:
    return {
        name: value
        for name, value in dropped.attributes.items()
        if kept.attributes.get(name) in (None, "")
    }


def values(kept: Client, dropped: Client) -> list[Value]:
    """Compare what is known of both, with the attributes one by one."""
    taken = lacking(kept, dropped)
    found = []
    for name in SHOWN:
        if name != "language" and _is_empty(kept, name) and _is_empty(dropped, name):
            continue
        field: Any = Client._meta.get_field(name)
        mine, his = getattr(kept, name), getattr(dropped, name)
        words = {key: str(word) for key, word in field.flatchoices}
        shown = [words.get(each, each) for each in (mine, his, taken.get(name, mine))]
        found.append(Value(str(field.verbose_name), *shown))
    taken = lacking_attributes(kept, dropped)
    for name in sorted(kept.attributes.keys() | dropped.attributes.keys()):
        mine = kept.attributes.get(name)
        found.append(Value(name, mine, dropped.attributes.get(name), taken.get(name, mine)))
    return [value for value in found if value.kept or value.dropped]


def addresses(client: Client) -> set[str]:
    live = client.contact_points.exclude(state=ContactPoint.State.REMOVED)
    return set(live.values_list("address", flat=True))


def last_answers(client_id: int) -> dict[Question, ConsentRecord]:
    """Return the answer that counts today, to every question that the client was asked."""
    records = (
        ConsentRecord.objects.filter(client_id=client_id)
        .order_by("purpose", "channel", "-recorded_at", "-pk")
        .distinct("purpose", "channel")
    )
    return {(record.purpose, record.channel): record for record in records}


def withdrawals(kept: int, dropped: int) -> dict[Question, ConsentRecord]:
    """Return the withdrawals of the one that stand against a consent of the other: they win."""
    ours, theirs = last_answers(kept), last_answers(dropped)
    return {
        question: mine if theirs[question].granted else theirs[question]
        for question, mine in ours.items()
        if question in theirs and mine.granted != theirs[question].granted
    }


def hard_facts(one: int, other: int) -> list[str]:
    """List the hard identifiers of the one that some source gave to the other."""
    pair = [one, other]
    claims = Conflict.objects.filter(
        claimant__in=pair, holder__in=pair, kind__in=Identifier.HARD
    ).exclude(state=Conflict.State.KEPT)
    return sorted(
        {
            f"{Identifier.Kind(kind).label} {value}"
            for kind, value in claims.values_list("kind", "value")
        }
    )


def standing(client: Client) -> Client:
    """Return the client that stands today for this one: himself, or who he was merged into."""
    return client.merged_into or client


@dataclass(frozen=True)
class Since:
    """Rows that came to the client who stayed after a merge: taking it back leaves them there."""

    name: str
    came: int


def came_since(merge: Merge) -> list[Since]:
    """Count what came to the client who stayed since the merge, by table."""
    now = counts(merge.kept_id)
    return [
        Since(str(each.model._meta.verbose_name_plural), came)
        for each in references(Client)
        if (came := now[label(each)] - merge.counts.get(label(each), 0)) > 0
    ]
