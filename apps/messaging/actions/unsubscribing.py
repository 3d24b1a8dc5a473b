"""Withdrawing a consent from a letter itself, without a login: once, and at once."""

from collections.abc import Sequence
from datetime import datetime

from apps.messaging.channels import unsubscribing
from apps.messaging.models.outbox import Message
from apps.profiles.actions.consents import Answer, record_consents
from apps.profiles.queries import consents

TEXT_VERSION = "unsubscribe-1"  # of the page's sentence


def find_unsubscribed(token: str) -> Message | None:
    """Find the letter that a token belongs to, unless nobody agreed to its kind."""
    key = unsubscribing.key_of(token)
    if key is None:
        return None
    letters = Message.objects.select_related("notice__client", "notice__template")
    return letters.filter(key=key).exclude(notice__template__purpose="").first()


def has_unsubscribed(message: Message) -> bool:
    notice = message.notice
    standing = consents([notice.client_id], notice.template.purpose)
    return (notice.client_id, message.channel) not in standing


def unsubscribe(message: Message, *, at: datetime, purposes: Sequence[str] = ()) -> bool:
    """Withdraw the consent that a letter stands on, or several; False where that was done before."""
    answers = [
        Answer(
            client_id=message.notice.client_id,
            purpose=purpose,
            channel=message.channel,
            granted=False,
            text_version=TEXT_VERSION,
            source=f"message:{message.pk}",
        )
        for purpose in purposes or [message.notice.template.purpose]
    ]
    return record_consents(answers, at=at) > 0
