"""Who follows a link: a person, or a machine that looks at messages. Pure."""

import re

# Programs that fetch what people send each other: previews, scanners, crawlers, libraries.
MACHINES = re.compile(
    r"bot\b|bot/|crawl|spider|preview|scan|fetch|monitor|headless|phantom|lighthouse|slurp"
    r"|facebookexternalhit|whatsapp|telegram|viber|skype|slack|discord|vkshare|imageproxy"
    r"|barracuda|proofpoint|mimecast|safelinks|symantec|trend ?micro|kaspersky|urldefense"
    r"|curl|wget|python|httpx|okhttp|go-http|java/|libwww|axios|node-fetch",
    re.IGNORECASE,
)
BROWSERS = re.compile(r"(Mozilla/5\.0 \(|Opera/).")


def is_person(method: str, agent: str, purpose: str = "") -> bool:
    """Say whether a request for a link looks like a person's.

    Browsers alone ask with GET under a browser's name; `purpose` is what Sec-Purpose says when
    they only fetch ahead. In doubt it is a machine: an opening that nobody made would mislead.
    """
    return (
        method == "GET"
        and "prefetch" not in purpose.lower()
        and BROWSERS.match(agent) is not None
        and MACHINES.search(agent) is None
    )
