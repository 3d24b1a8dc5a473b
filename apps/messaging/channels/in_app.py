"""Notices in the issuer's own site and app: sent where they stand, since the service is ours.

They are fetched, shown and answered by the script in `static/messaging/in_app.js`; see
`views.in_app`. Who is signed in there is vouched for by the account's secret.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from apps.messaging.channels import Account, Answer, Letter, Verdict
from apps.messaging.channels.options import Misset, OptionsError, read_options

# `origins`: the sites whose pages may ask. `consent`: the version of the terms by which whoever
# signs in there has agreed to news about his contracts; empty: consents come another way.
OPTIONS: dict[str, Any] = {"origins": [], "consent": ""}
SHORTEST_SECRET = 32  # bytes; a shorter key of HS256 can be guessed (RFC 7518, 3.2)
LONGEST_VERSION = 50  # of a text, as the column holds it


class Board:
    """Where notices hang until their reader comes by."""

    def send(self, letters: Iterable[Letter]) -> Iterator[tuple[UUID, Answer]]:
        for letter in letters:
            yield letter.key, Answer(Verdict.SENT)


def options_of(account: Account) -> dict[str, Any]:
    """Read the options of a site or app. Raises OptionsError."""
    options = read_options(account.options, OPTIONS, ALLOWED)
    if len(account.secret.encode()) < SHORTEST_SECRET:
        raise OptionsError(_("Its secret is missing, or shorter than 32 characters."))
    return options


def is_origin(value: object) -> bool:
    """Say whether this is a site as browsers write it: scheme, host and port alone."""
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        secure = parts.scheme == "https" or (parts.scheme == "http" and settings.INSECURE_HTTP)
        return secure and bool(parts.hostname) and value == f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        return False


ALLOWED: dict[str, Callable[[Any], bool]] = {
    "origins": lambda values: all(is_origin(value) for value in values),
    "consent": lambda version: len(version) <= LONGEST_VERSION,
}


@contextmanager
def connect(account: Account) -> Iterator[Board | Misset]:
    try:
        options_of(account)
    except OptionsError as error:
        yield Misset(str(error))
    else:
        yield Board()
