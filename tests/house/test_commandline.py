"""manage.py as a user types it, in a checkout of his own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config.commandline import local_secrets
from config.embedded import Stack
from config.servers import inhabitants
from tests.embedded import part_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path):
    for name in ("apps", "config", "locale", "manage.py", "static", "templates"):
        source, target = ROOT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.exists():
            shutil.copy(source, target)
    return tmp_path


def manage(checkout, *arguments, **environment):
    ours = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "LINK_KEY", "TIDINGS_DEMO", "CI"}
    return subprocess.run(
        [sys.executable, str(checkout / "manage.py"), *arguments],
        cwd="/",
        env={name: value for name, value in os.environ.items() if name not in ours} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_secrets_are_invented_once_and_for_the_owner_alone(tmp_path):
    first = local_secrets(tmp_path / "var" / "secrets")
    assert local_secrets(tmp_path / "var" / "secrets") == first
    assert set(first) == {"SECRET_KEY", "LINK_KEY"}
    assert len(set(first.values())) == 2
    assert min(map(len, first.values())) >= 64
    assert (tmp_path / "var" / "secrets").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["secrets"]


def connected(checkout):
    asked = "from django.db import connection as c; c.ensure_connection(); print('connected')"
    done = manage(checkout, "shell", "--no-imports", "-c", asked)
    return (done.stdout, done.returncode) == ("connected\n", 0), done.stderr


@pytest.mark.slow
def test_a_command_has_a_database_for_as_long_as_it_runs(checkout):
    assert connected(checkout) == (True, "")
    assert not inhabitants(checkout / "var" / "postgres", "postgres")
    assert not inhabitants(checkout / "var" / "valkey", "valkey-server")


@pytest.mark.slow
def test_a_command_uses_the_stack_that_runs_already_and_the_demo_refuses_to(checkout):
    with Stack(checkout) as stack:
        assert connected(checkout) == (True, "")
        assert stack.ended() is None

        demo = manage(checkout, "demo")
        assert demo.returncode == 1
        assert f"already in use by process {os.getpid()}" in demo.stderr


def test_servers_need_a_secret_of_their_own(checkout):
    servers = {"DATABASE_URL": "postgresql://db/tidings", "REDIS_URL": "redis://broker/0"}
    done = manage(checkout, "migrate", **servers)
    assert done.returncode == 1
    assert done.stderr.startswith("SECRET_KEY is not set")
    assert not (checkout / "var").exists()


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["help"], ["migrate", "--help"], ["version"], []])
def test_who_only_asks_starts_nothing(checkout, arguments):
    assert manage(checkout, *arguments).returncode == 0
    assert not (checkout / "var").exists()


@pytest.mark.slow
def test_a_wrong_command_ends_with_an_error(checkout):
    assert manage(checkout, "makemessages", "--no-such-option").returncode == 2


@pytest.mark.slow
def test_the_test_command_hands_over_to_pytest_with_its_arguments():
    quick = [str(Path(__file__).relative_to(ROOT)), "--quick", "--collect-only", "-q"]
    done = manage(ROOT, "test", *quick)
    assert "test_secrets_are_invented_once_and_for_the_owner_alone" in done.stdout
    assert "test_a_command_has_a_database" not in done.stdout


@pytest.mark.parametrize(
    ("given", "own"),
    [
        ("redis://cache.example:6379/0", "redis://cache.example:6379/4"),
        ("redis://cache.example:6379/3", "redis://cache.example:6379/7"),
        ("unix:///run/redis.sock?db=0", "unix:///run/redis.sock?db=4"),
    ],
)
def test_each_process_of_the_tests_has_its_own_part_of_a_given_broker(given, own):
    assert part_of(given, worker=2) == own
