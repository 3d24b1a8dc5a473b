"""Child processes that never outlive us: started in a session of their own, stopped for certain.

Standard library only: the embedded services are started before Django is there.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


def bound(
    command: Sequence[str | Path],
    death_signal: signal.Signals = signal.SIGTERM,
    options: Sequence[str] = (),
) -> list[str]:
    """Wrap a command so that the kernel signals it when its parent ends, even by SIGKILL (Linux).

    setpriv rather than preexec_fn: Python code between fork and exec may hang in a process with
    threads. `options` are further ones of setpriv. Call from the main thread: the kernel takes the
    end of the starting thread for the end of the parent.
    """
    plain = [str(part) for part in command]
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    if not setpriv:
        return plain
    name = death_signal.name.removeprefix("SIG")
    return [setpriv, "--pdeathsig", name, *options, "--", *plain]


def start(
    command: Sequence[str],
    *,
    log: Path | None = None,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command in its own session, so that a terminal's Ctrl-C reaches only the parent."""
    with contextlib.ExitStack() as files:
        output = files.enter_context(log.open("ab")) if log else None
        return subprocess.Popen(  # noqa: S603 (our own commands)
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cwd,
            env=environment,
            start_new_session=True,
        )


def stop(
    processes: Iterable[tuple[subprocess.Popen[bytes], signal.Signals]], grace: float
) -> list[subprocess.Popen[bytes]]:
    """Signal all, wait up to `grace` seconds in all, kill what is left, group and all.

    Return those that had to be killed.
    """
    asked = list(processes)
    for process, how in asked:
        process.send_signal(how)
    end = time.monotonic() + grace
    killed = []
    for process, _ in asked:
        try:
            process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            killed.append(process)
        # Whatever the leader left behind in its group goes too.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return killed
