"""Products in the back office: markets, strategies, holdings, and their part of the start page."""

from apps.products.admin import (
    accounts,
    holdings,
    instalments,
    markets,
    moves,
    observations,
    start,
    strategies,
)

__all__ = [
    "accounts",
    "holdings",
    "instalments",
    "markets",
    "moves",
    "observations",
    "start",
    "strategies",
]
