"""SMS through a message centre that speaks SMPP 3.4: one session, open as long as its process runs.

    {"host": "smsc.example.com", "port": 2775, "name": "tidings"}

A centre allows few sessions and sends receipts over them at any moment; so one process holds the
session of a provider (`manage.py smpp NAME`) and delivers that provider's messages itself. Every
other process finds no session and takes no letter.
"""

import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from apps.messaging.channels import Account, Answer, Carrier, Letter
from apps.messaging.channels.options import OptionsError, are_numbers, read_options
from apps.messaging.channels.smpp.incoming import Ids, Style
from apps.messaging.channels.smpp.link import Login
from apps.messaging.channels.smpp.outgoing import sender_address
from apps.messaging.channels.smpp.session import Keep, Session

OPTIONS: dict[str, Any] = {
    "host": "",
    "port": 2775,
    "name": "",
    "system_type": "",
    "tls": False,
    "long": "parts",  # or "payload", for a centre that cuts itself
    "alphabet": "gsm",  # of what it brings as its default one; or "latin-1"
    "answer_ids": "text",  # or "hex", "decimal": how it writes ids in answers
    "receipt_ids": "text",  # and in receipts
    "valid_for_hours": 48,  # how long it tries
    "never": [],  # statuses that end a message, besides those of the standard
    "silence": 30,  # seconds without a word, after which it is asked whether it lives
}
ALLOWED: dict[str, Callable[[Any], bool]] = {
    "host": bool,
    "name": bool,
    "port": range(1, 65_536).__contains__,
    "long": ("parts", "payload").__contains__,
    "alphabet": ("gsm", "latin-1").__contains__,
    "answer_ids": set(Ids).__contains__,
    "receipt_ids": set(Ids).__contains__,
    "valid_for_hours": range(1, 721).__contains__,
    "never": are_numbers,
    "silence": range(1, 3_601).__contains__,
}
BOUND: dict[str, Session] = {}  # of this process, by provider


class Absent:
    """Takes no letter: the session is another process's, or is down."""

    def send(self, letters: Iterable[Letter]) -> Iterator[tuple[UUID, Answer]]:
        yield from ()


@contextmanager
def connect(account: Account) -> Iterator[Carrier]:
    """Lend the session that this process holds."""
    yield BOUND.get(account.name) or Absent()


@contextmanager
def bound(account: Account, keep: Keep, leave: Callable[[], object] = bool) -> Iterator[Session]:
    """Hold the session of a provider; `leave` ends what `keep` began in its thread.

    Raises OptionsError, DownError.
    """
    options = read_options(account.options, OPTIONS, ALLOWED)
    session = Session(
        login_of(account, options),
        style_of(account, options),
        keep,
        window=account.window,
        leave=leave,
    )
    session.open()
    BOUND[account.name] = session
    try:
        yield session
    finally:
        del BOUND[account.name]
        session.close()


def login_of(account: Account, options: Mapping[str, Any]) -> Login:
    return Login(
        options["host"],
        options["port"],
        options["name"],
        account.secret,
        system_type=options["system_type"],
        tls=ssl.create_default_context() if options["tls"] else None,
        silence=options["silence"],
    )


def style_of(account: Account, options: Mapping[str, Any]) -> Style:
    usual = Style(sender=account.sender or settings.SMS_SENDER)
    try:
        sender_address(usual.sender).to_bytes()
    except ValueError:
        raise OptionsError(
            _("The sender is a number, or a word of up to 20 Latin letters.")
        ) from None
    days, hours = divmod(options["valid_for_hours"], 24)
    return Style(
        sender=usual.sender,
        validity=f"0000{days:02}{hours:02}0000000R",
        long_as_payload=options["long"] == "payload",
        default_alphabet=options["alphabet"],
        answer_ids=Ids(options["answer_ids"]),
        receipt_ids=Ids(options["receipt_ids"]),
        never=usual.never | frozenset(options["never"]),
    )
