"""The world outside, for tests: real SMTP and HTTP servers that keep what they are sent.

What runs in threads of its own needs real transactions, after which every table is empty: the
wordings and listeners that migrations brought are put back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any

from apps.demo.actions.letters import keep_letter
from apps.demo.mailbox import Mailbox

TOKEN = "the gateway's token"


@contextmanager
def mailbox(settings: Any, *, at: datetime) -> Iterator[Mailbox]:
    """Let mail and SMS go to phones and inboxes whose real moment is always the same."""
    with Mailbox(partial(keep_letter, at=at), token=TOKEN) as running:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.smtp_port
        settings.SMS_GATEWAY_URL, settings.SMS_GATEWAY_TOKEN = running.sms_url, TOKEN
        yield running
