"""The pages that clients open, by subject."""
