"""Runs several programs as one: they start together, and when one ends they all do.

Generic: what runs is the caller's business. Nothing is restarted; a service manager does that.
"""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from apps.core import processes

Say: TypeAlias = Callable[[str], object]
Child: TypeAlias = subprocess.Popen[bytes]

GRACE = 15.0  # seconds in which a worker finishes its batch
PAUSE = 0.1  # seconds between two looks


@dataclass(frozen=True)
class Process:
    """One program; it is asked `is_ready` until it says yes."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_ready: Callable[[], bool] = lambda: True
    log: Path | None = None


def run(
    programs: Sequence[Process],
    *,
    say: Say,
    ready: Callable[[], object] = lambda: None,
    patience: float = 60,
) -> int:
    """Run all until SIGINT, SIGTERM or the end of one of them; return an exit code.

    `ready` is called once, when every program is; `patience` (seconds) limits that. A second
    signal kills what is still finishing its work. Call from the main thread.
    """
    children: list[tuple[Process, Child]] = []
    asked: list[int] = []
    with on_signal(asked.append):
        try:
            for program in programs:
                children.append((program, start(program)))  # noqa: PERF401 (each is stopped)
            return watch(children, asked, say, ready, time.monotonic() + patience)
        finally:
            stop(children, say)


@contextlib.contextmanager
def on_signal(act: Callable[[int], object]) -> Iterator[None]:
    """Call `act` when somebody asks us to end, for as long as the block lasts."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda number, _: act(number)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def start(program: Process) -> Child:
    if program.log:
        program.log.parent.mkdir(parents=True, exist_ok=True)
    return processes.start(
        processes.bound(program.command),
        log=program.log,
        environment={**os.environ, **program.environment},
    )


def watch(
    children: Sequence[tuple[Process, Child]],
    asked: Sequence[int],
    say: Say,
    ready: Callable[[], object],
    deadline: float,
) -> int:
    waiting = [program for program, _ in children]
    while not asked:
        for program, child in children:
            if child.poll() is not None:
                log = f" Its log: {program.log}" if program.log else ""
                say(f"{program.name} {ending(child.returncode)}; stopping the rest.{log}")
                return 1
        if waiting:
            waiting = [program for program in waiting if not program.is_ready()]
            if not waiting:
                ready()
            elif time.monotonic() > deadline:
                say(f"Not ready in time: {', '.join(program.name for program in waiting)}.")
                return 1
        time.sleep(PAUSE)
    say(f"{signal.Signals(asked[0]).name} received; stopping.")
    return 0


def stop(children: Sequence[tuple[Process, Child]], say: Say) -> None:
    def kill(_: int) -> None:
        for _program, child in children:
            child.kill()

    with on_signal(kill):
        killed = processes.stop([(child, signal.SIGTERM) for _, child in children], GRACE)
    for program, child in children:
        if child in killed:
            say(f"{program.name} did not stop within {GRACE:.0f} s and was killed.")


def ending(returncode: int) -> str:
    if returncode < 0:
        return f"was killed by {signal.Signals(-returncode).name}"
    return f"ended with exit code {returncode}"


def free_port(host: str, wished: int, say: Say) -> int:
    """Return the wished port, or the next free one after it, and say so."""
    for port in (*range(wished, wished + 20), 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            found: int = probe.getsockname()[1]
            if found != wished:
                say(f"Port {wished} is busy; taking {found}.")
            return found
    raise OSError(f"No free port on {host}.")


def listens(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def answers(url: str) -> bool:
    """Say whether the page is served; any answer but a server's error counts."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=5)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
