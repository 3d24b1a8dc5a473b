"""The examples of docs/api.md, run by a shell as they stand there, answer what stands below them."""

import json
import os
import re
import subprocess

import pytest
from django.conf import settings

from apps.products.imports.markets import TradingDayResource, UnderlyingResource
from apps.products.imports.strategies import StrategyResource
from tests.calling import System
from tests.importing import import_file
from tests.products.importing import AT

DOCS = settings.BASE_DIR / "docs"
EXAMPLE = re.compile(r"```sh\n(.*?)\n```\n```json\n(.*?)\n```", re.DOTALL)
RIGHTS = ("clients", "policies", "holdings", "quotes", "events", "files")
WORLD = {
    "shares": UnderlyingResource, "trading-days": TradingDayResource, "strategies": StrategyResource,
}  # fmt: skip


@pytest.fixture
def world(transactional_db, settings, tmp_path):
    settings.FILES_DIR = tmp_path
    text = (DOCS / "csv.md").read_text()
    for name, resource in WORLD.items():
        (lines,) = re.findall(rf"```csv {name}\n(.*?)\n```", text, re.DOTALL)
        assert import_file(resource, lines.encode(), filename=name, at=AT).stored


def is_part(said, found):
    """Tell whether an answer says what the documentation does; `…` stands for anything."""
    if isinstance(said, dict):
        return all(name in found and is_part(value, found[name]) for name, value in said.items())
    if isinstance(said, list):
        return len(said) <= len(found) and all(map(is_part, said, found))
    return said in {found, "…"} if isinstance(said, str) else said == found


@pytest.mark.slow
def test_the_examples_of_the_documentation_answer_as_they_say(world, client, live_server):
    system = System(client, *(f"{one}:{may}" for one in RIGHTS for may in ("read", "write")))
    variables = {
        "TIDINGS": f"{live_server}/api/v1",
        "KEY": system.token,
        "PATH": os.environ["PATH"],
    }
    examples = EXAMPLE.findall((DOCS / "api.md").read_text())
    assert len(examples) == 9
    for command, said in examples:
        done = subprocess.run(
            ["bash", "-c", command], env=variables, capture_output=True, check=True, timeout=120
        )
        assert is_part(json.loads(said), json.loads(done.stdout)), done.stdout.decode()
