"""Builds .venv from the pinned and hashed locks, once, and goes on inside it.

Standard library only. Where the caller brings an environment (an image, a venv of his own) nothing
happens. The locks leave out what bokeh-sampledata declares and never needs for its price files
(pandas and company): hence --no-deps.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

LOCKS = {"runtime": "requirements.lock", "dev": "requirements-dev.lock"}
DEVELOPMENT = {"test", "makemigrations", "makemessages", "compilemessages"}
# Together they tell our environment from any Python that happens to have Django.
NEEDED = {"runtime": ("celery", "django", "liquid", "psycopg", "unfold"), "dev": ("pytest",)}


def ensure(root: Path, argv: list[str]) -> None:
    """Return inside a complete environment, or re-execute the command inside the one just built."""
    kind = wanted_kind(argv)
    venv = Venv(root)
    if not venv.is_running and (os.environ.get("TIDINGS_NO_BOOTSTRAP") or provided(kind)):
        return
    if not venv.serves(kind):
        venv.build(kind)
    elif venv.is_running:
        return
    os.execv(venv.python, [str(venv.python), *argv])  # noqa: S606 (ourselves)


def wanted_kind(argv: list[str]) -> str:
    development = bool(os.environ.get("CI")) or bool(DEVELOPMENT.intersection(argv[1:2]))
    return "dev" if development else "runtime"


def provided(kind: str) -> bool:
    names = NEEDED["runtime"] + (NEEDED["dev"] if kind == "dev" else ())
    return all(find_spec(name) for name in names)


@dataclass(frozen=True)
class Venv:
    """The environment that belongs to this checkout."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def stamp(self) -> Path:
        """Written last: kind and hash of every lock it was built to. Absent = not complete."""
        return self.folder / "locks"

    @property
    def is_running(self) -> bool:
        return Path(sys.prefix).resolve() == self.folder.resolve()

    def contents(self) -> dict[str, str]:
        if not self.stamp.exists() or not self.python.exists():
            return {}
        return dict(line.split() for line in self.stamp.read_text().splitlines())

    def kinds(self, wanted: str) -> list[str]:
        """Return the locks it must be built to. For developers once, for developers ever after."""
        return list(LOCKS) if "dev" in {wanted, *self.contents()} else ["runtime"]

    def serves(self, wanted: str) -> bool:
        built = self.contents()
        return all(built.get(kind) == self.digest(kind) for kind in self.kinds(wanted))

    def digest(self, kind: str) -> str:
        return hashlib.sha256((self.root / LOCKS[kind]).read_bytes()).hexdigest()

    def build(self, wanted: str) -> None:
        """Build it anew; of several processes one builds and the others wait for it."""
        (self.root / "var").mkdir(exist_ok=True)
        with (self.root / "var" / "bootstrap.lock").open("a") as turn:
            try:
                fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("Another process is building .venv; waiting for it …")
                fcntl.flock(turn, fcntl.LOCK_EX)
            if self.serves(wanted):
                return
            kinds = self.kinds(wanted)
            lock = LOCKS[kinds[-1]]  # the later one holds all of the earlier
            say(f"Building .venv from {lock} (once; a minute or less) …")
            self.stamp.unlink(missing_ok=True)
            install(self, self.root / lock)
            half = self.stamp.with_suffix(".half")
            half.write_text("".join(f"{kind} {self.digest(kind)}\n" for kind in kinds))
            half.rename(self.stamp)
            say("Built .venv.")


def install(venv: Venv, lock: Path) -> None:
    """Use uv where there is one and it can; it does not read pip's configuration. Else pip."""
    if (uv := shutil.which("uv")) and install_with_uv(uv, venv, lock):
        return
    install_with_pip(venv, lock)


def install_with_uv(uv: str, venv: Venv, lock: Path) -> bool:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    environment.setdefault("UV_SYSTEM_CERTS", "1")
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", base_python(), str(venv.folder)],
        [
            *(uv, "pip", "sync", "--quiet", "--python", str(venv.python)),
            *("--require-hashes", "--only-binary", ":all:", str(lock)),
        ],
    ):
        done = subprocess.run(  # noqa: S603 (our own command)
            command,
            env=environment,
            stdout=sys.stderr,  # a command's own output may be somebody's input
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            reason = done.stderr.strip().splitlines()[:1]
            say(f"uv could not ({' '.join(reason)}); pip tries.")
            return False
    return True


def install_with_pip(venv: Venv, lock: Path) -> None:
    if not find_spec("venv") or not find_spec("ensurepip"):
        sys.exit(
            "This Python has no venv module (Debian and Ubuntu: apt install python3-venv). "
            "Install it, or uv, and try again."
        )
    run_all([[base_python(), "-m", "venv", "--clear", str(venv.folder)]])
    pip = [
        *(str(venv.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-compile", "--no-deps", "--require-hashes", "--only-binary", ":all:"),
    ]
    run_all([[*pip, "--requirement", str(half)] for half in halves(lock, venv.folder)])


def halves(lock: Path, folder: Path) -> list[Path]:
    """Share the lock out between two files: one pip alone works on one processor.

    It may: no package needs to be there before another, since the lock names them all.
    """
    pinned = re.split(r"\n(?=\w)", lock.read_text().strip())
    made = []
    for number in range(min(2, len(pinned))):
        made.append(folder / f"half-{number}.lock")
        made[number].write_text("\n".join([*pinned[number::2], ""]))
    return made


def run_all(commands: list[list[str]]) -> None:
    """Run commands side by side; all must succeed."""
    running = [subprocess.Popen(command, stdout=sys.stderr) for command in commands]  # noqa: S603
    codes = [process.wait() for process in running]
    if any(codes):
        sys.exit(f"Building .venv failed: {' '.join(commands[0])}")


def base_python() -> str:
    """Return an interpreter outside .venv: building starts by clearing it."""
    if sys.prefix == sys.base_prefix:
        return sys.executable
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return str(Path(sys.base_prefix) / "bin" / f"python{version}")


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 (before there is anything else)
