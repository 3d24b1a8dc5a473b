"""A few child processes that read and write marketers' templates; killed and replaced at will.

A batch goes to one of them and its answers come back in order. One that dies, or says nothing for
too long, is killed; what it had not answered is asked again one by one of a new one, so that only
the job that killed it fails.
"""

import atexit
import contextlib
import os
import queue
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from apps.messaging.scribe import LENGTH, framed

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ("-m", "apps.messaging.scribe")
COUNT = 2  # at most; each takes 40 MB once it is needed
PATIENCE = 60.0  # seconds without a word; a job's own time is 2 s of CPU, whatever the machine does
BATCH = 200  # jobs that go together: few enough to be answered while others are sent
LARGEST = 1_000_000  # bytes of a job's values
STRIKES = 3  # so often a template may use up its time or memory; then it is not tried any more

REASONS = {
    "time": "The template takes too long.",
    "memory": "The template takes too much memory.",
    "struck": "The template took too long or too much memory before, and is not tried any more.",
    "large": "The values of the message are too long.",
    "unreadable": "A value of the message cannot be written.",
}

Sources = tuple[tuple[str, str], ...]
Answer = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """Something to do with templates: plain texts and HTML pages by name, and what it needs."""

    do: str
    texts: Sources
    pages: Sources = ()
    rest: bytes | None = b"{}"  # JSON; None where it cannot be written

    @property
    def sources(self) -> Sources:
        return self.texts + self.pages


def letter(
    texts: Mapping[str, str],
    pages: Mapping[str, str],
    values: Mapping[str, Any],
    language: str,
    zone: str,
) -> Job:
    """Make the job of writing one letter's texts and pages with typed values."""
    try:
        rest = orjson.dumps({"values": values, "language": language, "zone": zone})
    except TypeError:  # numbers beyond 64 bits, depths beyond 255
        rest = None
    return Job("write", tuple(texts.items()), tuple(pages.items()), rest)


def names(texts: Mapping[str, str], pages: Mapping[str, str]) -> Job:
    """Make the job of naming the values that texts and pages take."""
    return Job("read", tuple(texts.items()), tuple(pages.items()))


def design(mjml: str, language: str) -> Job:
    """Make the job of compiling a design; it brings its `html`, and its `body` as plain text."""
    return Job("design", (("design", mjml),), (), orjson.dumps({"language": language}))


class GoneError(Exception):
    """The child process is dead, or as good as dead."""


