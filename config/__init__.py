"""The project: settings, pages, programs, and how all of them start."""

import gc

# What is imported stays. At Python's own thresholds the collector walks through all of it again and
# again: a quarter of the time in which a program starts, a fifth of that in which pages are made.
gc.set_threshold(50_000, 10, 10)
