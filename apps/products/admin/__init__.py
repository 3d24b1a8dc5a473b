"""Products in the back office: markets, strategies, holdings, and their part of the start page."""

from apps.products.admin import (
    accounts,
    calendars,
    holdings,
    instalments,
    late,
    markets,
    moves,
    observations,
    restatements,
    start,
    strategies,
)

__all__ = [
    "accounts",
    "calendars",
    "holdings",
    "instalments",
    "late",
    "markets",
    "moves",
    "observations",
    "restatements",
    "start",
    "strategies",
]
