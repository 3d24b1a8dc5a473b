"""A task calls one action: what fails in one holds up no other."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READING = {"begin_round", "helpers"}  # what a task asks before it acts


def tasks():
    for path in sorted(ROOT.glob("apps/*/tasks.py")):
        tree = ast.parse(path.read_text())
        actions = {
            name.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for name in node.names
            if "actions" in f"{node.module}.{name.name}".split(".")
        }
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.decorator_list:
                yield pytest.param(node, actions, id=f"{path.parts[-2]}.{node.name}")


@pytest.mark.parametrize(("task", "actions"), [*tasks()])
def test_a_task_calls_one_action(task, actions):
    called = {
        f"{node.func.value.id}.{node.func.attr}"
        for node in ast.walk(task)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in actions
        and node.func.attr not in READING
    }
    assert len(called) == 1
