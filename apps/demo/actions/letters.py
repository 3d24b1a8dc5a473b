"""Phones and inboxes keep what they receive."""

from datetime import datetime

from apps.demo.models import Letter
from apps.demo.queries import world


def keep_letter(letter: Letter, *, at: datetime) -> None:
    """Keep a letter that arrives at a real moment, under the world's; a known one stays as it is."""
    here = world()
    letter.received_at = here.moment(at) if here else at
    Letter.objects.bulk_create([letter], ignore_conflicts=True)
