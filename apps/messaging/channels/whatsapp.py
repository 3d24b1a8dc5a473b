"""WhatsApp, by the Cloud API: a message to a phone number, mostly by an approved template.

The account's secret is the access token; its options are `phone_number_id`, `template` (a template
whose body is one variable, which people who have not written to us in 24 hours must be sent) and
`url` for another server. Without `template` the text goes as it is.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx2
from django.utils.translation import gettext as _

from apps.messaging.channels import Account, Answer, Letter, Verdict, calls

URL = "https://graph.facebook.com/v23.0"
LONGEST, LONGEST_VALUE = 4_096, 1_024  # characters of a text, of a template's variable
# Of its list of codes.
GONE = {131026, 131045}  # the number has no such account
HASTE = {4, 80007, 130429, 131048, 131056}
ACCOUNT = {0, 3, 10, 190, 200, 368, 131005, 131031, 131042}  # of ours: token, rights, money


OPTIONS = {"url": "", "phone_number_id": "", "template": "", "number": ""}


class Business:
    """Connections to the business account's server."""

    def __init__(self, opened: httpx2.Client, account: Account) -> None:
        self.opened = opened
        self.account = account
        base = str(account.options.get("url") or URL).rstrip("/")
        number = account.options.get("phone_number_id")
        self.url = f"{base}/{number}/messages" if number and account.secret else ""

    def send(self, letters: Iterable[Letter]) -> Iterator[tuple[UUID, Answer]]:
        return calls.carried(letters, self.take, self.account.window)

    def take(self, letter: Letter) -> Answer:
        if not self.url:
            return Answer(Verdict.AGAIN, reason=_("No business account is set up."))
        message = {
            "messaging_product": "whatsapp", "to": letter.to.removeprefix("+"),
            "biz_opaque_callback_data": str(letter.key),
            **content(letter, str(self.account.options.get("template") or "")),
        }  # fmt: skip
        longest = LONGEST if message["type"] == "text" else LONGEST_VALUE
        if len(letter.text) > longest:
            return Answer(Verdict.NEVER, reason=_("The text is too long for a messenger."))
        headers = {"Authorization": f"Bearer {self.account.secret}"}
        return judge(calls.post(self.opened, self.url, headers=headers, data=message))


def content(letter: Letter, template: str) -> dict[str, Any]:
    if not template:
        return {"type": "text", "text": {"body": letter.text, "preview_url": False}}
    value = {"type": "text", "text": " ".join(letter.text.split())}  # a variable has no lines
    return {
        "type": "template",
        "template": {
            "name": template,
            "language": {"code": letter.language or "en"},
            "components": [{"type": "body", "parameters": [value]}],
        },
    }


def judge(reply: calls.Reply) -> Answer:
    said = reply.said()
    if reply.is_success:
        sent = said.get("messages")
        first = sent[0] if isinstance(sent, list) and sent else None
        named = calls.provider_id(first.get("id")) if isinstance(first, dict) else ""
        if named:
            return Answer(Verdict.SENT, provider_id=named)
        return Answer(Verdict.UNKNOWN, reason=_("The provider's answer cannot be read."))
    error = said.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(code, int):
        return calls.refused(reply)
    if code in GONE:
        return Answer(
            Verdict.NEVER, gone=True, reason=_("The person takes no messages from our account.")
        )
    if code in HASTE | ACCOUNT or reply.status >= 500:
        return calls.refused(reply)
    reason = _("The provider refused the message with code %(code)s.") % {"code": code}
    return Answer(Verdict.NEVER, reason=reason)


@contextmanager
def connect(account: Account) -> Iterator[Business]:
    with calls.client() as opened:
        yield Business(opened, account)
