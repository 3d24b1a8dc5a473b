"""Ids of the core system: a client has one of his own, and those of whoever was merged into him."""

from collections.abc import Collection, Iterable

from apps.profiles.models import Client, Identifier, Merge
from apps.profiles.queries.references import label

CORE_ID = Identifier.Kind.CORE_ID
# Letters that look alike, typed with the wrong keyboard: С-17 and C-17 would be two clients.
CYRILLIC, LATIN = "АВЕКМНОРСТУХІЅЈаеорсухіѕј", "ABEKMHOPCTYXISJaeopcyxisj"
TO_LATIN = str.maketrans(CYRILLIC, LATIN)
MOVED = label(Identifier._meta.get_field("client"))


def client_of(core_id: str) -> int | None:
    """Return the client whom the core system calls so; of two who were merged, the one who stands."""
    known = Identifier.objects.filter(kind=CORE_ID, value=core_id)
    return known.values_list("client_id", flat=True).first()


def borrowed_ids(client_ids: Iterable[int]) -> set[int]:
    """Return the identifiers that clients have from those who were merged into them; one query."""
    merges = Merge.objects.filter(kept__in=set(client_ids), state=Merge.State.MERGED)
    return {
        pk
        for moved in merges.values_list("moved", flat=True)
        for reference, _old, _new, pks in moved
        if reference == MOVED
        for pk in pks
    }


def own_core_id(identifiers: Iterable[Identifier], borrowed: Collection[int]) -> str | None:
    """Choose a client's own id of the core system; a borrowed one where he had none."""
    ids = [each for each in identifiers if each.kind == CORE_ID]
    best = min(ids, key=lambda each: (each.pk in borrowed, each.pk), default=None)
    return best.value if best else None


def stand_ins(core_ids: Iterable[str]) -> dict[str, str]:
    """Return for ids of clients who were merged into others the own ids of those others."""
    known = Identifier.objects.filter(kind=CORE_ID, value__in=list(core_ids))
    borrowed = borrowed_ids(known.values_list("client", flat=True))
    if not borrowed:
        return {}
    found = {}
    for client in Client.objects.filter(
        identifiers__in=known.filter(pk__in=borrowed)
    ).prefetch_related("identifiers"):
        own = own_core_id(client.identifiers.all(), borrowed)
        found.update(
            {
                each.value: own
                for each in client.identifiers.all()
                if own and each.kind == CORE_ID and each.value != own
            }
        )
    return found


def look_alikes(core_ids: Iterable[str]) -> dict[str, str]:
    """Return by ids with Cyrillic letters the known ids that look the same in Latin ones."""
    latin = {each: each.translate(TO_LATIN) for each in core_ids if not each.isascii()}
    twins = {given: seen for given, seen in latin.items() if given != seen}
    if not twins:
        return {}
    same = Identifier.objects.filter(kind=CORE_ID, value__in=twins.values())
    known = set(same.values_list("value", flat=True))
    return {given: seen for given, seen in twins.items() if seen in known}


def cyrillic_in(core_id: str) -> str:
    """Return the letters of an id that look like Latin ones, each once."""
    return " ".join(dict.fromkeys(each for each in core_id if each in CYRILLIC))
