"""Senders at work until somebody closes their input: e-mail by SMTP, SMS by one session of SMPP.

EMAIL_PORT=port PROVIDER_SECRET_CENTRE=secret python -m tests.faults.busy --senders 2
"""

import argparse
import os
import signal
import sys
import threading

from tests.faults.senders import be_a_sender, sabotage, tasks  # isort: skip (it sets Django up)

from apps.core import clock
from apps.messaging.actions import standing


def hold_session():
    try:
        standing.serve("centre", clock=clock.now, stopped=threading.Event())
    finally:
        os._exit(2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--senders", type=int, required=True)
    parser.add_argument("--claimed", type=int, required=True, help="messages a claim")
    parser.add_argument("--wrong", default="")
    asked = parser.parse_args()
    tasks.CLAIMED = standing.CLAIMED = asked.claimed
    for name in filter(None, asked.wrong.split(",")):
        sabotage.BY_NAME[name]()
    children = []
    for work in [hold_session, *[be_a_sender] * asked.senders]:
        child = os.fork()
        if child == 0:
            work()
        children.append(child)
    sys.stdin.read()
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
