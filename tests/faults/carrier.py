"""The carrier to the peer: one connection with a window of letters, as SMPP has."""

import json
import os
import socket
from collections import deque
from contextlib import contextmanager

from apps.messaging.channels import Answer, Verdict

LOST = Answer(Verdict.UNKNOWN, reason="The connection broke.")
DOWN = Answer(Verdict.AGAIN, reason="It cannot be reached.")
BUSY = Answer(Verdict.AGAIN, reason="It is busy.")


class Carrier:
    def __init__(self, account):
        self.account = account
        self.line = None

    def open(self):
        if self.line is None:
            address = ("127.0.0.1", int(os.environ["FAULTS_PEER"]))
            self.line = socket.create_connection(address, timeout=30).makefile("rwb")
            self.say(self.account.name)

    def say(self, said):
        self.line.write(json.dumps(said).encode() + b"\n")
        self.line.flush()

    def read(self):
        line = self.line.readline()
        if not line.endswith(b"\n"):
            raise OSError
        return json.loads(line)

    def send(self, letters):
        waiting = deque()
        for letter in letters:
            try:
                self.open()
            except OSError:
                yield letter.key, DOWN
                return
            waiting.append(letter.key)
            try:
                self.say({"letter": str(letter.key)})
            except OSError:
                yield from self.broken(waiting)
                continue
            if len(waiting) >= self.account.window:
                yield from self.heard(waiting)
        while waiting:
            yield from self.heard(waiting)

    def heard(self, waiting):
        try:
            answer = self.read()
        except OSError:
            yield from self.broken(waiting)
        else:
            yield waiting.popleft(), BUSY if "busy" in answer else Answer(Verdict.SENT)

    def broken(self, waiting):
        self.line = None
        while waiting:
            yield waiting.popleft(), LOST

    def look_up(self, keys):
        self.open()
        self.say({"ask": [str(key) for key in keys]})
        taken = self.read()
        for key in keys:
            yield key, Answer(Verdict.SENT) if taken[str(key)] else None

    def counts(self):
        self.open()
        self.say({})
        return self.read()


@contextmanager
def connect(account):
    yield Carrier(account)
