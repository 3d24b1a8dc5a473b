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

__all__ = [
    "Channel",
    "Client",
    "ConsentRecord",
    "ContactPoint",
    "Identifier",
    "Purpose",
    "check_attributes",
    "check_time_zone",
]
