"""Products in the back office: markets, strategies, holdings, and their part of the start page."""

from apps.products.admin import holdings, markets, observations, start, strategies

__all__ = ["holdings", "markets", "observations", "start", "strategies"]
