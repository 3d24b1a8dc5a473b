"""POST to an endpoint, and to nothing that merely calls itself one.

A marketer types the address, so it could lead into our own network. The name is resolved here, every
address must be public unless the settings allow its network, and the connection goes to the very
address that was looked at: the name cannot change its mind in between. No redirects, no proxies.
"""

import contextlib
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from socket import IPPROTO_TCP, SHUT_RDWR, gaierror, getaddrinfo, socket
from threading import Timer
from typing import Any

import httpx2
from django.conf import settings
from django.utils.translation import gettext as _

from apps.core.recipients import may_be_written_to

TIMEOUT = httpx2.Timeout(10, connect=5)
PATIENCE = 15  # seconds for a whole exchange, however slowly its answer trickles
GONE, TOO_MANY = 410, 429
SHOWN = 500  # bytes of an answer that the log keeps
READ = 16 * 1024  # bytes of an answer that are read at most
# IPv6 addresses that carry an IPv4 address inside, which then counts.
NAT64 = IPv6Network("64:ff9b::/96")
COMPATIBLE = IPv6Network("::/96")  # given up in 2006; some systems still lead them home

Address = IPv4Address | IPv6Address


@dataclass(frozen=True)
class Answer:
    """What became of one POST; `status` None: there was no answer, and `text` says why."""

    status: int | None
    took_ms: int
    text: str
    retry_after: int = 0

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_down(self) -> bool:
        """Say whether the endpoint as a whole is unwell, and not just this message."""
        return self.status is None or self.status >= 500 or self.status in {GONE, TOO_MANY}


class UnreachableError(Exception):
    """An address may not be called, or cannot be."""


class Line:
    """The connection under a caller, which can be cut while he waits on it.

    His own time-outs are for a piece of an answer each: an endpoint that sends one byte every nine
    seconds would hold him for hours.
    """

    def __init__(self) -> None:
        self.socket: socket | None = None
        self.is_late = False

    @contextlib.contextmanager
    def cut_after(self, seconds: float) -> Iterator[None]:
        self.is_late = False
        clock = Timer(seconds, self.cut)
        clock.daemon = True
        clock.start()
        try:
            yield
        finally:
            clock.cancel()

    def cut(self) -> None:
        self.is_late = True
        if self.socket:
            with contextlib.suppress(OSError):
                self.socket.shutdown(SHUT_RDWR)

    def hear(self, event: str, said: Mapping[str, Any]) -> None:
        """Take a handle of a new connection, before what may be spoken over it, such as TLS."""
        if event == "connection.connect_tcp.complete":
            self.close()
            self.socket = said["return_value"].get_extra_info("socket").dup()
            if self.is_late:
                self.cut()

    def close(self) -> None:
        if self.socket:
            self.socket.close()
            self.socket = None


class Caller:
    """A connection to one endpoint, over which messages go out one by one."""

    def __init__(self, client: httpx2.Client, url: str, line: Line) -> None:
        self.client = client
        self.url = url
        self.line = line

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        began = time.monotonic()
        try:
            with self.line.cut_after(PATIENCE):
                status, text, retry_after = self._post(body, headers)
        except UnreachableError as error:
            status, text, retry_after = None, str(error), 0
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            said = _("No answer: %(why)s.") % {"why": type(error).__name__}
            status, text, retry_after = None, said, 0
        return Answer(status, round((time.monotonic() - began) * 1000), text, retry_after)

    def _post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str, int]:
        url = httpx2.URL(self.url)
        if not may_be_written_to(self.url):
            raise UnreachableError(
                _("Outside production only the addresses of the test list are called.")
            )
        with self.client.stream(
            "POST",
            url.copy_with(host=str(resolve(url))),
            content=body,
            headers={**headers, "host": url.netloc.decode(), "content-type": "application/json"},
            extensions={"sni_hostname": url.host, "trace": self.line.hear},
        ) as response:
            retry_after = response.headers.get("retry-after", "")
            seconds = int(retry_after) if retry_after.isdecimal() else 0
            text = _begin(response)
            if self.line.is_late:  # an answer without a length seems whole when it is cut
                raise ValueError("slow")
            return response.status_code, text, seconds


def _begin(response: httpx2.Response) -> str:
    """Read an answer's begin; a long one is cut."""
    read = b""
    for part in response.iter_raw():
        read += part
        if len(read) > READ:
            break
    text = read[:SHOWN].decode(errors="replace")
    return "".join(sign if sign.isprintable() else " " for sign in text).strip()


def resolve(url: httpx2.URL) -> Address:
    """Return the address to connect to; raise UnreachableError where any of the name's is not public."""
    if url.scheme not in {"http", "https"} or not url.host:
        raise UnreachableError(_("Webhooks go to https:// addresses only."))
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = getaddrinfo(url.host, port, proto=IPPROTO_TCP)
    except (gaierror, UnicodeError) as error:
        raise UnreachableError(_("There is no host %(host)s.") % {"host": url.host}) from error
    addresses = [ip_address(str(known[4][0]).partition("%")[0]) for known in found]
    for address in addresses:
        if not (is_allowed(address) or (url.scheme == "https" and is_public(address))):
            raise UnreachableError(
                _("%(host)s leads to %(address)s, which is no public address.")
                % {"host": url.host, "address": address}
                if url.scheme == "https"
                else _("Webhooks go to https:// addresses only.")
            )
    return addresses[0]


def is_allowed(address: Address) -> bool:
    """Say whether the settings allow an address although it is not public."""
    return any(address in network for network in _allowed(tuple(settings.WEBHOOK_NETWORKS)))


@cache
def _allowed(networks: tuple[str, ...]) -> list[IPv4Network | IPv6Network]:
    return [ip_network(network) for network in networks]


def is_public(address: Address) -> bool:
    """Say whether an address belongs to the open internet, itself and whatever it carries inside."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address.teredo is not None:
            inner = address.teredo[1]
        if inner is None and address in NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address in COMPATIBLE:
            return False
    return address.is_global and not address.is_multicast


@cache
def trust() -> ssl.SSLContext:
    """Read the certificates once a process: 55 ms."""
    return httpx2.create_ssl_context()


@contextlib.contextmanager
def connect(url: str) -> Iterator[Caller]:
    """Open what messages to one endpoint go out over."""
    line = Line()
    with (
        contextlib.closing(line),
        httpx2.Client(
            timeout=TIMEOUT,
            verify=trust(),
            trust_env=False,
            follow_redirects=False,
            headers={"user-agent": "Tidings webhooks", "accept-encoding": "identity"},
        ) as client,
    ):
        yield Caller(client, url, line)
