"""Watched folders: finished files are taken in and gone, unfinished ones left alone."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

import structlog
from django.conf import settings
from django.core.cache import cache

from apps.files.actions.receiving import TooLargeError, keep, receive
from apps.files.actions.turns import alone_in
from apps.files.models import Batch, Folder

# How tools name what they have not finished writing.
UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".filepart", ".uploading", ".crdownload")
TAKING, TOO_LARGE, UNREADABLE = ".taking", "too_large", "unreadable"
# The last one of releases that kept what they had taken.
ASIDE = (TOO_LARGE, UNREADABLE, "taken")
SEEN = "files:seen:%d"
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
STALE = timedelta(days=1)
REMEMBERED = 3600  # seconds for which a file's size is remembered between two looks

log = structlog.get_logger()


def take_files(*, at: datetime) -> list[int]:
    """Take in what lies finished in the watched folders; return the batches to be worked on.

    A file is finished if its size and its time are those of the last look. It is moved aside before
    it is read, so that nobody takes it twice; killed in between, the next look goes on. Once it is
    received, it lies here no longer: two places would have to be cleared of whom it names. A folder
    in which something is out of order keeps none of the others waiting.
    """
    taken: list[int] = []
    for folder in Folder.objects.filter(is_active=True).select_related("mapping").order_by("pk"):
        with alone_in(folder.pk) as mine:
            if mine:
                try:
                    taken.extend(_taken_from(folder, at=at))  # those before an error, too
                except OSError as error:
                    log.warning(
                        "a watched folder is out of order", folder=folder.path, why=error.errno
                    )
    return taken


def _taken_from(folder: Folder, *, at: datetime) -> Iterator[int]:
    with _held(folder) as held:
        if held is None:
            return
        for name, was_claimed in _claimed(held):
            if batch_id := _take(held, name, was_claimed=was_claimed, at=at):
                yield batch_id


def place_of(folder: Folder) -> Path:
    return Path(settings.FILES_DROP) / folder.path


@dataclass(frozen=True)
class Held:
    """A watched folder and the one in it for what is ours, held open.

    Whoever may write there may put a link in place of either at any moment: what is held stays what
    it was, so that nothing is read, moved or thrown away elsewhere.
    """

    folder: Folder
    outer: int
    taking: int


@contextmanager
def _held(folder: Folder) -> Iterator[Held | None]:
    """Hold a folder open; None where there is none. Raises OSError where a link leads to it."""
    with ExitStack() as opened:
        try:
            outer = _within(opened, None, settings.FILES_DROP)
            for part in Path(folder.path).parts:
                outer = _within(opened, outer, part)
        except FileNotFoundError:
            yield None
            return
        yield Held(folder, outer, _made(opened, outer, TAKING))


def _within(opened: ExitStack, outer: int | None, name: str | Path) -> int:
    """Open a folder in another one, itself and not what a link leads to."""
    is_ours = outer is None  # the settings may name a link
    number = os.open(name, DIRECTORY | (0 if is_ours else os.O_NOFOLLOW), dir_fd=outer)
    opened.callback(os.close, number)
    return number


def _made(opened: ExitStack, outer: int, name: str) -> int:
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=outer)
    return _within(opened, outer, name)


def _claimed(held: Held) -> Iterator[tuple[str, bool]]:
    """Yield the files that are ours now, and whether somebody claimed them who was then killed."""
    yield from [(name, True) for name in sorted(os.listdir(held.taking))]  # noqa: PTH208 (an open folder)
    key = SEEN % held.folder.pk
    before, seen = cache.get(key) or {}, {}
    for name in sorted(os.listdir(held.outer)):  # noqa: PTH208 (an open folder)
        if (known := _look(name, held.outer)) is None:
            continue
        if before.get(name) == known and not _is_there(name, held.taking):
            os.rename(name, name, src_dir_fd=held.outer, dst_dir_fd=held.taking)
            yield name, False
        else:
            seen[name] = known
    cache.set(key, seen, REMEMBERED)


def _look(name: str, outer: int) -> list[int] | None:
    """Return size and time of a file that may be taken; None for all else, and for links."""
    if name.startswith(".") or name.lower().endswith(UNFINISHED):
        return None
    try:
        found = os.lstat(name, dir_fd=outer)
    except FileNotFoundError:
        return None
    return [found.st_size, found.st_mtime_ns] if stat.S_ISREG(found.st_mode) else None


def _is_there(name: str, outer: int) -> bool:
    try:
        os.lstat(name, dir_fd=outer)
    except FileNotFoundError:
        return False
    return True


def _take(held: Held, name: str, *, was_claimed: bool, at: datetime) -> int | None:
    """Make a batch of a claimed file, unless somebody did so before he was killed."""
    folder = held.folder
    try:
        with _opened(name, held.taking) as content:
            digest, _size = keep(content)
            content.seek(0)
            batch = _known(folder, digest, at=at) if was_claimed else None
            if batch is None:
                batch = receive(
                    content,
                    kind=folder.kind,
                    filename=_legible(name),
                    origin=Batch.Origin.FOLDER,
                    state=Batch.State.CHECKING,
                    mapping=folder.mapping,
                    folder=folder,
                    at=at,
                )
    except TooLargeError:
        log.warning("a watched file is too large", folder=folder.path)
        _move(name, held, TOO_LARGE)
        return None
    except OSError as error:
        log.warning("a watched file cannot be read", folder=folder.path, why=error.errno)
        _move(name, held, UNREADABLE)
        return None
    os.unlink(name, dir_fd=held.taking)
    return batch.pk


def clear_aside(folders: Iterable[Folder]) -> None:
    """Throw away what lies aside in folders: nobody can say whom it names."""
    for folder in folders:
        for name in ASIDE:
            _empty(place_of(folder) / name)


def clear_abandoned() -> None:
    """Throw away what we had taken or put aside where no folder is watched any more."""
    watched = {place_of(folder) for folder in Folder.objects.all()}
    for top, names, _files in os.walk(settings.FILES_DROP):
        if TAKING in names and Path(top) not in watched:
            for name in (TAKING, *ASIDE):
                _empty(Path(top) / name)


def _empty(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        for path in place.iterdir():
            if path.is_symlink() or not path.is_dir():
                path.unlink(missing_ok=True)


def _opened(name: str, taking: int) -> IO[bytes]:
    """Open a file itself: whoever may write to the folder may have put a link or a pipe in its place."""
    number = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=taking)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(errno.EINVAL, "no file")
    return os.fdopen(number, "rb")


def _legible(name: str) -> str:
    """Return a name with question marks for the bytes that are no text."""
    return name.encode(errors="replace").decode()


def _known(folder: Folder, digest: str, *, at: datetime) -> Batch | None:
    """Return the batch that was made of a file before its taker was killed."""
    alike = Batch.objects.filter(folder=folder, sha256=digest, received_at__gt=at - STALE)
    return alike.order_by("-pk").first()


def _move(name: str, held: Held, aside: str) -> None:
    """Move a file aside; one of the same name that lies there gives way by a number."""
    with ExitStack() as opened:
        place = _made(opened, held.outer, aside)
        target, number = name, 1
        while _is_there(target, place):
            number += 1
            target = f"{number}-{name[-200:]}"
        os.rename(name, target, src_dir_fd=held.taking, dst_dir_fd=place)
