"""Products and what clients hold of them, by HTTP."""
