"""Tells others how far a file is. In the cache, for rows of a running transaction nobody sees."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from django.core.cache import cache

from apps.files.queries.progress import KEPT, KEY, Progress

EVERY = 0.5  # seconds between two signs of life

Teller = Callable[[int], None]  # how many rows are done
Hearer = Callable[[Progress], object]


@contextmanager
def told(batch_id: int, step: str, of: int, hear: Hearer | None = None) -> Iterator[Teller]:
    """Give a function that is called with the number of rows done, as often as one likes.

    `hear` is told in this process what others read.
    """
    began = last = time.monotonic()

    def tell(rows: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < EVERY:
            return
        last = now
        rate = rows / (now - began)
        left = (of - rows) / rate if of and rate else None
        reached = Progress(step, rows, of, rate, left)
        cache.set(KEY % batch_id, asdict(reached), KEPT)
        if hear:
            hear(reached)

    try:
        yield tell
    finally:
        if last != began:
            cache.delete(KEY % batch_id)
