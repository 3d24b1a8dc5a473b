"""The kinds of files that bring clients."""

from django.utils.translation import gettext_lazy as _

from apps.core.imports.kinds import Kind, register
from apps.profiles.imports.clients import ClientResource
from apps.profiles.imports.consents import ConsentResource
from apps.profiles.imports.contacts import ContactResource
from apps.profiles.imports.sets import ClientSets

register(
    Kind("clients", _("Clients"), ClientResource, sets=ClientSets(), scope="clients"),
    Kind("contacts", _("Contact points"), ContactResource, group=("core_id",), scope="clients"),
    Kind("consents", _("Consents"), ConsentResource, scope="consents"),
)
