"""Viber, by its REST Bot API: send_message to a person who opened our account.

The account's secret is the bot's token; its option `url` may name another server.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

import httpx2
from django.conf import settings
from django.utils.translation import gettext as _

from apps.messaging.channels import Account, Answer, Letter, Verdict, calls

URL = "https://chatapi.viber.com"
LONGEST = 7_000  # characters
LONGEST_NAME = 28  # characters of a sender
TAKEN = 0
# Of its list of codes: who is not there, and what is wrong with the message itself.
GONE = {5, 6}  # not registered, not subscribed
REFUSED = {3, 4, 9, 11}  # bad or missing data, a type that the person's version cannot show


OPTIONS = {"url": "", "uri": ""}  # `uri`: of the account, to which clients are invited


class Bot:
    """Connections to the bot's server."""

    def __init__(self, opened: httpx2.Client, account: Account) -> None:
        self.opened = opened
        self.account = account
        base = str(account.options.get("url") or URL).rstrip("/")
        self.url = f"{base}/pa/send_message"
        self.sender = (account.sender or settings.ISSUER_NAME)[:LONGEST_NAME]

    def send(self, letters: Iterable[Letter]) -> Iterator[tuple[UUID, Answer]]:
        return calls.carried(letters, self.take, self.account.window)

    def take(self, letter: Letter) -> Answer:
        if not self.account.secret:
            return Answer(Verdict.AGAIN, reason=_("No bot is set up."))
        if len(letter.text) > LONGEST:
            return Answer(Verdict.NEVER, reason=_("The text is too long for a messenger."))
        message = {
            "receiver": letter.to, "type": "text", "text": letter.text,
            "sender": {"name": self.sender}, "tracking_data": str(letter.key),
        }  # fmt: skip
        headers = {"X-Viber-Auth-Token": self.account.secret}
        return judge(calls.post(self.opened, self.url, headers=headers, data=message))


def judge(reply: calls.Reply) -> Answer:
    """Read an answer: Viber says 200 to nearly everything and means its own status."""
    if not reply.is_success:
        return calls.refused(reply)
    said = reply.said()
    status, named = said.get("status"), calls.provider_id(said.get("message_token"))
    if status == TAKEN and named:
        return Answer(Verdict.SENT, provider_id=named)
    if not isinstance(status, int) or status == TAKEN:
        return Answer(Verdict.UNKNOWN, reason=_("The provider's answer cannot be read."))
    if status in GONE:
        return Answer(
            Verdict.NEVER, gone=True, reason=_("The person takes no messages from our account.")
        )
    reason = _("The provider answered %(status)s.") % {"status": status}
    return Answer(Verdict.NEVER if status in REFUSED else Verdict.AGAIN, reason=reason)


@contextmanager
def connect(account: Account) -> Iterator[Bot]:
    with calls.client() as opened:
        yield Bot(opened, account)
