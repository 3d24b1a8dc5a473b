"""The long form: thousands of messages while senders, the database and the broker are killed.

FAULTS_MESSAGES, FAULTS_KILLS, FAULTS_CRASHES, FAULTS_PAUSE and FAULTS_SECONDS make it shorter or longer.
"""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from redis import Redis

from config import embedded

pytestmark = [pytest.mark.slow, pytest.mark.long]
MESSAGES = int(os.environ.get("FAULTS_MESSAGES", "20001"))
KILLS = int(os.environ.get("FAULTS_KILLS", "1000"))
CRASHES = int(os.environ.get("FAULTS_CRASHES", "20"))
PAUSE = float(os.environ.get("FAULTS_PAUSE", "3"))  # seconds between crashes
SECONDS = int(os.environ.get("FAULTS_SECONDS", "1500"))


@pytest.fixture
def stack(tmp_path, settings):
    """Servers of our own that sync to disk, with every table."""
    with embedded.Stack(tmp_path / "servers") as stack:
        environment = {
            "DATABASE_URL": embedded.database_url(stack.base),
            "REDIS_URL": embedded.redis_url(stack.base),
        }
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity=0"],
            env={**os.environ, **environment}, cwd=settings.BASE_DIR, check=True,
        )  # fmt: skip
        yield stack, environment


def crash(server, how):
    """Kill a server without a word, as `pg_ctl -m immediate` does, and start it again."""
    server.process.send_signal(how)
    server.process.wait()
    server.start()
    server.wait()


def test_nothing_is_lost_nor_sent_twice_whatever_dies(senders, stack):
    servers, environment = stack
    database, broker = servers.servers
    crashes = 0
    with senders(messages=MESSAGES, kills=KILLS, seconds=SECONDS, **environment) as process:
        assert process.stdout.readline() == "ready\n"
        while crashes < CRASHES:
            time.sleep(PAUSE)
            crash(database, signal.SIGQUIT)
            with Redis.from_url(environment["REDIS_URL"]) as queue:
                queue.flushall()
            crash(broker, signal.SIGKILL)
            crashes += 1
            assert process.poll() is None, "it had ended before the last crash"
        said, _ = process.communicate()
    found = json.loads(said.splitlines()[-1])
    print({**found, "crashes": crashes})
    assert (found["lost"], found["twice"]) == (0, {"key": 0, "look_up": 0, "none": 0})
    assert (found["untrue"], found["unnamed"]) == (0, 0)
    assert found["messages"] >= MESSAGES - 2
