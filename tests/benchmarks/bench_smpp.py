"""How many SMS a second one session hands to a message centre on the same machine.

    python -m tests.benchmarks.bench_smpp [--messages 20000] [--window 50]

The centre is a process of its own and sends a receipt for every message; the session keeps and
answers them while it submits. Goal: 2,000 a second.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from uuid import uuid4

from apps.messaging.channels import Letter, Verdict
from apps.messaging.channels.smpp.incoming import Style
from apps.messaging.channels.smpp.link import Login
from apps.messaging.channels.smpp.session import Session

ROOT = Path(__file__).parents[2]


def main(asked):
    program = [sys.executable, ROOT / "tests/peers/smsc.py", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=environment) as centre:
        try:
            bare(int(centre.stdout.readline()), asked)
        finally:
            centre.kill()


def bare(port, asked):
    receipts, all_came = [], threading.Event()

    def keep(found):
        receipts.extend(found)
        if len(receipts) == asked.messages:
            all_came.set()

    letters = [
        Letter(key=uuid4(), to=f"+79{number:09}", text=f"Coupon {number} is accrued.")
        for number in range(asked.messages)
    ]
    session = Session(
        Login("127.0.0.1", port, "bench", "secret"), Style("Tidings"), keep, window=asked.window
    )
    session.open()
    started, cpu = time.perf_counter(), time.process_time()
    answers = list(session.send(letters))
    took = time.perf_counter() - started
    all_came.wait(60)
    cpu = time.process_time() - cpu
    session.close()
    assert {answer.verdict for _key, answer in answers} == {Verdict.SENT}
    assert len(answers) == len(receipts) == asked.messages
    print(f"session alone, window {asked.window}: {asked.messages / took:,.0f} SMS/s,")
    print(f"  {cpu / asked.messages * 1e6:.0f} µs of our processor a message with its receipt")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--window", type=int, default=50)
    main(parser.parse_args())
