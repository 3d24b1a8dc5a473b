"""A file comes in: kept in private under what it contains, and known as a batch from then on."""

import hashlib
import os
import tempfile
from collections.abc import Mapping as Named
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils.translation import gettext as _

from apps.files.actions.discarding import discard
from apps.files.actions.turns import settle_content
from apps.files.models import Batch, Folder, Mapping, kept_at

CHUNK = 2**20
COMING = ".coming-"  # how a file is called that is not whole yet
BROKEN_OFF = 24 * 3600  # seconds without a byte, after which nobody is writing it any more


class TooLargeError(ValueError):
    """A file that nobody takes in whole; the text says the limit."""


def receive(
    content: IO[bytes],
    *,
    kind: str,
    filename: str,
    origin: str,
    at: datetime,
    state: str = Batch.State.RECEIVED,
    by: AbstractBaseUser | None = None,
    mapping: Mapping | None = None,
    folder: Folder | None = None,
    controls: Named[str, str] | None = None,
    confirmed: bool = False,
) -> Batch:
    """Keep a file and return its batch; once it is CHECKING, by `begin` or at once, `work` reads it.

    `controls` are totals that the core system says: `rows`, or the name of an amount's column.
    `confirmed`: whoever brings it wants what is good of it to land without a look. Raises
    TooLargeError.
    """
    with transaction.atomic():
        digest, size = keep(content)
        return Batch.objects.create(
            kind=kind,
            filename=Path(filename).name[:200],
            sha256=digest,
            size=size,
            origin=origin,
            state=state,
            folder=folder,
            mapping=mapping,
            layout=mapping.layout if mapping else {},
            is_complete=mapping.is_complete if mapping else False,
            controls=dict(controls or {}),
            lands_alone=folder.lands_alone if folder else False,
            received_at=at,
            received_by_id=by.pk if by else None,
            confirmed_at=at if confirmed else None,
            confirmed_by_id=by.pk if by and confirmed else None,
        )


def keep(content: IO[bytes]) -> tuple[str, int]:
    """Store a file in private under its SHA-256; return that and its size. Twice is once.

    Nobody throws it away until the end of the transaction, by when a batch needs it.
    """
    folder = Path(settings.FILES_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=folder, prefix=COMING, delete=False) as file:
        coming = Path(file.name)  # 0600 from the start
        try:
            while chunk := content.read(CHUNK):
                size += len(chunk)
                _refuse_large(size)
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
            settle_content(digest.hexdigest())
        except BaseException:
            coming.unlink()
            raise
    place = kept_at(digest.hexdigest())
    place.parent.mkdir(mode=0o700, exist_ok=True)
    coming.replace(place)
    for names in (place.parent, folder):  # whoever brought it may throw his own away now
        _settle(names)
    return digest.hexdigest(), size


def clear_broken_off() -> None:
    """Throw away what somebody was killed over while it came in, or before its batch was known."""
    folder = Path(settings.FILES_DIR)
    if not folder.is_dir():
        return
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        now = os.fstat(file.fileno()).st_mtime  # by the clock of that disk
    for path in folder.glob(f"{COMING}*"):
        with suppress(FileNotFoundError):  # it has just become whole
            if path.stat().st_mtime < now - BROKEN_OFF:
                path.unlink()
    known = set(Batch.objects.values_list("sha256", flat=True).distinct())
    for path in folder.glob("??/*"):
        with suppress(FileNotFoundError):
            if path.name not in known and path.stat().st_mtime < now - BROKEN_OFF:
                discard([path.name], unless=Batch.objects.all())


def _settle(folder: Path) -> None:
    """Have the disk hold the names in a folder, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refuse_large(size: int) -> None:
    if size > settings.FILES_MOST_BYTES:
        most = settings.FILES_MOST_BYTES // 2**20
        raise TooLargeError(_("The file is larger than %(most)d MB; split it.") % {"most": most})
