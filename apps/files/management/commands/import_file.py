"""Brings one file in from the command line, and writes what came of each of its records."""

import errno
import os
import sys
from argparse import ArgumentParser
from collections.abc import Mapping as Named
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from apps.core import audit, clock
from apps.core.imports.kinds import KINDS
from apps.core.imports.layout import Layout, LayoutError
from apps.files.actions.bringing import bring, go_on, mark_reported
from apps.files.actions.receiving import TooLargeError
from apps.files.models import Batch, Mapping
from apps.files.queries import downloads
from apps.files.queries.progress import Progress
from apps.files.queries.reports import sentences, totals

WRONG = 2  # the exit code of a command that was called wrongly; 1: not all of the file is good
GOOD = {Batch.State.CHECKED, Batch.State.LANDED, Batch.State.UNCHANGED}
SHOWN = 10  # sentences on the terminal; the report has them all


class Command(BaseCommand):
    """The dry run is the rule: nothing of the file lands without --confirm."""

    help = (
        "Check a file and say what it would change; with --confirm, land what is good of it. The exit"
        " code is 0 where every record is good, 1 where some are not, 2 where it was called wrongly."
    )
    requires_system_checks: list[str] = []  # they import every page, for a second or more

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", metavar="KIND", help=", ".join(sorted(KINDS)))
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--mapping", metavar="NAME", help="how this source writes its files")
        parser.add_argument(
            "--control",
            metavar="NAME=TOTAL",
            action="append",
            default=[],
            help="a total that the core system says: rows=1000, premium=12500.00",
        )
        parser.add_argument("--confirm", action="store_true", help="land what is good")
        parser.add_argument(
            "--report", metavar="FILE", type=Path, help="one entry a record, as JSON"
        )

    def handle(self, *, kind: str, file: Path, **options: Any) -> None:
        how = {
            "kind": _known_kind(kind),
            "filename": file.name,
            "mapping": _mapping(options["mapping"], kind),
            "controls": _controls(options["control"]),
            "confirmed": options["confirm"],
        }
        report: Path | None = options["report"]
        if report and not report.parent.is_dir():
            raise CommandError(_("There is no folder “%s”.") % report.parent, returncode=WRONG)
        if report:
            _try(report)
        with audit.context(channel="command", name="import_file"):
            batch = self._bring(file, how)
            if report:
                _write(report, batch)
            mark_reported(batch.pk, at=clock.now())
        self._tell(batch)
        if batch.state not in GOOD or batch.rejected or batch.held or batch.note:
            sys.exit(1)

    def _bring(self, file: Path, how: dict[str, Any]) -> Batch:
        try:
            with _opened(file) as content:
                found = go_on(content, at=clock.now(), hear=self._hear, **how)
                if found:
                    return found
                content.seek(0)
                return bring(content, at=clock.now(), hear=self._hear, **how)
        except OSError as error:
            reason = _("“%(file)s” cannot be read: %(error)s.")
            said = {"file": file, "error": error.strerror or error}
            raise CommandError(reason % said, returncode=WRONG) from error
        except TooLargeError as error:
            raise CommandError(str(error), returncode=WRONG) from error

    def _hear(self, reached: Progress) -> None:
        steps = {"read": _("read"), "compare": _("compared"), "land": _("landed")}
        line = _("%(rows)d rows %(step)s, %(rate)d a second") % {
            "rows": reached.rows,
            "step": steps[reached.step],
            "rate": reached.rate,
        }
        if reached.left is not None:
            line += ", " + _("%(left)d s left") % {"left": reached.left}
        self.stdout.write(line)
        self.stdout.flush()

    def _tell(self, batch: Batch) -> None:
        counts = " · ".join(f"{name} {count}" for name, count in totals(batch).items())
        self.stdout.write(f"{batch.filename}: {batch.get_state_display()} · {counts}")
        for line in sentences(batch, SHOWN):
            self.stderr.write(line)


def _opened(file: Path) -> IO[bytes]:
    if file.is_fifo():  # it would wait for ever where nobody writes, and is read only once
        raise OSError(errno.ESPIPE, os.strerror(errno.ESPIPE))
    return file.open("rb")


def _known_kind(name: str) -> str:
    if name not in KINDS:
        known = ", ".join(sorted(KINDS))
        reason = _("There is no kind “%(name)s”; there are: %(known)s.")
        raise CommandError(reason % {"name": name, "known": known}, returncode=WRONG)
    return name


def _mapping(name: str | None, kind: str) -> Mapping | None:
    if name is None:
        return None
    mapping = Mapping.objects.filter(name=name, kind=kind).first()
    if mapping is None:
        names = ", ".join(Mapping.objects.filter(kind=kind).values_list("name", flat=True))
        reason = _("There is no mapping “%(name)s” of this kind; there are: %(known)s.")
        said = {"name": name, "known": names or "–"}
        raise CommandError(reason % said, returncode=WRONG)
    try:
        Layout.from_json(mapping.layout)
    except LayoutError as error:
        reason = _("The mapping “%(name)s” cannot be read: %(error)s")
        raise CommandError(reason % {"name": name, "error": error}, returncode=WRONG) from error
    return mapping


def _controls(said: list[str]) -> Named[str, str]:
    wrong = [each for each in said if not all(each.partition("="))]
    if wrong:
        reason = _("“%s” is no control total; write it like rows=1000.")
        raise CommandError(reason % wrong[0], returncode=WRONG)
    return dict(each.split("=", 1) for each in said)


def _half(path: Path) -> Path:
    return path.with_name(f".{path.name}.half")


def _try(path: Path) -> None:
    """Refuse a place where no report can be written before anything lands of which it would tell."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        _half(path).touch()
        _half(path).unlink()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", returncode=WRONG) from error


def _write(path: Path, batch: Batch) -> None:
    """Write the report, however many records it tells of; it is there whole or not at all."""
    half = _half(path)
    with half.open("w", encoding="utf-8") as file:
        file.writelines(downloads.report(batch))
    half.replace(path)
