"""Who may be written to here: outside production the test list, and nobody else."""

import re
from fnmatch import fnmatchcase

from django.conf import settings

SEVERAL = re.compile(r"[\s,;<>]|@.*@")  # one address is on the list, and another one beside it


def may_be_written_to(to: str) -> bool:
    """Say whether anything may be sent to an address, or to the https://… address of a program."""
    return settings.LIVE or is_on_test_list(to)


def is_on_test_list(to: str) -> bool:
    """Say whether an address is on the test list, which may hold patterns like *@example.com.

    A program's is there by a pattern with its scheme: https://evil.example/?@example.com is not.
    """
    known = settings.TEST_RECIPIENTS
    if "*" in known:
        return True
    if "://" in to and not to.startswith("{"):  # as it does in what a device is found by
        known = [one for one in known if "://" in one]
    elif not to.startswith("{") and SEVERAL.search(to):
        return False
    return any(fnmatchcase(to.lower(), one.lower()) for one in known)
