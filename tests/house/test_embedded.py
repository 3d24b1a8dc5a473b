"""The embedded servers under real signals: whatever is killed, the next start works."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import redis

from config import embedded
from config.embedded import HeldError, Stack
from config.servers import EmbeddedError, Postgres, Valkey, inhabitants, wait_for

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fresh():
    """Make one folder with a cluster just created, with fsync as in earnest."""
    base = Path(tempfile.mkdtemp(prefix="tidings-stack-")).resolve()
    with Stack(base):
        pass
    yield base
    shutil.rmtree(base)


@pytest.fixture
def base(fresh):
    yield fresh
    for program, folder in (("postgres", "postgres"), ("valkey-server", "valkey")):
        assert wait_for(lambda: not inhabitants(fresh / "var" / folder, program), 60)  # noqa: B023


@dataclass
class Owner:
    """A process that holds a stack, and the numbers of its servers."""

    process: subprocess.Popen
    postgres: int
    valkey: int

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.communicate(timeout=60)
        return self.process.returncode


@pytest.fixture
def start_owner(base):
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.house.stack_owner", str(base)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        words = process.stdout.readline().split()
        assert words, process.communicate(timeout=60)[1]
        return Owner(process, int(words[1]), int(words[2]))

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=60)


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # gone, or going while we read
        return False


def write(base, word):
    with psycopg.connect(embedded.database_url(base)) as database:
        database.execute("CREATE TABLE IF NOT EXISTS words (word text)")
        database.execute("INSERT INTO words VALUES (%s)", [word])
    with redis.Redis.from_url(embedded.redis_url(base)) as broker:
        broker.set(word, 1)


def words(base):
    with psycopg.connect(embedded.database_url(base)) as database:
        return {word for (word,) in database.execute("SELECT word FROM words")}


def test_what_was_written_is_there_after_a_stop_and_a_start(base):
    with Stack(base):
        write(base, "kept")
    with Stack(base):
        assert "kept" in words(base)
        with redis.Redis.from_url(embedded.redis_url(base)) as broker:
            assert broker.get("kept") == b"1"


def test_stopping_leaves_no_process_and_no_socket_behind(base, start_owner):
    owner = start_owner()
    assert owner.end() == 0
    assert not lives(owner.postgres)
    assert not lives(owner.valkey)
    assert not list(embedded.run_dir(base).iterdir())


def test_stopping_twice_is_stopping_once(base):
    stack = Stack(base)
    stack.start()
    stack.stop()
    stack.stop()


def test_a_stop_does_not_wait_for_those_who_are_connected(base):
    with Stack(base):
        database = psycopg.connect(embedded.database_url(base))
    with pytest.raises(psycopg.OperationalError):
        database.execute("SELECT 1")
    database.close()


def test_the_servers_end_with_an_owner_who_was_killed(base, start_owner):
    owner = start_owner()
    write(base, "before the owner's end")
    owner.end(signal.SIGKILL)
    assert wait_for(lambda: not lives(owner.postgres) and not lives(owner.valkey), 60)
    with Stack(base):
        assert "before the owner's end" in words(base)


def test_a_start_right_after_the_owner_was_killed_works(base, start_owner):
    owner = start_owner()
    write(base, "a moment before")
    owner.end(signal.SIGKILL)
    with Stack(base):
        assert "a moment before" in words(base)


@pytest.mark.parametrize("victim", ["postgres", "valkey"])
def test_the_owner_knows_which_server_was_killed_and_the_next_start_works(base, victim):
    stack = Stack(base)
    stack.start()
    try:
        write(base, f"before {victim}'s end")
        server = next(server for server in stack.servers if server.name == victim)
        os.kill(server.process.pid, signal.SIGKILL)
        assert stack.wait_for_end() is server
    finally:
        stack.stop()
    with Stack(base):
        assert f"before {victim}'s end" in words(base)


def test_a_stopped_stack_has_no_server_that_ended_unasked(base):
    stack = Stack(base)
    stack.start()
    stack.stop()
    assert stack.wait_for_end() is None


def test_everything_killed_at_once_starts_again(base, start_owner):
    owner = start_owner()
    write(base, "before the crash")
    for pid in (owner.process.pid, owner.postgres, owner.valkey):
        os.kill(pid, signal.SIGKILL)
    owner.process.communicate(timeout=60)
    with Stack(base):
        assert "before the crash" in words(base)


def test_a_server_that_outlived_its_owner_makes_room(base):
    """Without setpriv nothing binds a server to its owner: the next one sends it away."""
    orphans = Stack(base)
    orphans.start()
    orphans._lock.close()  # as the kernel does when the owner is killed
    with Stack(base):
        assert all(wait_for(server.process_ended, 60) for server in orphans.servers)
        assert words(base)


def test_a_stale_pid_file_with_the_number_of_a_stranger_is_no_obstacle(base):
    folder = base / "var" / "postgres"
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        stale = f"{stranger.pid}\n{folder}\n0\n5432\n\n\n\nready\n"
        (folder / "postmaster.pid").write_text(stale)
        (embedded.run_dir(base) / ".s.PGSQL.5432.lock").write_text(stale)
        with Stack(base):
            assert words(base)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_the_second_owner_is_told_who_holds_the_folder(base, start_owner):
    owner = start_owner()
    with pytest.raises(HeldError, match=rf"process {owner.process.pid} \(.*stack_owner"):
        Stack(base).start()
    assert lives(owner.postgres)


def test_a_guest_uses_the_stack_of_the_owner_and_leaves_it_up(base, start_owner):
    owner = start_owner()
    guest = Stack(base)
    assert not guest.start_or_join()
    write(base, "a guest was here")
    guest.stop()
    assert "a guest was here" in words(base)
    assert lives(owner.postgres)


def test_a_lone_guest_becomes_the_owner(base):
    stack = Stack(base)
    assert stack.start_or_join()
    stack.stop()


def test_an_interrupted_initdb_leaves_nothing_in_the_way():
    with tempfile.TemporaryDirectory(prefix="tidings-stack-") as folder:
        half = Path(folder) / "var" / "postgres-half"
        half.mkdir(parents=True)
        (half / "PG_VERSION").write_text("18\n")
        with Stack(Path(folder), servers=[Postgres]):
            assert not half.exists()


def test_a_cluster_of_another_postgresql_is_refused_and_kept():
    with tempfile.TemporaryDirectory(prefix="tidings-stack-") as folder:
        cluster = Path(folder) / "var" / "postgres"
        cluster.mkdir(parents=True)
        (cluster / "PG_VERSION").write_text("17\n")
        with pytest.raises(EmbeddedError, match="PostgreSQL 17, this is 18"):
            Stack(Path(folder), servers=[Postgres]).start()
        assert cluster.exists()


@pytest.mark.parametrize("name", ["a" * 120, "a folder with spaces & signs"])
def test_a_folder_whose_path_no_socket_can_have_works_all_the_same(tmp_path, name):
    base = tmp_path / name
    base.mkdir()
    stack = Stack(base, throwaway=True, servers=[Valkey])
    with stack, redis.Redis.from_url(embedded.redis_url(base)) as broker:
        assert broker.ping()
        sockets = embedded.run_dir(base)
        assert sockets.stat().st_mode & 0o077 == 0
    assert not sockets.exists()


def test_a_throw_away_stack_is_thrown_away(tmp_path):
    with Stack(tmp_path / "away", throwaway=True, servers=[Valkey]):
        pass
    assert not (tmp_path / "away").exists()


def test_a_server_that_cannot_start_says_what_it_said(tmp_path):
    (tmp_path / "var" / "valkey" / "appendonlydir").mkdir(parents=True)
    broken = tmp_path / "var" / "valkey" / "appendonlydir" / "appendonly.aof.manifest"
    broken.write_text("this is no manifest\n")
    with pytest.raises(EmbeddedError, match=r"(?s)valkey.log.*manifest"):
        Stack(tmp_path, servers=[Valkey]).start()
