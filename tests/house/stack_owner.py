"""Run as a program: holds a stack in the folder given, until told to end."""

import signal
import sys
from pathlib import Path

from config.embedded import Stack
from config.servers import EmbeddedError

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
try:
    with Stack(Path(sys.argv[1])) as stack:
        print("up", *(server.process.pid for server in stack.servers), flush=True)
        signal.pause()
except EmbeddedError as error:
    sys.exit(str(error))
