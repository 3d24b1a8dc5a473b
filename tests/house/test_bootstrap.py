"""The environment that builds itself; with empty locks, so that nothing is downloaded."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config import bootstrap
from config.bootstrap import Venv
from config.servers import wait_for

ROOT = Path(__file__).parents[2]
BARE = [bootstrap.base_python(), "-S"]  # without -S a package of the machine might serve
SCRIPT = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from config import bootstrap
bootstrap.ensure(Path(__file__).parent, sys.argv)
print(sys.prefix, *sys.argv[1:])
"""


@pytest.fixture
def checkout(tmp_path):
    """Return a folder with empty locks and a script in the place of manage.py."""
    for lock in bootstrap.LOCKS.values():
        (tmp_path / lock).write_text("# nothing\n")
    (tmp_path / "manage.py").write_text(SCRIPT)
    return tmp_path


@pytest.fixture
def environment():
    """Return the environment of a user's shell: neither CI nor ours, and no uv."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"CI", "TIDINGS_NO_BOOTSTRAP", "VIRTUAL_ENV"}
    }
    return kept | {"PATH": "/usr/bin:/bin"}


def manage(checkout, environment, *arguments):
    return subprocess.Popen(
        [*BARE, str(checkout / "manage.py"), *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )


def stamped(checkout, *kinds):
    venv = Venv(checkout)
    venv.python.parent.mkdir(parents=True)
    venv.python.touch()
    venv.stamp.write_text("".join(f"{kind} {venv.digest(kind)}\n" for kind in kinds))
    return venv


@pytest.mark.parametrize(
    ("argv", "ci", "kind"),
    [
        (["manage.py", "demo"], "", "runtime"),
        (["manage.py"], "", "runtime"),
        (["manage.py", "test", "-x"], "", "dev"),
        (["manage.py", "makemigrations"], "", "dev"),
        (["manage.py", "demo", "test"], "", "runtime"),
        (["manage.py", "demo"], "true", "dev"),
    ],
)
def test_only_developers_get_the_development_tools(monkeypatch, argv, ci, kind):
    monkeypatch.setenv("CI", ci)
    assert bootstrap.wanted_kind(argv) == kind


@pytest.mark.parametrize(
    ("built", "wanted", "serves"),
    [
        ([], "runtime", False),
        (["runtime"], "runtime", True),
        (["runtime"], "dev", False),
        (["runtime", "dev"], "runtime", True),
        (["runtime", "dev"], "dev", True),
    ],
)
def test_an_environment_serves_what_it_was_built_for(checkout, built, wanted, serves):
    assert stamped(checkout, *built).serves(wanted) is serves


@pytest.mark.parametrize(
    ("built", "changed", "serves"),
    [
        (["runtime"], "runtime", False),
        (["runtime"], "dev", True),
        (["runtime", "dev"], "runtime", False),
        (["runtime", "dev"], "dev", False),
    ],
)
def test_a_changed_lock_asks_for_a_new_environment(checkout, built, changed, serves):
    venv = stamped(checkout, *built)
    (checkout / bootstrap.LOCKS[changed]).write_text("# something new\n")
    assert venv.serves("runtime") is serves


def test_an_environment_whose_python_went_away_serves_nobody(checkout):
    venv = stamped(checkout, "runtime")
    venv.python.unlink()
    venv.python.symlink_to(checkout / "no python any more")
    assert not venv.serves("runtime")


def test_an_old_python_is_told_which_one_is_needed(tmp_path):
    (tmp_path / "old.py").write_text(
        f"import sys\nsys.version_info, sys.path[:0] = (3, 9, 2), [{str(ROOT)!r}]\n"
        "import manage\nmanage.main()\n"
    )
    done = subprocess.run(
        [*BARE, str(tmp_path / "old.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Tidings needs Python 3.11 or newer")


def test_a_developer_s_environment_is_renewed_for_developers(checkout):
    venv = stamped(checkout, "runtime", "dev")
    (checkout / "requirements.lock").write_text("# something new\n")
    assert venv.kinds("runtime") == ["runtime", "dev"]


@pytest.mark.slow
def test_after_an_interrupted_build_one_of_two_builds_and_it_is_used_again_and_renewed_from_inside(
    checkout, environment
):
    interrupted = manage(checkout, environment, "demo")
    assert wait_for((checkout / ".venv" / "bin").exists, 60)
    os.killpg(interrupted.pid, signal.SIGKILL)
    interrupted.communicate()
    assert not Venv(checkout).serves("runtime")
    (checkout / ".venv" / "half").write_text("a package half installed")

    with (checkout / "var" / "bootstrap.lock").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        both = [manage(checkout, environment, "demo", "--port", "9000") for _ in range(2)]
        assert all("waiting for it" in process.stderr.readline() for process in both)
    answers = [process.communicate() for process in both]
    assert [out for out, _ in answers] == [f"{checkout / '.venv'} demo --port 9000\n"] * 2
    progress = "".join(progress for _, progress in answers)
    assert "Building .venv from requirements.lock" in progress
    assert progress.count("Built .venv.") == 1
    assert not (checkout / ".venv" / "half").exists()

    again = manage(checkout, environment, "demo").communicate()
    assert again == (f"{checkout / '.venv'} demo\n", "")

    (checkout / "requirements.lock").write_text("# something new\n")
    inside = subprocess.run(
        [str(checkout / ".venv" / "bin" / "python"), str(checkout / "manage.py"), "shell"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert inside.stdout == f"{checkout / '.venv'} shell\n"
    assert Venv(checkout).serves("runtime")


@pytest.mark.slow
def test_who_manages_his_environment_is_left_alone(checkout, environment):
    environment["TIDINGS_NO_BOOTSTRAP"] = "1"
    out, progress = manage(checkout, environment, "demo").communicate()
    assert (out.split()[1:], progress) == (["demo"], "")
    assert not (checkout / ".venv").exists()


@pytest.mark.slow
def test_a_lock_that_cannot_be_met_leaves_nothing_that_serves(checkout, environment):
    lock = checkout / "requirements.lock"
    lock.write_text("tidings-of-nobody==1 --hash=sha256:" + "0" * 64 + "\n")
    environment |= {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    process = manage(checkout, environment, "demo")
    _, progress = process.communicate()
    assert process.returncode
    assert "Building .venv failed" in progress
    assert not Venv(checkout).serves("runtime")


@pytest.mark.skipif(not shutil.which("uv"), reason="uv is not here")
@pytest.mark.slow
def test_uv_is_used_where_there_is_one(checkout, environment):
    environment["PATH"] = f"{Path(shutil.which('uv')).parent}:{environment['PATH']}"
    _, progress = manage(checkout, environment, "demo").communicate()
    assert progress.endswith("Built .venv.\n")
    assert "uv" in (checkout / ".venv" / "pyvenv.cfg").read_text()


@pytest.mark.parametrize("lock", bootstrap.LOCKS.values())
def test_of_two_halves_of_a_lock_each_requirement_is_in_one_with_its_hashes(tmp_path, lock):
    def pinned(*files):
        return sorted(line for file in files for line in file.read_text().split("\n") if line)

    one, other = bootstrap.halves(ROOT / lock, tmp_path)
    assert pinned(one, other) == pinned(ROOT / lock)
    for half in (one, other):
        assert re.fullmatch(r"(\w.+ \\\n(    --hash=.+ \\\n)*    --hash=.+\n)+", half.read_text())


def test_a_python_without_venv_is_told_what_to_install(checkout, monkeypatch):
    monkeypatch.setattr(bootstrap, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="python3-venv"):
        bootstrap.install_with_pip(Venv(checkout), checkout / "requirements.lock")


def test_the_interpreter_of_the_machine_is_outside_every_environment():
    answer = subprocess.run(
        [bootstrap.base_python(), "-c", "import sys; print(sys.prefix == sys.base_prefix)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "True\n"
    assert sys.base_prefix in bootstrap.base_python()
