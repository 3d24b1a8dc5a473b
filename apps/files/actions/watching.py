"""Watched folders: finished files are taken in and gone, unfinished ones left alone."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
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
                    for path, was_claimed in _claimed(folder):
                        if batch_id := _take(folder, path, was_claimed=was_claimed, at=at):
                            taken.append(batch_id)
                except OSError as error:
                    log.warning(
                        "a watched folder is out of order", folder=folder.path, why=error.errno
                    )
    return taken


def place_of(folder: Folder) -> Path:
    return Path(settings.FILES_DROP) / folder.path


def _claimed(folder: Folder) -> Iterator[tuple[Path, bool]]:
    """Yield the files that are ours now, and whether somebody claimed them who was then killed."""
    place = place_of(folder)
    if not place.is_dir():
        return
    _refuse_links(place)
    taking = place / TAKING
    taking.mkdir(mode=0o700, exist_ok=True)
    _refuse_links(taking)
    yield from [(path, True) for path in sorted(taking.iterdir())]
    before, seen = cache.get(SEEN % folder.pk) or {}, {}
    for path in sorted(place.iterdir()):
        if (known := _look(path)) is None:
            continue
        if before.get(path.name) == known and not (taking / path.name).exists():
            yield path.rename(taking / path.name), False
        else:
            seen[path.name] = known
    cache.set(SEEN % folder.pk, seen, REMEMBERED)


def _refuse_links(place: Path) -> None:
    """Refuse a folder that is reached by a link: who may write there could lead us anywhere."""
    root = Path(settings.FILES_DROP)
    if place.resolve() != root.resolve() / place.relative_to(root):
        raise NotADirectoryError(errno.ENOTDIR, "a link")


def _look(path: Path) -> list[int] | None:
    """Return size and time of a file that may be taken; None for all else, and for links."""
    if path.name.startswith(".") or path.name.lower().endswith(UNFINISHED):
        return None
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return [found.st_size, found.st_mtime_ns] if stat.S_ISREG(found.st_mode) else None


def _take(folder: Folder, path: Path, *, was_claimed: bool, at: datetime) -> int | None:
    """Make a batch of a claimed file, unless somebody did so before he was killed."""
    try:
        with _opened(path) as content:
            digest, _size = keep(content)
            content.seek(0)
            batch = _known(folder, digest, at=at) if was_claimed else None
            if batch is None:
                batch = receive(
                    content,
                    kind=folder.kind,
                    filename=_legible(path.name),
                    origin=Batch.Origin.FOLDER,
                    state=Batch.State.CHECKING,
                    mapping=folder.mapping,
                    folder=folder,
                    at=at,
                )
    except TooLargeError:
        log.warning("a watched file is too large", folder=folder.path)
        _move(path, folder, TOO_LARGE)
        return None
    except OSError as error:
        log.warning("a watched file cannot be read", folder=folder.path, why=error.errno)
        _move(path, folder, UNREADABLE)
        return None
    path.unlink()
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


def _opened(path: Path) -> IO[bytes]:
    """Open a file itself: whoever may write to the folder may have put a link or a pipe in its place."""
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
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


def _move(path: Path, folder: Folder, aside: str) -> None:
    """Move a file aside; one of the same name that lies there gives way by a number."""
    place = place_of(folder) / aside
    place.mkdir(mode=0o700, exist_ok=True)
    _refuse_links(place)
    target, number = place / path.name, 1
    while os.path.lexists(target):
        number += 1
        target = place / f"{number}-{path.name[-200:]}"
    path.rename(target)
