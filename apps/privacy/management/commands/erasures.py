"""Keep the list of erasures beside the backups, and erase again whom a restored one brought back."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.core import audit, clock
from apps.privacy.actions.erasing import erase_again
from apps.privacy.models import Erasure


class Command(BaseCommand):
    help = "--write the list of erasures to a file, or --apply it to a restored database."

    def add_arguments(self, parser: CommandParser) -> None:
        way = parser.add_mutually_exclusive_group(required=True)
        way.add_argument("--write", type=Path, metavar="FILE")
        way.add_argument("--apply", type=Path, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["write"]:
            self.write(options["write"])
            return
        again = 0
        with audit.context(channel="command", name="erasures"):
            for line in json.loads(options["apply"].read_text()):
                reason = f"again: {line['digest']}"
                again += erase_again(line["client"], reason=reason, at=clock.now())
        self.stdout.write(f"{again} erased again")

    def write(self, file: Path) -> None:
        """Write the numbers of the erased and nothing else of them."""
        done = Erasure.objects.exclude(digest="").order_by("pk")
        lines = [{"client": each.client_id, "digest": each.digest} for each in done]
        file.write_text(json.dumps(lines, indent=1))
        self.stdout.write(f"{len(lines)} erasures")
