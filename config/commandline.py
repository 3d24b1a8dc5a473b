"""What surrounds a management command: the embedded stack, the secrets of this machine, the tests.

Apps never import config, so manage.py calls this around Django's own entry point.
"""

import os
import secrets
import signal
import sys
import threading
from pathlib import Path

from config import embedded
from config.servers import EmbeddedError, Postgres, Valkey

# They touch neither database nor broker.
OFFLINE = {
    "collectstatic",
    "compilemessages",
    "diffsettings",
    "findstatic",
    "help",
    "makemessages",
    "replay_terms",
    "startapp",
    "version",
}
ASKS_FOR_HELP = {"-h", "--help", "--version"}
QUICK = ["-m", "not slow and not browser"]
SHARED = ["-n", "auto", "--maxprocesses", "4", "--dist", "worksteal"]  # among the processors
SERVERS = {"DATABASE_URL": Postgres, "REDIS_URL": Valkey}


def run(root: Path, argv: list[str]) -> int:
    """Run one command line and return its exit code."""
    command = argv[1] if argv[1:] else "help"
    if command == "test":
        hand_over_to_pytest(root, argv[2:])
    if command in OFFLINE or ASKS_FOR_HELP.intersection(argv):
        return execute(argv)
    if command == "demo":
        os.environ["TIDINGS_DEMO"] = "1"
    missing = [server for url, server in SERVERS.items() if not os.environ.get(url)]
    if missing or command == "demo":
        for name, value in local_secrets(root / "var" / "secrets").items():
            os.environ[name] = os.environ.get(name) or value
    if not os.environ.get("SECRET_KEY"):
        say("SECRET_KEY is not set: the environment must give it (see .env.example).")
        return 1
    return run_with(embedded.Stack(root, servers=missing), argv) if missing else execute(argv)


def run_with(stack: embedded.Stack, argv: list[str]) -> int:
    """Run a command while the stack is up; the demo must have it for itself."""
    # A polite end by whoever started us is to stop the stack too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        if argv[1] == "demo":
            stack.start()
        elif not stack.start_or_join():
            return execute(argv)
        threading.Thread(target=end_with, args=(stack,), daemon=True).start()
        return execute(argv) or int(stack.ended() is not None)
    except EmbeddedError as error:
        say(str(error))
        return 1
    finally:
        stack.stop()


def execute(argv: list[str]) -> int:
    from django.core.management import execute_from_command_line  # noqa: PLC0415 (reads settings)

    execute_from_command_line(argv)
    return 0


def hand_over_to_pytest(root: Path, arguments: list[str]) -> None:
    chosen = [argument for argument in arguments if argument != "--quick"]
    if all(argument.startswith("-") for argument in chosen):  # the whole suite
        chosen = [*SHARED, *chosen]
    arguments = [*QUICK, *chosen] if "--quick" in arguments else chosen
    os.chdir(root)
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])  # noqa: S606


def local_secrets(path: Path) -> dict[str, str]:
    """Return the secrets of this folder's own installation; the first call invents them."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{name}={secrets.token_urlsafe(48)}" for name in ("SECRET_KEY", "LINK_KEY")]
        half = path.with_name(f"secrets.{os.getpid()}")
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write("\n".join(lines) + "\n")
        try:
            path.hardlink_to(half)  # of two at once the first one's stay
        except FileExistsError:
            pass
        finally:
            half.unlink()
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def end_with(stack: embedded.Stack) -> None:
    """End this process when a server of its stack ends unasked: nothing works without."""
    ended = stack.wait_for_end()
    if ended:
        say(f"{ended.program} ended unexpectedly; see {ended.log}. Stopping.")
        os.kill(os.getpid(), signal.SIGTERM)


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201
