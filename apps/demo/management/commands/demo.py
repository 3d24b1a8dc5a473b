import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from apps.core import clock, processes
from apps.demo import programs, queries, supervisor
from apps.demo.actions.history import stop_clock, wind_clock
from apps.demo.actions.login import LOGIN, PASSWORD
from apps.demo.mailbox import LOOPBACK
from apps.demo.models import World
from apps.demo.supervisor import Process, free_port, listens
from apps.messaging.actions.links import token_of

MANAGE = [sys.executable, str(settings.BASE_DIR / "manage.py")]
PORT = 8000
# The past can be lived once more: its commits need not wait for the disk. Nor is it logged.
HURRIED = {"PGOPTIONS": "-c synchronous_commit=off", "LOG_LEVEL": "WARNING"}


class Command(BaseCommand):
    help = "Everything on this machine: a world with real prices, and the product at work in it."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, help=f"Of the pages; {PORT} where it is free.")
        parser.add_argument(
            "--days", type=int, default=0, help="Let so many days pass since the demo last ran."
        )

    def handle(self, *, port: int | None, days: int, **_: Any) -> None:
        if not settings.DEMO:
            raise CommandError("The demo sets its own environment: start it as manage.py demo.")
        self.began = time.monotonic()
        try:
            self.prepare(port)
            code = self.run_world(later=timedelta(days=days))
        except KeyboardInterrupt:
            self.say("Stopped.")
            code = 130
        if code:
            sys.exit(code)

    def say(self, sentence: str) -> None:
        self.stdout.write(f"[{time.monotonic() - self.began:5.1f} s] {sentence}")
        self.stdout.flush()

    def prepare(self, wished: int | None) -> None:
        """Bring database, ports and the world's past into being, as far as they are not there."""
        self.say("Preparing the database …")
        call_command("migrate", verbosity=0, interactive=False)
        world = queries.world()
        used = world.port if world else wished or PORT
        self.port = free_port(LOOPBACK, wished or used, self.say)
        # Held while the past is loaded, whose letters carry it.
        self.door = socket.create_server((LOOPBACK, self.port))
        if world and self.port != used:
            self.say(f"Links in letters sent so far lead to port {used}, which does not answer.")
        os.environ.update(self.environment())
        if not (world and world.loaded_at):
            self.say("Living the past: files, prices, observations, messages (once) …")
            self.load()

    def environment(self) -> dict[str, str]:
        """Return what all programs of the demo share; the mailbox stands in for the providers."""
        self.smtp_port, self.sms_port = (free_port(LOOPBACK, 0, unsaid) for _ in range(2))
        return {
            "PUBLIC_URL": f"http://{LOOPBACK}:{self.port}",
            "TEST_RECIPIENTS": "*",  # nothing leaves this machine
            "EMAIL_HOST": LOOPBACK,
            "EMAIL_PORT": str(self.smtp_port),
            "SMS_GATEWAY_URL": f"http://{LOOPBACK}:{self.sms_port}/messages",
            "SMS_GATEWAY_TOKEN": secrets.token_urlsafe(),
            "SMS_SENDER": "DemoIssuer",
            "DEFAULT_FROM_EMAIL": "Demo Issuer <news@issuer.example>",
            "ISSUER_NAME": "Demo Issuer",
            "PROVIDER_SECRET_DEMO_SITE": secrets.token_urlsafe(32),
        }

    def load(self) -> None:
        """Load the past in a process of its own, which reads the environment just made."""
        connections.close_all()
        command = [*MANAGE, "load_world", "--port", str(self.port)]
        children: list[subprocess.Popen[bytes]] = []
        try:
            children.append(supervisor.start(self.mailbox(HURRIED)))
            children.append(
                processes.start(processes.bound(command), environment={**os.environ, **HURRIED})
            )
            if code := children[-1].wait():
                raise CommandError(f"Loading ended with exit code {code}.")
        finally:
            processes.stop([(child, signal.SIGTERM) for child in children], supervisor.GRACE)

    def run_world(self, *, later: timedelta) -> int:
        """Let the world's time run on, with everything at work in it, until somebody ends it."""
        world = World.objects.get()
        wind_clock(world, real=clock.now(), later=later)
        os.environ["CLOCK_OFFSET_SECONDS"] = str(world.offset_seconds)
        connections.close_all()
        self.door.close()
        code = supervisor.run(
            [
                self.mailbox(),
                programs.web(LOOPBACK, self.port, log("web")),
                programs.worker(log("worker")),
                programs.prompt(log("prompt")),
                programs.beat(log("beat")),
            ],
            say=self.say,
            ready=lambda: self.show(world),
        )
        stop_clock(world, real=clock.now())
        return code

    def mailbox(self, environment: Mapping[str, str] = MappingProxyType({})) -> Process:
        ports = ["--smtp-port", str(self.smtp_port), "--sms-port", str(self.sms_port)]
        return Process(
            "mailbox",
            [*MANAGE, "mailbox", *ports],
            environment=environment,
            is_ready=lambda: listens(LOOPBACK, self.sms_port),
            log=log("mailbox"),
        )

    def show(self, world: World) -> None:
        """Say where to look."""
        here = os.environ["PUBLIC_URL"]
        lines = [
            ("Start here", f"{here}/"),
            ("Back office", f"{here}/admin/   login {LOGIN}, password {PASSWORD}"),
            ("Mailbox", f"{here}/demo/mailbox/"),
            *(
                (f"A client's page, {kind}", f"{here}/s/{token_of(link)}")
                for kind, link in queries.shown_links(world).items()
            ),
        ]
        self.say(f"Ready. In the demo it is {world.moment(clock.now()):%d %B %Y, %H:%M} UTC.")
        self.stdout.write("\n".join(["", *(f"  {what:26} {where}" for what, where in lines), ""]))
        self.stdout.write("  Ctrl-C stops it; the next start goes on from there.")
        self.stdout.flush()
        connections.close_all()


def log(name: str) -> Path:
    """Return where a program logs; what it said in the run before stands beside."""
    path = Path(settings.BASE_DIR, "var", "log", f"{name}.log")
    if path.exists():
        path.rename(path.with_suffix(".log.1"))
    return path


def unsaid(_: str) -> None:
    """Nobody cares which port a server behind the pages has."""
