"""SMS through an HTTP gateway, as the options of its provider describe it.

Without options: POST {"to", "from", "text", "key"} to the address of the settings, answered with
{"id"}. A gateway that says 200 and no id has not said that it took the message.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx2
from django.conf import settings
from django.utils.translation import gettext as _

from apps.messaging.channels import Account, Answer, Letter, Verdict, calls
from apps.messaging.channels.options import Misset, OptionsError, are_numbers, read_options

PLACE = re.compile(r"\{(\w+)\}")
LONGEST_ID = 120  # of Message.provider_id

# {to}, {digits} (without +), {sender}, {text} and {key} are filled in wherever they stand; {secret}
# and {basic} (user:password in base64) in headers alone, since bodies and addresses get into logs.
OPTIONS: dict[str, Any] = {
    "url": "",  # empty: that of the settings
    "method": "POST",
    "headers": {"Authorization": "Bearer {secret}", "Idempotency-Key": "{key}"},
    "body": {"to": "{to}", "from": "{sender}", "text": "{text}", "key": "{key}"},
    "encoding": "json",  # or "form"; GET writes it into the address
    "id_at": "id",  # where the id stands in the answer: messages.0.id
    "status_suffices": False,  # a good status alone means that it took the message
    "error_at": "",  # where a good status hides an error: error.code; empty, null and 0 are none
    # Of the letter itself. Any other refusal is not its fault: our token, our haste, an address that
    # is wrong or has moved, a gateway that is down.
    "never": [400, 413, 415, 422],
    "never_errors": [],  # what stands at error_at when the letter will never be taken
    "unknown": [calls.GATEWAY_TIMEOUT],  # statuses that do not say whether it was taken
    "look_up_url": "",  # answers whether it has a {key}: its id, or 404
}
ALLOWED: dict[str, Callable[[Any], bool]] = {
    "method": ("POST", "PUT", "GET").__contains__,
    "encoding": ("json", "form").__contains__,
    "headers": lambda given: all(isinstance(value, str) for value in given.values()),
    "never": are_numbers,
    "unknown": are_numbers,
}


class Gateway:
    """Connections over which letters go out, so many at once as the account says."""

    def __init__(self, client: httpx2.Client, account: Account, options: dict[str, Any]) -> None:
        self.client = client
        self.account = account
        self.options = options
        self.url = options["url"] or settings.SMS_GATEWAY_URL
        self.is_down = False  # once it does not answer, the rest stays where it is

    def send(self, letters: Iterable[Letter]) -> Iterator[tuple[UUID, Answer]]:
        return calls.carried(
            letters, self.take, self.account.window, is_down=lambda _answer: self.is_down
        )

    def take(self, letter: Letter) -> Answer:
        if not self.url:
            self.is_down = True
            return Answer(Verdict.AGAIN, reason=_("No SMS gateway is set up."))
        try:
            with self.ask(letter) as response:
                answer = self.read(response, letter)
        except calls.NOT_STARTED:
            self.is_down = True
            return Answer(Verdict.AGAIN, reason=_("The SMS gateway cannot be reached."))
        except httpx2.HTTPError:
            answer = no_answer()
        self.is_down = self.is_down or answer.verdict == Verdict.UNKNOWN
        return answer

    @contextmanager
    def ask(self, letter: Letter) -> Iterator[httpx2.Response]:
        """Send the request of a letter. Raises httpx2.HTTPError."""
        options = self.options
        words = {
            "to": letter.to,
            "digits": letter.to.removeprefix("+"),
            "sender": self.account.sender or settings.SMS_SENDER,
            "text": letter.text,
            "key": str(letter.key),
        }
        body, headers = fill(options["body"], words), self.headers(words)
        url = fill(self.url, {name: quote(word, safe="") for name, word in words.items()})
        place = "json" if options["encoding"] == "json" else "data"
        place = "params" if options["method"] == "GET" else place
        with self.client.stream(options["method"], url, headers=headers, **{place: body}) as answer:
            yield answer

    def headers(self, words: Mapping[str, str]) -> dict[str, str]:
        """Fill the headers; those of a secret that we do not have are left out."""
        secret = self.account.secret or settings.SMS_GATEWAY_TOKEN
        basic = b64encode(secret.encode()).decode()
        known = {**words, "secret": secret, "basic": basic}
        return {
            "Accept-Encoding": "identity",
            **{
                name: fill(value, known)
                for name, value in self.options["headers"].items()
                if secret or not ("{secret}" in value or "{basic}" in value)
            },
        }

    def read(self, response: httpx2.Response, letter: Letter) -> Answer:
        status, options = response.status_code, self.options
        if status in options["unknown"]:
            return no_answer()
        if not response.is_success:
            lasting = status in options["never"]
            reason = _("The SMS gateway answered %(status)s.") % {"status": status}
            return Answer(Verdict.NEVER if lasting else Verdict.AGAIN, reason=reason)
        said = content(response)
        if options["error_at"] and (error := found_at(options["error_at"], said)):
            lasting = error in [str(known) for known in options["never_errors"]]
            shown = error.replace(letter.to.removeprefix("+"), "…")[:60]
            reason = _("The SMS gateway refused: %(error)s.") % {"error": shown}
            return Answer(Verdict.NEVER if lasting else Verdict.AGAIN, reason=reason)
        provider_id = found_at(options["id_at"], said)
        if provider_id or options["status_suffices"]:
            return Answer(Verdict.SENT, provider_id=provider_id)
        reason = _("The SMS gateway gave an answer without an id.")
        return Answer(Verdict.UNKNOWN, reason=reason)

    def look_up(self, keys: Sequence[UUID]) -> Iterator[tuple[UUID, Answer | None]]:
        """Ask for each letter whether it came; say nothing of those for which nobody knows."""
        for key in keys if self.options["look_up_url"] else ():
            words = {"key": str(key)}
            try:
                with self.client.stream(
                    "GET", fill(self.options["look_up_url"], words), headers=self.headers(words)
                ) as response:
                    provider_id = found_at(self.options["id_at"], content(response))
                    status = response.status_code
            except (httpx2.HTTPError, httpx2.InvalidURL):
                return
            if status == httpx2.codes.NOT_FOUND:
                yield key, None
            elif response.is_success and provider_id:
                yield key, Answer(Verdict.SENT, provider_id=provider_id)


def no_answer() -> Answer:
    return Answer(Verdict.UNKNOWN, reason=_("The SMS gateway took the message and did not answer."))


def fill(template: Any, words: Mapping[str, str]) -> Any:
    """Fill in words wherever they stand; what a word says is not looked at again."""
    match template:
        case str():
            return PLACE.sub(lambda found: words.get(found[1], found[0]), template)
        case dict():
            return {name: fill(value, words) for name, value in template.items()}
        case list():
            return [fill(value, words) for value in template]
    return template


def found_at(path: str, said: Any) -> str:
    """Return what stands at a path of an answer, as text; empty where nothing usable does."""
    for name in path.split("."):
        match said:
            case dict():
                said = said.get(name)
            case list() if name.isdecimal() and int(name) < len(said):
                said = said[int(name)]
            case _:
                return ""
    found = "" if said is None or said is False or isinstance(said, dict | list) else str(said)
    return found[:LONGEST_ID] if found.isprintable() and found != "0" else ""


def content(response: httpx2.Response) -> Any:
    """Read an answer; None for one that is no JSON, too long or too slow."""
    try:
        return json.loads(calls.body(response))
    except (ValueError, RecursionError):
        return None


@contextmanager
def connect(account: Account) -> Iterator[Gateway | Misset]:
    """Open connections for a batch of letters."""
    try:
        options = read_options(account.options, OPTIONS, ALLOWED)
    except OptionsError as error:
        yield Misset(str(error))
        return
    with calls.client() as client:
        yield Gateway(client, account, options)
