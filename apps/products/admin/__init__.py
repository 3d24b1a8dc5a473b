"""Products in the back office: markets, strategies, holdings, and their part of the start page."""

from apps.products.admin import (
    accounts,
    calendars,
    disruptions,
    foresights,
    holdings,
    instalments,
    late,
    markets,
    moves,
    observations,
    payments,
    restatements,
    start,
    strategies,
    timeline,
)

__all__ = [
    "accounts",
    "calendars",
    "disruptions",
    "foresights",
    "holdings",
    "instalments",
    "late",
    "markets",
    "moves",
    "observations",
    "payments",
    "restatements",
    "start",
    "strategies",
    "timeline",
]
