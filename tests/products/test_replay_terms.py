"""The command that replays term sheets: one JSON answer a line, whatever comes in."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from tests.term_sheets import DATES, spec

ROOT = Path(__file__).parents[2]


def case(name="steady", close=90, **more):
    prices = {share: dict.fromkeys(DATES, close) for share in "AB"}
    return {"id": name, "spec": spec(), "market": {"prices": prices}, **more}


def replayed(*arguments, capsys, stdin=None, monkeypatch=None):
    """Return the exit code and the answers of the command."""
    if stdin is not None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    code = 0
    try:
        call_command("replay_terms", *arguments)
    except SystemExit as end:
        code = end.code
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(case()),
        json.dumps({"cases": [case()]}, indent=2),
        json.dumps([case()]),
        "\ufeff" + json.dumps(case()) + "\n\n",
        '\n{"cases": [\n' + json.dumps(case()) + '\n], "note": "one a line"}\n',
    ],
)
def test_a_file_holds_one_case_or_many(text, tmp_path, capsys):
    file = tmp_path / "cases.json"
    file.write_text(text)
    code, answers = replayed(str(file), capsys=capsys)
    assert code == 0
    assert [(answer["id"], answer["status"]) for answer in answers] == [("steady", "MATURED")]


def test_standard_input_is_read_line_by_line(capsys, monkeypatch):
    lines = [json.dumps(case(name)) for name in ("first", "second")]
    stdin = "\n\n".join(lines).encode()
    code, answers = replayed("-", capsys=capsys, stdin=stdin, monkeypatch=monkeypatch)
    assert (code, [answer["id"] for answer in answers]) == (0, ["first", "second"])


def test_a_case_that_cannot_be_read_says_why_and_the_others_go_on(capsys, monkeypatch):
    broken = case("broken")
    broken["spec"]["notional"] = "much"
    future = case("bad close")
    future["market"]["prices"]["A"][DATES[1]] = "-1"
    lines = ["no case", "[1]", broken, future, {"id": "bare"}, case(), '"\udcff"']
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    stdin = "\n".join(texts).encode(errors="surrogateescape")
    code, answers = replayed("-", capsys=capsys, stdin=stdin, monkeypatch=monkeypatch)
    assert code == 1
    assert answers[0]["line"] == 1
    assert answers[0]["error"].startswith("line 1: This is not JSON")
    assert answers[1] == {"error": "This case is no object with a spec and a market."}
    assert answers[2] == {
        "id": "broken",
        "error": "spec.notional: 'much' is not a decimal number such as 0.75.",
    }
    assert answers[3]["error"] == "market.prices.A.2019-03-15: -1 must be above zero."
    assert answers[4] == {"id": "bare", "error": "spec: this term is missing."}
    assert answers[5]["status"] == "MATURED"
    assert answers[6] == {"line": 7, "error": "line 7: This is not UTF-8."}


@pytest.mark.parametrize(
    "layout",
    [
        '{"cases": [A,\nB,\nC]}',
        '{"cases": [A, B,\nC]}',
        '{"cases": [\nA,\nB,\nC\n]\n}',
        "[A,\nB,\n\nC]\n",
        '\n{"note": "x", "cases": [A,\nB,C]}',
        '{"cases": [A, B, C],\n"note": "x"}',
        '{"cases": [A\n, B\n, C]}',
        "A\nB\n[C]\n",
        "[A, B]\nC",
    ],
)
def test_every_case_is_answered_once_however_a_file_is_laid_out(layout, tmp_path, capsys):
    file = tmp_path / "cases.json"
    file.write_text(re.sub("[ABC]", lambda name: json.dumps(case(name[0].lower())), layout))
    code, answers = replayed(str(file), capsys=capsys)
    assert (code, [answer["id"] for answer in answers]) == (0, ["a", "b", "c"])


def test_a_file_that_breaks_off_answers_what_came_before(tmp_path, capsys):
    file = tmp_path / "cases.json"
    for broken in (", {", ' {"id": 2}]', "], }", "]} more"):
        file.write_text('{"cases": [' + json.dumps(case()) + broken)
        code, answers = replayed(str(file), capsys=capsys)
        assert code == 1
        assert answers[0]["id"] == "steady"
        assert "This is not JSON" in answers[1]["error"]
        assert len(answers) == 2


def test_an_empty_list_has_no_answers(tmp_path, capsys):
    file = tmp_path / "cases.json"
    file.write_text('{"cases": []}')
    assert replayed(str(file), capsys=capsys) == (0, [])


def test_a_file_that_is_not_there_is_an_answer_too(tmp_path, capsys):
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(case()))
    code, answers = replayed(str(tmp_path / "none.json"), str(file), capsys=capsys)
    assert code == 1
    assert "cannot be read" in answers[0]["error"]
    assert answers[1]["id"] == "steady"


def test_a_check_tells_what_is_not_as_expected(tmp_path, capsys):
    file = tmp_path / "cases.json"
    right = case("right", expected={"total": "1080"})
    wrong = case("wrong", expected={"total": "1000"})
    file.write_text(json.dumps([right, wrong, case("silent")]))
    assert replayed(str(file), capsys=capsys)[0] == 0
    code, answers = replayed("--check", str(file), capsys=capsys)
    assert code == 1
    assert [answer.get("differences") for answer in answers] == [
        [], ["total: expected 1000, found 1080.00."], None,
    ]  # fmt: skip


@pytest.mark.slow
def test_the_command_needs_no_database_no_secret_and_prints_nothing_else(tmp_path):
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(case(close=0.1)))
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "TIDINGS_DEMO"}
    }
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "replay_terms", str(file)],
        env=environment | {"TIDINGS_NO_BOOTSTRAP": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert json.loads(done.stdout)["observations"][0]["perf"]["A"] == "0.00100000"
