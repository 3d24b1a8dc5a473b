"""The tables of products: markets, strategies, funds, and what clients hold of them."""

from apps.products.models import (
    accounts,
    calendars,
    corrections,
    deadlines,
    disruptions,
    feeds,
    funds,
    holdings,
    instalments,
    lifecycle,
    markets,
    moves,
    restatements,
    strategies,
)

__all__ = [
    "accounts",
    "calendars",
    "corrections",
    "deadlines",
    "disruptions",
    "feeds",
    "funds",
    "holdings",
    "instalments",
    "lifecycle",
    "markets",
    "moves",
    "restatements",
    "strategies",
]
