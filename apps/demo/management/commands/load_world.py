from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core import clock
from apps.demo.actions.feed import RefusedError
from apps.demo.actions.history import load_world
from apps.demo.actions.login import give_login
from apps.demo.world import timeline


class Command(BaseCommand):
    help = "Live the past of the demo's world; `demo` calls it, with the mailbox beside it."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, required=True, help="Links in letters lead there.")

    def handle(self, *, port: int, **_: Any) -> None:
        if not settings.DEMO:
            raise CommandError("Only the demo has a world of its own.")
        give_login()
        try:
            load_world(
                timeline.past(),
                now=clock.now,
                port=port,
                folder=settings.BASE_DIR / "var" / "demo",
                say=self.say,
            )
        except RefusedError as error:
            raise CommandError(str(error)) from error

    def say(self, sentence: str) -> None:
        self.stdout.write(f"         {sentence}")
        self.stdout.flush()
