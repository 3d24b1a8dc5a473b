"""Commands of messaging."""
