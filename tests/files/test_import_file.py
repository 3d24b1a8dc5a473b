"""The command line: what it says, what it writes, and how it ends."""

import json
import os
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.files.models import Batch, Mapping, Record
from apps.profiles.models import Client

HEAD = "core_id,first_name,tier\n"
GOOD = HEAD + "C-1,Ann,small\nC-2,Bob,small\n"
pytestmark = pytest.mark.django_db


def run(tmp_path, text, *options):
    """Run the command; return its exit code, what it said and its report."""
    file, report, said = tmp_path / "clients.csv", tmp_path / "report.json", StringIO()
    file.write_text(text)
    code = 0
    try:
        call_command(
            "import_file", "clients", str(file), "--report", str(report), *options,
            stdout=said, stderr=said,
        )  # fmt: skip
    except SystemExit as end:
        code = end.code
    return code, said.getvalue(), json.loads(report.read_text())


def test_the_dry_run_stores_nothing(tmp_path):
    code, said, report = run(tmp_path, GOOD)
    assert (code, report["state"], Client.objects.count()) == (0, "checked", 0)
    assert "new 2" in said
    assert report["entries"] == [
        {"record": 1, "line": 2, "fate": "ok"},
        {"record": 2, "line": 3, "fate": "ok"},
    ]


def test_what_is_good_lands_and_the_exit_code_says_that_not_all_was(tmp_path):
    code, said, report = run(tmp_path, GOOD + "C-3,Eve,giant\nC-4,Ida\n", "--confirm")
    assert (code, report["state"], Client.objects.count()) == (1, "landed", 2)
    totals = report["totals"]
    assert (totals["records"], totals["ok"], totals["rejected"]) == (4, 2, 2)
    wrong = report["entries"][2]
    assert (wrong["line"], wrong["fate"], wrong["column"]) == (4, "rejected", "tier")
    assert wrong["code"]
    assert "giant" in wrong["sentence"]
    assert "line 4, column “tier”" in said


def test_of_a_file_that_is_refused_as_a_whole_no_record_is_counted(tmp_path):
    for said in ("rows=3", "rows=sNaN"):
        code, _said, report = run(tmp_path, GOOD, "--control", said, "--confirm")
        assert (code, report["state"], report["entries"]) == (1, "refused", [])
        assert set(report["totals"].values()) == {0}


def test_a_mapping_by_its_name_says_how_a_source_writes(tmp_path):
    Mapping.objects.create(
        name="Core", kind="clients", layout={"columns": {"core_id": "Nr", "first_name": "Name"}}
    )
    code, _said, _report = run(tmp_path, "Nr;Name\nC-1;Ann\n", "--mapping", "Core", "--confirm")
    assert code == 0
    assert Client.objects.get().first_name == "Ann"


def test_a_control_total_that_does_not_agree_lands_nothing(tmp_path):
    code, said, report = run(tmp_path, GOOD, "--control", "rows=3", "--confirm")
    assert (code, report["state"], Client.objects.count()) == (1, "refused", 0)
    assert "control total says 3" in said


def test_bytes_that_are_no_table_are_a_sentence_and_a_report(tmp_path):
    code, said, report = run(tmp_path, "\x00")
    assert (code, report["state"], len(report["faults"])) == (1, "refused", 1)
    assert "clients.csv" in said


@pytest.mark.parametrize(
    ("kind", "name", "options", "sentence"),
    [
        ("giraffes", "good.csv", (), "There is no kind “giraffes”; there are: accounts,"),
        ("clients", "nothing.csv", (), "cannot be read: No such file"),
        ("clients", "", (), "cannot be read: Is a directory"),
        ("clients", "good.csv", ("--mapping", "Core"), "There is no mapping “Core” of this kind"),
        ("clients", "good.csv", ("--mapping", "Bad"), "The mapping “Bad” cannot be read"),
        ("clients", "good.csv", ("--control", "rows"), "write it like rows=1000"),
        ("clients", "good.csv", ("--report", "/nowhere/at/all.json"), "There is no folder"),
        ("clients", "good.csv", ("--confirm", "--report", "/proc"), "Is a directory"),
        (
            "clients",
            "good.csv",
            ("--confirm", "--report", "/proc/report.json"),
            "/proc/report.json",
        ),
        ("clients", "pipe", (), "cannot be read: Illegal seek"),
    ],
)
def test_who_calls_it_wrongly_is_told_how(tmp_path, kind, name, options, sentence):
    Mapping.objects.create(name="Bad", kind="clients", layout={"colums": {}})
    (tmp_path / "good.csv").write_text(GOOD)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CommandError) as error:
        call_command("import_file", kind, str(tmp_path / name), *options)
    assert sentence in str(error.value)
    assert error.value.returncode == 2
    assert not Batch.objects.exists()
    assert not Record.objects.exists()
