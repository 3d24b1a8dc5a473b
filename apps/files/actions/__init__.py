"""The way of a file: received, checked, confirmed, landed, released, taken back."""
