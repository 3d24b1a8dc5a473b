"""Telegram, by its Bot API: sendMessage to the chat that a person opened with our bot.

The account's secret is the bot's token; its option `url` may name another server.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import httpx2
from django.utils.translation import gettext as _

from apps.messaging.channels import Account, Answer, Letter, Verdict, calls

URL = "https://api.telegram.org"
LONGEST = 4_096  # characters
BLOCKED, REFUSED, HASTE = 403, 400, 429
NOBODY = ("chat not found", "user is deactivated", "user not found", "peer_id_invalid")


OPTIONS = {"url": "", "bot": ""}  # `bot`: its name, to which clients are invited


class Bot:
    """Connections to the bot's server."""

    def __init__(self, opened: httpx2.Client, account: Account) -> None:
        self.opened = opened
        self.window = account.window
        base = str(account.options.get("url") or URL).rstrip("/")
        self.url = f"{base}/bot{account.secret}/sendMessage" if account.secret else ""

    def send(self, letters: Iterable[Letter]) -> Iterator[tuple[UUID, Answer]]:
        return calls.carried(letters, self.take, self.window)

    def take(self, letter: Letter) -> Answer:
        if not self.url:
            return Answer(Verdict.AGAIN, reason=_("No bot is set up."))
        if len(letter.text) > LONGEST:
            return Answer(Verdict.NEVER, reason=_("The text is too long for a messenger."))
        message = {
            "chat_id": letter.to, "text": letter.text,
            "link_preview_options": {"is_disabled": True},
        }  # fmt: skip
        return judge(calls.post(self.opened, self.url, data=message), letter.to)


def judge(reply: calls.Reply, chat: str) -> Answer:
    said = reply.said()
    if reply.is_success:
        result = said.get("result")
        number = result.get("message_id") if isinstance(result, dict) else None
        named = calls.provider_id(number)
        if said.get("ok") is True and named:
            numbered = calls.provider_id(f"{chat}/{named}")  # by chat
            return Answer(Verdict.SENT, provider_id=numbered)
        return Answer(Verdict.UNKNOWN, reason=_("The provider's answer cannot be read."))
    why = str(said.get("description") or "").lower()
    if reply.status == BLOCKED or any(nobody in why for nobody in NOBODY):
        return Answer(
            Verdict.NEVER, gone=True, reason=_("The person takes no messages from our account.")
        )
    if reply.status == REFUSED:
        return Answer(Verdict.NEVER, reason=_("The provider does not take such a message."))
    if reply.status == HASTE:
        parameters = said.get("parameters")
        after = parameters.get("retry_after") if isinstance(parameters, dict) else None
        if isinstance(after, int):
            wait = timedelta(seconds=min(max(after, 0), calls.LONGEST_WAIT))
            return Answer(Verdict.AGAIN, reason=_("The provider asks us to wait."), wait=wait)
    return calls.refused(reply)


@contextmanager
def connect(account: Account) -> Iterator[Bot]:
    with calls.client() as opened:
        yield Bot(opened, account)