class Scribe:
    """One child process."""

    def __init__(self, program: Sequence[str], patience: float) -> None:
        self.patience = patience
        self.unread = b""
        self.process = subprocess.Popen(  # noqa: S603 (our own module; no secret goes with it)
            [sys.executable, *program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        pipes = [pipe for pipe in (self.process.stdin, self.process.stdout) if pipe]
        self.input, self.output = (pipe.fileno() for pipe in pipes)
        os.set_blocking(self.input, False)

    def answers(self, frame: bytes, count: int) -> Iterator[Answer]:
        """Send a batch and yield its answers. Raises GoneError."""
        try:
            self.send(frame)
            for _ in range(count):
                length = int.from_bytes(self.take(LENGTH))
                yield orjson.loads(self.take(length))
        except OSError as error:
            raise GoneError from error

    def send(self, frame: bytes) -> None:
        rest = memoryview(frame)
        while rest:
            self.wait_for(self.input, select.POLLOUT)
            rest = rest[os.write(self.input, rest[:65_536]) :]

    def take(self, length: int) -> bytes:
        while len(self.unread) < length:
            self.wait_for(self.output, select.POLLIN)
            read = os.read(self.output, 1_048_576)
            if not read:
                raise GoneError
            self.unread += read
        taken, self.unread = self.unread[:length], self.unread[length:]
        return taken

    def wait_for(self, pipe: int, event: int) -> None:
        poll = select.poll()
        poll.register(pipe, event)
        if not poll.poll(self.patience * 1_000):
            raise GoneError

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


class Scribes:
    """The pool: its members are started as they are needed."""

    def __init__(
        self, program: Sequence[str] = PROGRAM, *, count: int = COUNT, patience: float = PATIENCE
    ) -> None:
        self.program, self.count, self.patience = program, count, patience
        self.speak: Callable[[str], str] = str  # what says our words in a reader's language
        self.forget()

    def forget(self) -> None:
        """Begin anew, as after a fork: the pipes are the parent's."""
        self.idle: queue.LifoQueue[Scribe | None] = queue.LifoQueue()
        self.strikes: Counter[Sources] = Counter()
        for _ in range(self.count):
            self.idle.put(None)

    def ask(self, jobs: Sequence[Job]) -> Iterator[Answer]:
        """Answer every job, in order: with what it asks for, or with its `error`."""
        for first in range(0, len(jobs), BATCH):
            yield from self.answered(jobs[first : first + BATCH])

    def answered(self, jobs: Sequence[Job]) -> list[Answer]:
        answers: dict[int, Answer] = {}
        alone = False
        while asked := self.open(jobs, answers):
            part = asked[:1] if alone else asked
            got = self.told([jobs[place] for place in part])
            died = len(got) < len(part) and "over" not in (got or [{}])[-1]
            if alone and died:
                got = [{"over": "time"}]
            # Who died without a word died of a job that it had not answered: find out of which, one
            # after the other, since what it had answered last may have died with it.
            alone = died != alone
            answers |= {place: self.judged(jobs[place], one) for place, one in zip(part, got)}  # noqa: B905 (the rest died)
        return [answers[place] for place in range(len(jobs))]

    def open(self, jobs: Sequence[Job], answers: dict[int, Answer]) -> list[int]:
        """Name the jobs to ask; those that will not be tried are answered."""
        for place, job in enumerate(jobs):
            if place not in answers and (reason := self.refusal(job)):
                answers[place] = {"error": REASONS[reason]}
        return [place for place in range(len(jobs)) if place not in answers]

    def refusal(self, job: Job) -> str:
        if self.strikes and self.strikes[job.sources] >= STRIKES:
            return "struck"
        if job.rest is None:
            return "unreadable"
        return "large" if len(job.rest) > LARGEST else ""

    def judged(self, job: Job, answer: Answer) -> Answer:
        if over := answer.get("over"):
            self.strikes[job.sources] += 1
            return {"error": REASONS[over]}
        if words := answer.get("words"):  # a child knows no languages
            words = self.speak(words)
            return {"error": words % answer["said"] if answer["said"] else words}
        return answer

    def told(self, jobs: Sequence[Job]) -> list[Answer]:
        """Ask one of the children; fewer answers than jobs where it died."""
        scribe = self.idle.get()
        got: list[Answer] = []
        try:
            scribe = scribe or Scribe(self.program, self.patience)
            for answer in scribe.answers(packed(jobs), len(jobs)):
                got.append(answer)  # noqa: PERF402 (what came before the end counts)
        except GoneError:
            if scribe:
                scribe.end()
            scribe = None
        finally:
            self.idle.put(scribe)
        return got

    def end(self) -> None:
        """End the children that have nothing to do."""
        with contextlib.suppress(queue.Empty):
            while True:
                if scribe := self.idle.get_nowait():
                    scribe.end()


def packed(jobs: Sequence[Job]) -> bytes:
    """Write a batch; a template goes with it once, however many letters are made from it."""
    places: dict[str, int] = {}
    listed = []
    for job in jobs:
        at = [[name, places.setdefault(text, len(places))] for name, text in job.texts]
        pages = [[name, places.setdefault(text, len(places))] for name, text in job.pages]
        listed.append(
            {"do": job.do, "texts": at, "pages": pages, "with": orjson.Fragment(job.rest or b"{}")}
        )
    return framed({"sources": list(places), "jobs": listed})


POOL = Scribes()
os.register_at_fork(after_in_child=POOL.forget)
atexit.register(POOL.end)
