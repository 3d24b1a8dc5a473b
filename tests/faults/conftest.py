"""The long form runs where somebody names this folder; the whole suite has the short one."""

import json
import os
import subprocess
import sys

import pytest
from django.db import connection


def pytest_collection_modifyitems(config, items):
    if not any("faults" in str(argument) for argument in config.invocation_params.args):
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture
def peer():
    """A provider's process; its port."""
    command = [sys.executable, "-m", "tests.faults.peer", "7"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().strip()
        process.kill()


@pytest.fixture
def senders(peer, settings):
    """Start the senders, on the tests' own database unless the environment names another."""

    def start(*, messages, kills, wrong="", die_at="", seconds=120, seed=1, **environment):
        host, name = connection.settings_dict["HOST"], connection.settings_dict["NAME"]
        command = [sys.executable, "-m", "tests.faults.senders", "--messages", str(messages)]
        command += ["--kills", str(kills), "--seed", str(seed), "--seconds", str(seconds)]
        return subprocess.Popen(
            [*command, "--wrong", wrong, "--die-at", die_at],
            env={
                **os.environ,
                "DATABASE_URL": f"postgresql://postgres@/{name}?host={host}",
                "REDIS_URL": settings.REDIS_URL,
                "FAULTS_PEER": peer,
                **environment,
            },
            stdout=subprocess.PIPE,
            text=True,
            cwd=settings.BASE_DIR,
        )

    return start


@pytest.fixture
def found(senders):
    """Run the senders to their end and return what they found."""

    def run(**asked):
        with senders(**asked) as process:
            said, _ = process.communicate()
        return json.loads(said.splitlines()[-1])

    return run
