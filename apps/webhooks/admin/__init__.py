"""The back office of webhooks."""

from apps.webhooks.admin import deliveries, endpoints, start

__all__ = ["deliveries", "endpoints", "start"]
