"""Embedded PostgreSQL and Valkey: where they listen."""

import hashlib
import os
import tempfile
from pathlib import Path


def run_dir(base: Path) -> Path:
    """Return the folder of the sockets; a socket's path may have 100 bytes at most."""
    folder = base / "var" / "run"
    if len(os.fsencode(folder / ".s.PGSQL.5432.lock")) < 100:
        return folder
    digest = hashlib.sha256(os.fsencode(base)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"tidings-{os.geteuid()}-{digest}"


def database_url(base: Path, name: str = "tidings") -> str:
    return f"postgresql://postgres@/{name}?host={run_dir(base)}"


def redis_url(base: Path) -> str:
    return f"unix://{run_dir(base)}/redis.sock?db=0"
