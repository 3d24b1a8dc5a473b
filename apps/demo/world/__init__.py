"""The simulated world as plain values: real closes, invented strategies, fictional clients."""
