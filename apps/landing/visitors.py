"""Who follows a link: a person or a machine, and whether a browser is the client's own. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

# Programs that fetch what people send each other: previews, scanners, crawlers, libraries.
MACHINES = re.compile(
    r"bot\b|bot/|crawl|spider|preview|scan|fetch|monitor|headless|phantom|lighthouse|slurp"
    r"|facebookexternalhit|whatsapp|telegram|viber|skype|slack|discord|vkshare|imageproxy"
    r"|barracuda|proofpoint|mimecast|safelinks|symantec|trend ?micro|kaspersky|urldefense"
    r"|curl|wget|python|httpx|okhttp|go-http|java/|libwww|axios|node-fetch",
    re.IGNORECASE,
)
BROWSERS = re.compile(r"(Mozilla/5\.0 \(|Opera/).")


@lru_cache(1024)  # many people have the same browser
def signs(method: str, agent: str, purpose: str = "", languages: str = "") -> tuple[str, ...]:
    """Say what in a request for a link speaks for a machine.

    Browsers alone ask with GET under a browser's name, and say which languages are read; `purpose` is
    what Sec-Purpose says when they only fetch ahead.
    """
    found = {
        "head": method != "GET",
        "prefetch": "prefetch" in purpose.lower(),
        "agent": BROWSERS.match(agent) is None or MACHINES.search(agent) is not None,
        "bare": not languages,
    }
    return tuple(sign for sign, is_there in found.items() if is_there)


def is_person(method: str, agent: str, purpose: str = "") -> bool:
    """Say whether a request looks like a person's; in doubt it is a machine's."""
    return not set(signs(method, agent, purpose)) - {"bare"}


@dataclass(frozen=True)
class Evidence:
    """What somebody did in a browser on a client's page, and by which way the link had come."""

    client: int
    confirmed: bool  # an address of the client that we had known before, by its own letter
    channel: str = ""  # of the message with the link by which he pressed to see figures


@dataclass(frozen=True)
class Belief:
    """Whose a browser is, as far as that is proven."""

    client: int | None = None
    is_shared: bool = False


def belief(seen: Iterable[Evidence]) -> Belief:
    """Say whose a browser is, by what was done in it; in doubt nobody's.

    A link proves nothing: it can be forwarded to a spouse, who presses the same button. Two things
    speak for the client himself: a letter to an address that we knew before, confirmed in the browser
    that asked for it; or figures opened by links that came to him by two ways, to his phone and to
    his mailbox. A browser in which figures of two clients were opened is neither's, for good.
    """
    known = list(seen)
    clients = {each.client for each in known}
    if len(clients) != 1:
        return Belief(is_shared=len(clients) > 1)
    ways = {each.channel for each in known} - {""}
    proven = len(ways) > 1 or any(each.confirmed for each in known)
    return Belief(client=clients.pop() if proven else None)
