"""What is written to the log: nothing by which somebody could open a client's page."""

import logging
import re

# Django writes the path of every request that it refuses, and a path like /p/<token>/ is the key.
# So is one that stands alone behind the short domain.
TOKEN = re.compile(r"(?<=/[spe]/)[\w-]{8,}|(?<=/)\w{22}(?![\w./-])")


class Discreet(logging.Formatter):
    """Mask tokens in the finished entry, hence in tracebacks too."""

    def format(self, record: logging.LogRecord) -> str:
        return TOKEN.sub("•••", super().format(record))
