"""Files that bring what happened to clients."""
