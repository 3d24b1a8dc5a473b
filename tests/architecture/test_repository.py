"""What stands in the tree: no machine of ours, no package registry, no file too long to read."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST = 400
# Hosts are written in halves, so that this file does not name them either.
REGISTRY = re.compile(
    r"pypi\." + r"org|pythonhosted\." + r"org|registry\.(npmjs|yarnpkg)\." + r"|anaconda\." + "org"
    r"|^\s*(--(extra-)?index-url|--find-links|registry *=)",
    re.MULTILINE,
)
# Files of package managers that write registry hosts whatever they are told.
FORBIDDEN_FILES = {"uv.lock", "pylock.toml"}
MACHINE = re.compile(rf"{re.escape(str(ROOT))}\b|/(home|Users)/\w+/|/root/\w")


def tracked():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is not a git checkout")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def texts():
    for path in tracked():
        raw = path.read_bytes()
        if b"\0" not in raw[:8192]:
            yield path.relative_to(ROOT), raw.decode(errors="replace")


def test_no_file_names_a_package_registry():
    assert [str(path) for path, text in texts() if REGISTRY.search(text)] == []
    assert [str(path) for path in tracked() if path.name in FORBIDDEN_FILES] == []


def test_no_file_names_the_machine_it_was_written_on():
    assert [str(path) for path, text in texts() if MACHINE.search(text)] == []


def test_no_module_is_longer_than_one_can_read_at_once():
    lengths = {
        str(path): text.count("\n")
        for path, text in texts()
        if path.suffix == ".py" and "migrations" not in path.parts
    }
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST} == {}


def test_every_refusal_of_a_row_has_a_code_of_its_own():
    """A sentence is for people and changes; a code is what programs go by."""
    nameless = [
        f"{path}:{node.lineno}"
        for path, text in texts()
        if path.match("apps/*/imports/*.py") and "core" not in path.parts
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "refuse"
        and len(node.args) == 2
        and not node.keywords
    ]
    assert nameless == []


# UPDATE … WHERE id IN (SELECT … LIMIT n): a plan may run the subquery again for every row, and
# take more than n. ARRAY(…) and WITH are run once.
AGAIN = re.compile(r"\bIN \(\s*SELECT\b(?:[^()]|\((?:[^()]|\([^()]*\))*\))*\bLIMIT\b")


def test_no_subquery_with_a_limit_may_run_more_than_once():
    assert AGAIN.search("UPDATE one WHERE id IN (\n SELECT id FROM one WHERE f(x) LIMIT 5)")
    found = [str(path) for path, text in texts() if path.suffix == ".py" and AGAIN.search(text)]
    assert [path for path in found if path.startswith("apps")] == []
