"""Observations become results, coupons, payments and events: each once, on confirmed closes only."""

from apps.products.actions.evaluation.running import evaluate_due, evaluate_observation, helpers

__all__ = ["evaluate_due", "evaluate_observation", "helpers"]
