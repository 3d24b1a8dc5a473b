"""The files of clients: who they are, where they are reached, what they agreed to."""
