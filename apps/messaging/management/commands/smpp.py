"""Holds the session of a provider of kind smpp, as long as it runs."""

import gc
import signal
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core import clock
from apps.messaging.actions.standing import AbsentError, serve


class Command(BaseCommand):
    help = (
        "Hold the one session of an SMPP provider: deliver its messages, and keep receipts and"
        " replies as they come. Ends on SIGTERM, once what is under way is answered."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("provider", metavar="PROVIDER", help="its name in the back office")

    def handle(self, *, provider: str, **_: Any) -> None:
        stopped = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        gc.collect()
        gc.freeze()  # the programs stay as long as we do: they need not be searched for garbage
        try:
            serve(provider, clock=clock.now, stopped=stopped)
        except AbsentError as error:
            raise CommandError(str(error)) from error
