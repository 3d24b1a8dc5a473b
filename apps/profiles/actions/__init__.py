"""Changing what is known of clients: who they are, their addresses, what they agreed to."""
