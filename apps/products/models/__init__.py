"""The tables of products: markets, strategies and what clients hold of them."""

from apps.products.models import holdings, markets, strategies

__all__ = ["holdings", "markets", "strategies"]
