"""A real PostgreSQL and a real Redis-protocol broker that come with the Python dependencies.

They listen on private sockets under var/, never on a port, and end with the process that started
them. The demo, the tests and every management command use them where DATABASE_URL and REDIS_URL
name none. Standard library only: settings and the tests read this before Django.
"""

import fcntl
import hashlib
import os
import shlex
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO
from urllib.parse import quote

from apps.core import processes
from config.servers import EmbeddedError, Postgres, Server, Valkey

READY = "ready"


class HeldError(EmbeddedError):
    """Another process runs the servers of this folder."""


def run_dir(base: Path) -> Path:
    """Return the folder of the sockets: var/run, or a private one in the temporary folder.

    A socket's path may have 100 bytes at most, and the servers' URLs carry it unescaped.
    """
    folder = base / "var" / "run"
    longest = str(folder / ".s.PGSQL.5432.lock")
    if len(os.fsencode(longest)) < 100 and quote(longest) == longest:
        return folder
    digest = hashlib.sha256(os.fsencode(base)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"tidings-{os.geteuid()}-{digest}"


def database_url(base: Path, name: str = "tidings") -> str:
    return f"postgresql://postgres@/{name}?host={run_dir(base)}"


def redis_url(base: Path) -> str:
    return f"unix://{run_dir(base)}/redis.sock?db=0"


class Stack:
    """The servers of one folder, held by one process at a time."""

    def __init__(
        self,
        base: Path,
        *,
        throwaway: bool = False,
        servers: Iterable[type[Server]] = (Postgres, Valkey),
    ) -> None:
        self.base = base.resolve()
        self.throwaway = throwaway
        sockets = run_dir(self.base)
        self.servers = [server(self.base, sockets, throwaway=throwaway) for server in servers]
        self._lock: IO[str] | None = None
        self._stopping = threading.Event()

    def __enter__(self) -> "Stack":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start all, or raise EmbeddedError; HeldError names the process that holds the folder."""
        self._lock = self._take_lock()
        self._stopping.clear()
        try:
            self._make_run_dir()
            for server in self.servers:
                server.start()
            for server in self.servers:
                server.wait()
        except BaseException:
            self.stop()
            raise
        self._lock.write(f"{READY}\n")
        self._lock.flush()

    def stop(self) -> None:
        """Stop all. Twice is once."""
        if not self._lock:
            return
        self._stopping.set()
        self._lock.truncate(0)
        processes.stop(
            ((server.process, server.stop_signal) for server in self.servers if server.process),
            grace=15,
        )
        if self.throwaway:
            shutil.rmtree(run_dir(self.base), ignore_errors=True)
            shutil.rmtree(self.base, ignore_errors=True)
        self._lock.close()
        self._lock = None

    def wait_for_end(self) -> Server | None:
        """Wait until a server ends unasked and return it, or None once all are stopped."""
        while not self._stopping.wait(0.2):
            if (server := self.ended()) and not self._stopping.is_set():
                return server
        return None

    def ended(self) -> Server | None:
        """Return a server that ended although nobody asked it to."""
        return next((server for server in self.servers if server.process_ended()), None)

    def start_or_join(self, patience: float = 90) -> bool:
        """Start all, unless another process has them up; say whether they are ours."""
        end = time.monotonic() + patience
        while True:
            try:
                self.start()
            except HeldError:
                if self._lock_file().read_text().endswith(f"\n{READY}\n"):
                    return False
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
            else:
                return True

    def _lock_file(self) -> Path:
        return self.base / "var" / "lock"

    def _take_lock(self) -> IO[str]:
        path = self._lock_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            holder = path.read_text().partition("\n")[0] or "a process that is just ending"
            raise HeldError(f"{self.base} is already in use by {holder}.") from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()} ({shlex.join(sys.argv)})\n")
        lock.flush()
        return lock

    def _make_run_dir(self) -> None:
        folder = run_dir(self.base)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
            raise EmbeddedError(f"{folder} belongs to somebody else.")
        folder.chmod(0o700)
