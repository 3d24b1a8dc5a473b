"""Clients in the back office: who they are, who is one with whom, and whom nobody writes to."""

from apps.profiles.admin import clients, finding, identity, start, suppressions

__all__ = ["clients", "finding", "identity", "start", "suppressions"]
