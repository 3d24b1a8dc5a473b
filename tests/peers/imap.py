"""A mailbox read by IMAP: as much of RFC 3501 as takes to look, mark and throw away."""

import re
import threading
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer


class MailboxServer(ThreadingTCPServer):
    """Keeps letters by number with their flags; one folder, one user."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, password="secret"):
        super().__init__(("127.0.0.1", 0), Session)
        self.password = password
        self.letters = {}  # number → [flags, bytes]
        self.breaks_at = None  # a command that the line breaks on

    def put(self, raw):
        self.letters[len(self.letters) + 1] = [set(), raw]

    @property
    def flags(self):
        return [flags for flags, _raw in self.letters.values()]

    @property
    def url(self):
        return f"imap://tidings:{self.password}@127.0.0.1:{self.server_address[1]}/INBOX"


class Session(StreamRequestHandler):
    def handle(self):
        self.say("* OK ready")
        while line := self.rfile.readline().decode():
            tag, _space, command = line.strip().partition(" ")
            if self.server.breaks_at and self.server.breaks_at in command:
                return
            verb = re.match(r"(UID )?\w+", command)[0].upper().replace("UID ", "uid_").lower()
            answer = getattr(self, verb)(command)
            self.say(f"{tag} {answer or 'OK done'}")
            if verb == "logout":
                return

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def capability(self, command):
        self.say("* CAPABILITY IMAP4rev1")

    def login(self, command):
        return None if f'"{self.server.password}"' in command else "NO wrong password"

    def select(self, command):
        self.say(f"* {len(self.server.letters)} EXISTS")

    def uid_search(self, command):
        hidden = {r"\Flagged", r"\Deleted"}
        found = [n for n, (flags, _raw) in self.server.letters.items() if not flags & hidden]
        self.say("* SEARCH " + " ".join(map(str, found)))

    def uid_fetch(self, command):
        number, most = re.search(r"FETCH (\d+) .*<0\.(\d+)>", command).groups()
        raw = self.server.letters[int(number)][1][: int(most)]
        self.wfile.write(b"* %d FETCH (UID %d BODY[]<0> {%d}\r\n" % (1, int(number), len(raw)))
        self.wfile.write(raw + b")\r\n")

    def uid_store(self, command):
        number, flag = re.search(r"STORE (\d+) .*\((.*)\)", command).groups()
        self.server.letters[int(number)][0].add(flag)

    def expunge(self, command):
        letters = self.server.letters
        for number in [n for n, (flags, _raw) in letters.items() if r"\Deleted" in flags]:
            del letters[number]

    def logout(self, command):
        self.say("* BYE")


@contextmanager
def mailbox():
    with MailboxServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
