import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core import clock
from apps.demo.actions.letters import keep_letter
from apps.demo.mailbox import Mailbox
from apps.demo.models import Letter


class Command(BaseCommand):
    help = "The demo's phones and inboxes: an SMTP server and an SMS gateway on this machine."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--smtp-port", type=int, required=True)
        parser.add_argument("--sms-port", type=int, required=True)

    def handle(self, *, smtp_port: int, sms_port: int, **_: Any) -> None:
        if not settings.DEMO:
            raise CommandError("Only the demo has a mailbox of its own.")
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        token = settings.SMS_GATEWAY_TOKEN
        with Mailbox(keep, token=token, smtp_port=smtp_port, sms_port=sms_port):
            stop.wait()


def keep(letter: Letter) -> None:
    # While the past is being loaded the world's clock runs ahead of the one of this process.
    keep_letter(letter, at=clock.now() - settings.CLOCK_OFFSET)
