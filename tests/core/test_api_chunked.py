"""A body whose length nobody says beforehand, over the wire and through the server of production."""

import http.client
import os
import socket
import sys
import time
from datetime import date

import pytest
from django.db import connection

from apps.core import processes
from apps.core.api.bodies import LARGEST
from apps.profiles.models import Client
from tests.calling import System

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def server(tmp_path):
    """Run gunicorn on the tests' database; return the socket on which it listens."""
    where = tmp_path / "web.sock"
    database = connection.settings_dict
    process = processes.start(
        processes.bound(
            [
                *(sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--threads", "2"),
                *("--bind", f"unix:{where}", "--no-control-socket", "--log-level", "warning"),
                "config.wsgi:application",
            ]
        ),
        environment={
            **os.environ,
            "DATABASE_URL": f"postgresql://postgres@/{database['NAME']}?host={database['HOST']}",
            "INSECURE_HTTP": "1",
        },
        log=tmp_path / "web.log",
    )
    for _attempt in range(3000):
        if where.exists():
            break
        time.sleep(0.02)
    yield where
    process.terminate()
    process.wait(60)


class Door(http.client.HTTPConnection):
    def __init__(self, where):
        super().__init__("localhost")
        self.where = str(where)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.where)


def test_a_body_in_pieces_is_read_up_to_the_limit(server, client):
    system = System(client, "clients:write")
    headers = {"Authorization": f"Bearer {system.token}", "Content-Type": "application/json"}

    def put(pieces):
        door = Door(server)
        door.request("PUT", "/api/v1/clients/C-1", iter(pieces), headers, encode_chunked=True)
        answer = door.getresponse()
        answer.read()
        door.close()
        return answer.status

    assert put([b'{"first_name":', b' "Anna", "birth_on":', b' "1980-01-31"}']) == 200
    assert Client.objects.get().birth_on == date(1980, 1, 31)
    assert put([b'{"first_name":']) == 400
    assert put([b" " * 2**20] * (LARGEST // 2**20) + [b"{}"]) == 413
