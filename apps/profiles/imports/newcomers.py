"""Which new clients a person must look at: perhaps erased before, perhaps known under a like id."""

from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from apps.core.imports.resource import Row
from apps.profiles.models import Channel
from apps.profiles.queries.core_ids import cyrillic_in, look_alikes
from apps.profiles.queries.suppressions import erased_addresses

ADDRESSES = {"phone": Channel.SMS, "email": Channel.EMAIL}

Doubt = tuple[str, str, str]  # column, sentence, code


class Newcomers:
    """What is known that could make rows of new clients doubtful; two queries for all of them."""

    def __init__(self, rows: Iterable[Row]) -> None:
        listed = [row.values for row in rows]
        self.of_erased = erased_addresses(
            (channel, values[name])
            for values in listed
            for name, channel in ADDRESSES.items()
            if name in values
        )
        self.alike = look_alikes(values.get("core_id", "") for values in listed)

    def doubts(self, row: Row) -> Iterator[Doubt]:
        for name, channel in ADDRESSES.items():
            if (channel, row.values.get(name)) in self.of_erased:
                yield name, _address_of_erased(), "erased_person"
        core_id = row.values["core_id"]
        if twin := self.alike.get(core_id):
            yield "core_id", _look_alike(core_id, twin), "look_alike"


def _address_of_erased() -> str:
    return _(
        "This was the address of a person who was erased; the row may bring him back under another"
        " id. Waits for a second person."
    )


def contract_of_erased() -> str:
    return _(
        "This was a contract of a person who was erased; the row may bring him back. Waits for a"
        " second person."
    )


def _look_alike(core_id: str, twin: str) -> str:
    said = {"given": core_id, "letters": cyrillic_in(core_id), "known": twin}
    return (
        _(
            "“%(given)s” has Cyrillic letters (%(letters)s) and looks like “%(known)s”, who is known. Is"
            " it he, or a new client? Waits for a second person."
        )
        % said
    )
