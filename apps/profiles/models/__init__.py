"""The tables of profiles. Everybody speaks of clients, so these are named here as well."""

from apps.profiles.models.clients import (
    Channel,
    Client,
    ConsentRecord,
    ContactPoint,
    Identifier,
    Purpose,
    check_attributes,
    check_time_zone,
)
from apps.profiles.models.identity import Conflict, Duplicate, Merge
from apps.profiles.models.known import KnownRecord
from apps.profiles.models.suppressions import ErasedIdentity, Suppression

__all__ = [
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
    "check_attributes",
    "check_time_zone",
]
