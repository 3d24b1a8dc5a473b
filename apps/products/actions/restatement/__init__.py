"""What was computed from wrong prices, actions or terms is computed again; nothing is overwritten."""

from apps.products.actions.restatement.ordering import restate
from apps.products.actions.restatement.running import restate_due

__all__ = ["restate", "restate_due"]
