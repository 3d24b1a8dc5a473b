"""The two locks: one set of versions, hashes for all, the declared dependencies covered."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def pins(name):
    entries = re.split(r"\n(?=\S)", (ROOT / name).read_text().strip())
    return {entry.split()[0]: entry.count("--hash=sha256:") for entry in entries}


def names(requirements):
    return {re.split(r"[\[=<>~; ]", requirement)[0].lower() for requirement in requirements}


def test_the_development_lock_holds_the_versions_of_the_other_one():
    assert pins("requirements.lock").keys() <= pins("requirements-dev.lock").keys()


def test_every_pin_has_a_version_and_hashes():
    for pin, hashes in pins("requirements-dev.lock").items():
        assert re.fullmatch(r"[a-z0-9._-]+==[\w.]+", pin), pin
        assert hashes, pin


def test_the_locks_hold_what_the_project_declares():
    runtime = names(PROJECT["dependencies"]) | names(EXTRAS["demo"])
    assert runtime <= names(pins("requirements.lock"))
    assert names(EXTRAS["dev"]) <= names(pins("requirements-dev.lock"))
