"""The long form runs where somebody names this folder; the whole suite has the short one."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings as base
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
        command = ["tests.faults.senders", "--messages", str(messages)]
        command += ["--kills", str(kills), "--seed", str(seed), "--seconds", str(seconds)]
        command += ["--wrong", wrong, "--die-at", die_at]
        return program(command, {**surroundings(settings), "FAULTS_PEER": peer, **environment})

    return start


def surroundings(settings):
    """Return where a program of its own finds the tests' servers."""
    host, name = connection.settings_dict["HOST"], connection.settings_dict["NAME"]
    return {
        "DATABASE_URL": f"postgresql://postgres@/{name}?host={host}",
        "REDIS_URL": settings.REDIS_URL,
    }


def program(command, environment):
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        cwd=base.BASE_DIR,
    )


@pytest.fixture
def campaigns(peer, settings):
    """Run eight campaigns to their end and return what they found."""

    def run(*options):
        command = ["tests.faults.campaigns", *options]
        with program(command, {**surroundings(settings), "FAULTS_PEER": peer}) as process:
            said, _ = process.communicate()
        return json.loads(said.splitlines()[-1])

    return run


@pytest.fixture
def found(senders):
    """Run the senders to their end and return what they found."""

    def run(**asked):
        with senders(**asked) as process:
            said, _ = process.communicate()
        return json.loads(said.splitlines()[-1])

    return run
