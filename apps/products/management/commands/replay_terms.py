"""Prints what became of term sheets on their own past: one JSON result a line and nothing else."""

import io
import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from django.core.management.base import BaseCommand

from apps.products.cases import Answer, answered, cases_of, refused
from apps.products.terms.fields import parse
from apps.products.terms.sheet import TermSheetError

UTF_8, KEPT = "utf-8-sig", "surrogateescape"  # one broken byte spoils its line and no other


class Command(BaseCommand):
    """Replay cases from files, or from standard input line by line; no database is asked."""

    help = (
        "Replay term sheets on past prices. FILE holds one case (an object with spec and market), "
        'many ({"cases": […]}) or one a line; - is standard input, one case a line.'
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE")
        parser.add_argument(
            "--check",
            action="store_true",
            help="Compare each result with what its case says under expected.",
        )

    def handle(self, *, files: list[str], check: bool, **_options: object) -> None:
        right = True
        for name in files:
            for answer in _answers(name, check=check):
                self.stdout.write(json.dumps(answer.values))
                self.stdout.flush()
                right = right and answer.right
        if not right:
            sys.exit(1)


def _answers(name: str, *, check: bool) -> Iterator[Answer]:
    try:
        if name == "-":
            with io.TextIOWrapper(sys.stdin.buffer, encoding=UTF_8, errors=KEPT) as lines:
                yield from _of_lines(lines, check=check)
        else:
            with Path(name).open(encoding=UTF_8, errors=KEPT) as lines:
                yield from _of_lines(lines, check=check)
    except OSError as error:
        yield refused(f"{name} cannot be read: {error}.", {"file": name})


def _of_lines(lines: TextIO, *, check: bool, start: int = 1) -> Iterator[Answer]:
    """Answer case by case as lines come in; a first line that is no JSON may begin a long value."""
    first = True
    for number, line in enumerate(lines, start):
        if not line.strip():
            continue
        begun = 0
        try:
            for case in cases_of(line):
                begun += 1
                yield answered(case, compared=check)
        except TermSheetError as refusal:
            answer = refused(f"line {number}: {refusal}", {"line": number})
            if first:
                text = line + lines.read()
                yield from _of_text(text, number, answer, begun=begun, check=check)
                return
            yield answer
        first = False


def _of_text(
    text: str, number: int, of_line: Answer, *, begun: int, check: bool
) -> Iterator[Answer]:
    """Answer a text that is one JSON value, or else lines of which the first cannot be read.

    So many cases as have `begun` stood whole in its first line and are answered already.
    """
    found = 0
    try:
        for found, case in enumerate(cases_of(text), 1):
            if found > begun:
                yield answered(case, compared=check)
    except TermSheetError as refusal:
        rest = text.partition("\n")[2]
        if found > begun or not any(_is_case(line) for line in rest.splitlines()):
            yield refused(str(refusal))
            return
        yield of_line
        yield from _of_lines(io.StringIO(rest), check=check, start=number + 1)


def _is_case(line: str) -> bool:
    try:
        return isinstance(parse(line), dict)
    except TermSheetError:
        return False
