"""The child process in which whatever marketers write is read and written.

It knows no secrets and no database, opens nothing, and has little time and memory. It reads batches
of jobs from its input and answers each job in turn; `scribes` starts it, and kills it when it must.
"""

import contextlib
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from io import BufferedWriter, FileIO
from typing import Any, BinaryIO

import orjson

from apps.messaging import filters, speech, wording
from apps.messaging.speech import SpeechError
from apps.messaging.wording import WordingError

SECONDS = 2  # of CPU for one job; a letter of 10 KB takes a ten-thousandth of it
GRACE = 2  # more, where a job does not even notice that its time is over
MEMORY = 768 * 2**20  # addresses; the process itself takes a third
LENGTH = 4  # bytes that say how long a frame is
AT_ONCE = 2**18  # bytes of answers that go together: each time the reader is woken
A_WHILE = 0.25  # seconds of work after which he hears what there is

Job = Mapping[str, Any]
Answer = dict[str, Any]


class TooLong(BaseException):
    """The time of a job is over; no `except Exception` on the way may hide it."""


def write(job: Job, sources: Sequence[str]) -> Answer:
    """Fill templates with the same typed values, of which those that they name are spoken once."""
    given = job["with"]
    texts_of = tuple(sources[at] for _name, at in job["texts"])
    named = named_in(texts_of, tuple(sources[at] for _name, at in job["pages"]))
    wanted = {name: value for name, value in given["values"].items() if name in named}
    values = wording.given(speech.spoken(wanted, given["language"], given["zone"]))
    values[filters.LANGUAGE] = given["language"]
    texts = {name: wording.tidy(wording.fill(sources[at], values)) for name, at in job["texts"]}
    for name, at in job["pages"]:
        texts[name] = wording.fill(sources[at], values, html=True)
    return {"texts": texts}


@lru_cache(maxsize=1_000)
def named_in(texts: tuple[str, ...], pages: tuple[str, ...]) -> frozenset[str]:
    """Name the values that any of these templates begins a path with. Raises WordingError."""
    roots = [wording.roots(text) for text in texts] + [wording.roots(page, True) for page in pages]  # noqa: FBT003
    return frozenset().union(*roots)


def read(job: Job, sources: Sequence[str]) -> Answer:
    """Name the values that templates take, having seen that all their filters are known."""
    for kind in ("texts", "pages"):
        for _name, at in job[kind]:
            wording.check_filters(sources[at], html=kind == "pages")
    used = {name: wording.used(sources[at]) for name, at in job["texts"]}
    used |= {name: wording.used(sources[at], html=True) for name, at in job["pages"]}
    return {"used": used}


def design(job: Job, sources: Sequence[str]) -> Answer:
    """Compile a design; its compilers are loaded by the few who need them."""
    from apps.messaging import designs  # noqa: PLC0415

    (_name, at), *_others = job["texts"]
    html, text = designs.compiled(sources[at], job["with"]["language"])
    return {"texts": {"html": html, "body": text}}


DEEDS: dict[str, Callable[[Job, Sequence[str]], Answer]] = {
    "write": write,
    "read": read,
    "design": design,
}


def answered(job: Job, sources: Sequence[str]) -> Answer:
    """Do a job within its time; what goes wrong is an answer too."""
    allow_time()
    try:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        return DEEDS[job["do"]](job, sources)
    except WordingError as error:
        return {"error": str(error), "words": error.words, "said": error.said}
    except SpeechError as error:
        return {"error": str(error)}
    except TooLong:
        return {"over": "time"}
    except MemoryError:
        return {"over": "memory"}
    except Exception as error:  # noqa: BLE001 (a template that breaks us fails alone)
        return {"error": f"The text cannot be written: {type(error).__name__}."}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def allow_time() -> None:
    """Let the kernel end this process a little after the job's own alarm."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    end_at(int(used.ru_utime + used.ru_stime + SECONDS + GRACE + 1))


@lru_cache(maxsize=1)
def end_at(second: int) -> None:
    """Set the kernel's limit, once for all the jobs of a second."""
    lower(resource.RLIMIT_CPU, second)


def lower(limit: int, value: int) -> None:
    with contextlib.suppress(OSError, ValueError):  # macOS has not all of them
        resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))


def stop(_number: int, _frame: object) -> None:
    raise TooLong


def frames(stream: BinaryIO) -> Iterator[Any]:
    while len(head := stream.read(LENGTH)) == LENGTH:
        yield orjson.loads(stream.read(int.from_bytes(head)))


def framed(content: Any) -> bytes:
    body = orjson.dumps(content)
    return len(body).to_bytes(LENGTH) + body


def main() -> None:
    output = BufferedWriter(FileIO(sys.stdout.fileno(), "wb", closefd=False), AT_ONCE)
    signal.signal(signal.SIGPROF, stop)
    lower(resource.RLIMIT_AS, MEMORY)
    lower(resource.RLIMIT_FSIZE, 0)
    lower(resource.RLIMIT_CORE, 0)
    for batch in frames(sys.stdin.buffer):
        said_at = time.monotonic()
        for job in batch["jobs"]:
            answer = answered(job, batch["sources"])
            output.write(framed(answer))
            if "over" in answer:  # what is left of us is no place for others' letters
                output.flush()
                return
            if time.monotonic() - said_at > A_WHILE:
                output.flush()
                said_at = time.monotonic()
        output.flush()


if __name__ == "__main__":
    main()
