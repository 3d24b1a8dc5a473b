"""Commands that are killed or come at once: the database and the report end up the same."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg.conninfo import make_conninfo

from apps.core.imports.kinds import KINDS
from apps.files.models import Batch
from apps.products.models.accounts import Account
from tests import factories
from tests.products.waiting import somebody_waits

ROOT = Path(__file__).parents[2]
COUNT = 6_000  # more than are worth no table
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.concurrency,
    pytest.mark.slow,
]


@pytest.fixture
def file(tmp_path):
    """Write accounts, a kind that lands in batches; some are wrong, and some are there twice."""
    Account.objects.all().delete()
    owner = factories.client()
    owner.identifiers.create(kind="core_id", value="C-1", created_at=factories.NOON)
    path = tmp_path / "accounts.csv"
    with path.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["number", "core_id", "name", "currency", "opened_on"])
        for n in range(COUNT):
            currency = "XXY" if n % 1000 == 7 else "USD"
            writer.writerow([f"A-{n % (COUNT - 2)}", "C-1", f"Account {n}", currency, "2020-01-02"])
    return path


def command(file, *options):
    """Start the command on the tests' database."""
    params = connection.get_connection_params()
    said = {key: params[key] for key in ("host", "port", "user", "password") if params.get(key)}
    url = "postgresql://?" + "&".join(
        f"{key}={value}" for key, value in {**said, "dbname": params["dbname"]}.items()
    )
    assert make_conninfo(url)
    return subprocess.Popen(
        [sys.executable, "manage.py", "import_file", "accounts", str(file), *options],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url, "FILES_DIR": str(settings.FILES_DIR)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def ended(process):
    out, err = process.communicate(timeout=300)
    return process.returncode, out.decode() + err.decode()


def until(happened):
    end = time.monotonic() + 60
    while not (found := happened()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def killed(process, when):
    until(lambda: when() or process.poll() is not None)
    assert process.poll() is None, ended(process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def stored():
    columns = [
        each.attname for each in Account._meta.fields if each.attname not in ("id", "client_id")
    ]
    return list(Account.objects.order_by("number").values(*columns))


def run(file, *options):
    """Run the command in this process; return its exit code and what it said."""
    said = StringIO()
    try:
        call_command("import_file", "accounts", str(file), *options, stdout=said, stderr=said)
    except SystemExit as end:
        return end.code, said.getvalue()
    return 0, said.getvalue()


def landed(file, report):
    """Bring the file in without any disturbance; return the report and the rows."""
    code, said = run(file, "--confirm", "--report", str(report))
    assert code == 1, said  # not every record is good
    return json.loads(report.read_text()), stored()


def test_a_file_killed_anywhere_ends_in_the_same_rows_and_the_same_report(file, tmp_path):
    expected = landed(file, tmp_path / "whole.json")
    totals = expected[0]["totals"]
    assert totals["records"] == COUNT == len(expected[0]["entries"])
    assert totals["rejected"] == 6 + 4  # a wrong currency, and two numbers that are there twice
    assert totals["records"] == sum(totals[name] for name in ("ok", "rejected", "skipped", "held"))
    Batch.objects.all().delete()
    Account.objects.all().delete()
    report = tmp_path / "report.json"
    options = ("--confirm", "--report", str(report))
    killed(command(file, *options), Batch.objects.filter(state="checking").exists)
    with connection.cursor() as cursor:  # somebody else's file of the kind is landing
        cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [KINDS["accounts"].lock])
        killed(command(file, *options), somebody_waits)
        assert Account.objects.count() == 0
        cursor.execute("SELECT pg_advisory_unlock_all()")
    assert landed(file, report) == expected
    assert Batch.objects.count() == 1
    Batch.objects.update(reported_at=None)  # as if it had been killed while it wrote the report
    assert landed(file, report) == expected
    assert f"unchanged {COUNT - 10}" in run(file, *options)[1]
    assert stored() == expected[1]


def test_two_people_with_one_file_land_it_once(file, tmp_path):
    both = [command(file, "--confirm", "--report", str(tmp_path / f"{n}.json")) for n in range(2)]
    said = [ended(process) for process in both]
    assert [code for code, _said in said] == [1, 1], said
    states = sorted(json.loads((tmp_path / f"{n}.json").read_text())["state"] for n in range(2))
    assert states == ["landed", "unchanged"]
    assert Account.objects.count() == COUNT - 10
