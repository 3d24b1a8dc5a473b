"""A scribe that also does what a template should never bring it to."""

import os
import re
import time

from apps.messaging import scribe

HANGING = "(a+)+$", "a" * 64 + "b"  # one call of C that no alarm of Python's reaches


def eat(job, sources):
    return {"eaten": len(bytearray(2**40))}


def spin(job, sources):
    while True:
        pass


scribe.SECONDS, scribe.GRACE = 0.1, 1
scribe.DEEDS |= {
    "eat": eat,
    "spin": spin,
    "hang": lambda job, sources: re.match(*HANGING),
    "die": lambda job, sources: os._exit(1),
    "wait": lambda job, sources: time.sleep(3_600),
}

if __name__ == "__main__":
    scribe.main()
