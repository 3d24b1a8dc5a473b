"""Tell whether every message still says what was sent."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.messaging.actions import in_app
from apps.messaging.actions.archive import breaches
from apps.messaging.models.archive import Sealed
from apps.messaging.models.reactions import Reaction


class Command(BaseCommand):
    help = "Go through the sealed messages and name those that are not as they were sent."

    def handle(self, *args: Any, **options: Any) -> None:
        changed = cleared = 0
        for breach in breaches():
            if breach.is_cleared:
                cleared += 1
                continue
            changed += 1
            what = "the seal was changed" if breach.is_chain else "the text was changed"
            self.stderr.write(f"message {breach.message_id} (seal {breach.sealed_id}): {what}")
        for message in in_app.contradicted():
            changed += 1
            self.stderr.write(f"message {message}: not the text that its client answered to")
        acknowledged = Reaction.objects.filter(deed=Reaction.Deed.ACKNOWLEDGED).count()
        sealed = Sealed.objects.count()
        self.stdout.write(
            f"{sealed} sealed, {acknowledged} acknowledged, {cleared} erased, {changed} changed"
        )
        if changed:
            raise CommandError("The archive is not as it was.")
