"""What was computed from wrong prices, actions or terms is computed again; nothing is overwritten."""

from apps.products.actions.restatement.ordering import restate

__all__ = ["restate"]
