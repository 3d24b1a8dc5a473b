"""A provider in a process of its own that counts what it accepts, loses answers and hangs up.

    python -m tests.faults.peer SEED

Prints its port, then speaks lines of JSON. A connection first says how the provider behaves: one
of "key" takes a letter with a key it knows for the same one, the others take it twice.
"""

import json
import random
import sys
import threading
from collections import Counter, defaultdict
from contextlib import suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer


class Provider(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, seed):
        super().__init__(("127.0.0.1", 0), Line)
        self.accepted = defaultdict(Counter)
        self.dice = random.Random(seed)
        self.lock = threading.Lock()


class Line(StreamRequestHandler):
    def handle(self):
        with suppress(OSError):  # the sender was killed
            self.listen()

    def listen(self):
        behaviour = json.loads(self.rfile.readline() or b'""')
        for line in self.rfile:
            said = json.loads(line)
            if "letter" in said:
                answer = self.take(behaviour, said["letter"])
            elif "ask" in said:
                answer = {key: key in self.server.accepted[behaviour] for key in said["ask"]}
            else:
                answer = self.server.accepted[behaviour]
            if not self.say(answer):
                return

    def take(self, behaviour, key):
        """Return the answer; half of one, or none, when the connection is to break."""
        with self.server.lock:
            roll = self.server.dice.random()
            if roll < 0.005:
                return ""
            if roll < 0.03:
                return {"busy": key}
            known = self.server.accepted[behaviour]
            if behaviour != "key" or key not in known:
                known[key] += 1
        if roll < 0.04:
            return ""
        return key[:9] if roll < 0.05 else {"taken": key}

    def say(self, answer):
        broken = isinstance(answer, str)
        self.wfile.write(answer.encode() if broken else json.dumps(answer).encode() + b"\n")
        return not broken


if __name__ == "__main__":
    with Provider(int(sys.argv[1])) as provider:
        print(provider.server_address[1], flush=True)
        provider.serve_forever()
