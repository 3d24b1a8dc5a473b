"""Print where messengers call us, and the secret by which we know them."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from apps.messaging.actions.invitations import hook_secret, messengers


class Command(BaseCommand):
    help = "Print each messenger's address for its calls, and the secret it is to be told."

    def handle(self, *args: Any, **options: Any) -> None:
        for provider in messengers().order_by("name"):
            address = f"{settings.PUBLIC_URL}/messengers/{provider.name}"
            told = "" if provider.kind == "viber" else f"  {hook_secret(provider)}"
            self.stdout.write(f"{address}{told}")
