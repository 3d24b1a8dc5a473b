"""The tables of profiles. Everybody speaks of clients, so these are named here as well."""

from apps.profiles.models.clients import (
    ADDRESSED,
    NEVER,
    Channel,
    Client,
    ConsentRecord,
    ContactPoint,
    Identifier,
    Purpose,
    address_channel,
    check_attributes,
    check_time_zone,
)
from apps.profiles.models.identity import Conflict, Duplicate, Merge
from apps.profiles.models.known import KnownRecord
from apps.profiles.models.suppressions import ErasedIdentity, Suppression

__all__ = [
    "ADDRESSED",
    "NEVER",
    "Channel",
    "Client",
    "Conflict",
    "ConsentRecord",
    "ContactPoint",
    "Duplicate",
    "ErasedIdentity",
    "Identifier",
    "KnownRecord",
    "Merge",
    "Purpose",
    "Suppression",
    "address_channel",
    "check_attributes",
    "check_time_zone",
]
