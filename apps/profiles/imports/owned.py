"""What the files of a client's own rows have in common: he is named by his id in the core system."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from apps.core.imports.cells import shown
from apps.core.imports.resource import Row, TableResource
from apps.profiles.actions.locks import hold_identities
from apps.profiles.models import Identifier


class OwnResource(TableResource):
    """Rows of clients who are known already."""

    owners: Mapping[str, int] = {}  # by their ids in the core system, as far as a file names them

    def look_up(self, rows: Sequence[Row]) -> None:
        hold_identities()
        named = {row.values["core_id"] for row in rows if "core_id" in row.values}
        known = Identifier.objects.filter(kind=Identifier.Kind.CORE_ID, value__in=named)
        self.owners = dict(known.values_list("value", "client_id"))

    def _core_ids(self, instances: Iterable[Any]) -> dict[int, list[str]]:
        """Return by which ids the rows' clients are named: in the file, or else the first of each."""
        found: dict[int, list[str]] = defaultdict(list)
        for core_id, client in self.owners.items():
            found[client].append(core_id)
        if not found:
            clients = {each.client_id for each in instances}
            known = Identifier.objects.filter(kind=Identifier.Kind.CORE_ID, client__in=clients)
            for each in known.order_by("-pk"):
                found[each.client_id] = [each.value]
        return found

    def check(self, row: Row) -> None:
        core_id = row.values.get("core_id")
        if core_id and core_id not in self.owners:
            words = {"kind": _("client"), "name": shown(core_id)}
            reason = _("There is no %(kind)s “%(name)s” yet; import it first.") % words
            row.refuse("core_id", reason, code="unknown_client")
