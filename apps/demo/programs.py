"""The programs of one Tidings: web, workers, beat. Servers run the same ones; see operations.md."""

import os
import sys
from pathlib import Path

from apps.demo.supervisor import Process, answers

# No mingling, no gossip: workers need not know each other, and both delay the start.
CELERY = [sys.executable, "-m", "celery", "--app", "config", "--skip-checks"]


def web(host: str, port: int, log: Path | None = None) -> Process:
    return Process(
        "web",
        [
            *(sys.executable, "-m", "gunicorn", "--worker-class", "gthread"),
            *("--workers", "1", "--threads", "4", "--bind", f"{host}:{port}"),
            *("--no-control-socket", "--log-level", "warning", "config.wsgi:application"),
        ],
        # Only the web process keeps a pool: prefork workers would lose theirs at every task.
        environment={"DB_POOL": "4"},
        is_ready=lambda: answers(f"http://{host}:{port}/admin/login/"),
        log=log,
    )


def worker(log: Path | None = None) -> Process:
    return Process(
        "worker",
        [
            *(*CELERY, "worker", "--concurrency", "2", "--loglevel", "warning"),
            *("--without-mingle", "--without-gossip"),
        ],
        log=log,
    )


def prompt(log: Path | None = None) -> Process:
    """Return a worker for what people wait for: files and evaluations may keep the other busy."""
    return Process(
        "prompt",
        [
            *(*CELERY, "worker", "--queues", "prompt", "--hostname", "prompt@%h"),
            *("--concurrency", "1", "--loglevel", "warning"),
            *("--without-mingle", "--without-gossip"),
        ],
        log=log,
    )


def beat(log: Path | None = None) -> Process:
    # The schedule stands in the database: no schedule file, no pid file.
    return Process(
        "beat",
        [*CELERY, "beat", "--loglevel", "warning", "--schedule", os.devnull, "--pidfile="],
        log=log,
    )
